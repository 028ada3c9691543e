/* SPDX-License-Identifier: Apache-2.0 */
#include "data/volume.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/minmax.h"
#include "base/thread.h"
#include "data/alloc/ready.h"
#include "data/alloc/slots.h"

/* How long it may take the kernel to forget a file that nobody uses any more. */
#define DOOM_PATIENCE_NS 200000000ull
/* Longer than a writer in full stride needs for half a chunk. */
#define QUIET_NS 2000000000ull

static void unstall_locked(struct data_volume *vol);

/** Return: false: it was not woken until @until. */
static bool wait_until_locked(struct data_volume *vol, uint64_t until_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000),
					.tv_nsec = (long)(until_ns % 1000000000) };

	if (until_ns == UINT64_MAX)
		return pthread_cond_wait(&vol->wake, &vol->lock) == 0;
	return pthread_cond_timedwait(&vol->wake, &vol->lock, &until) != ETIMEDOUT;
}

/** @tidy_at: when there is something to tidy. A freed file always lets go of its flash; one that
 *  is only doomed may be held for ever. */
static void wait_locked(struct data_volume *vol, uint64_t tidy_at)
{
	bool patient = vol->stalled && !vol->nr_unreleased;

	if (!patient || tidy_at < vol->patience_ns) {
		(void)wait_until_locked(vol, tidy_at);
	} else if (!wait_until_locked(vol, vol->patience_ns)) {
		vol->impatient = true;
		unstall_locked(vol);
	}
}

static struct data_job *take_job_locked(struct data_volume *vol)
{
	struct data_job *job = vol->jobs;

	if (job) {
		vol->jobs = job->next;
		if (!vol->jobs)
			vol->jobs_tail = &vol->jobs;
	}
	return job;
}

/** Return: NULL: it is time to tidy, or to stop. */
static struct data_job *next_job(struct data_volume *vol, uint64_t tidy_at, bool *ret_stop)
{
	struct data_job *job;

	(void)pthread_mutex_lock(&vol->lock);
	while (!vol->jobs && !vol->stopping && clock_now_ns() < tidy_at)
		wait_locked(vol, tidy_at);
	job = take_job_locked(vol);
	*ret_stop = !job && vol->stopping;
	(void)pthread_mutex_unlock(&vol->lock);
	return job;
}

/** Return: when there is something to tidy next. */
static uint64_t tidy(struct data_volume *vol)
{
	uint64_t quiet_ns = vol->quiet_ns;

	return min_u64(slots_tidy(vol, quiet_ns), ready_tidy(vol, quiet_ns));
}

static void *work(void *arg)
{
	struct data_volume *vol = arg;
	struct data_job *job;
	bool stop = false;

	while (!stop) {
		job = next_job(vol, tidy(vol), &stop);
		if (job)
			job->run(vol, job);
	}
	return NULL;
}

static void append(struct data_job ***tail, struct data_job *job)
{
	job->next = NULL;
	**tail = job;
	*tail = &job->next;
}

void volume_queue(struct data_volume *vol, struct data_job *job)
{
	(void)pthread_mutex_lock(&vol->lock);
	append(&vol->jobs_tail, job);
	(void)pthread_cond_signal(&vol->wake);
	(void)pthread_mutex_unlock(&vol->lock);
}

/** The stalled jobs come before all others: they have waited longest. */
static void unstall_locked(struct data_volume *vol)
{
	if (!vol->stalled)
		return;
	*vol->stalled_tail = vol->jobs;
	if (!vol->jobs)
		vol->jobs_tail = vol->stalled_tail;
	vol->jobs = vol->stalled;
	vol->stalled = NULL;
	vol->stalled_tail = &vol->stalled;
	(void)pthread_cond_signal(&vol->wake);
}

void volume_expect_release(struct data_volume *vol)
{
	(void)pthread_mutex_lock(&vol->lock);
	vol->nr_unreleased++;
	(void)pthread_mutex_unlock(&vol->lock);
}

void volume_released(struct data_volume *vol)
{
	(void)pthread_mutex_lock(&vol->lock);
	vol->nr_unreleased--;
	vol->nr_releases++;
	unstall_locked(vol);
	(void)pthread_mutex_unlock(&vol->lock);
}

void volume_doom(struct data_volume *vol, bool doomed)
{
	(void)pthread_mutex_lock(&vol->lock);
	vol->nr_doomed += doomed ? 1 : -1;
	vol->impatient = false;
	unstall_locked(vol);
	(void)pthread_mutex_unlock(&vol->lock);
}

uint64_t volume_nr_releases(struct data_volume *vol)
{
	uint64_t nr;

	(void)pthread_mutex_lock(&vol->lock);
	nr = vol->nr_releases;
	(void)pthread_mutex_unlock(&vol->lock);
	return nr;
}

enum volume_stall volume_stall(struct data_volume *vol, struct data_job *job, uint64_t nr_releases)
{
	enum volume_stall verdict = VOLUME_HOPELESS;

	(void)pthread_mutex_lock(&vol->lock);
	if (vol->nr_releases != nr_releases) {
		verdict = VOLUME_RETRY;
	} else if (vol->nr_unreleased || (vol->nr_doomed && !vol->impatient)) {
		if (!vol->stalled)
			vol->patience_ns = clock_now_ns() + DOOM_PATIENCE_NS;
		append(&vol->stalled_tail, job);
		verdict = VOLUME_STALLED;
	}
	(void)pthread_mutex_unlock(&vol->lock);
	return verdict;
}

/** Slots are counted in 32 bits; a LUN with more chunks is used in part. */
static int learn_luns(struct data_volume *vol)
{
	vol->nr_luns = superpipe_nr_luns(vol->sp);
	if (vol->nr_luns == 0 || vol->nr_luns > SUPERPIPE_MAX_LUNS)
		return -EINVAL;
	for (unsigned i = 0; i < vol->nr_luns; i++) {
		const struct superpipe_lun_info *info = superpipe_lun_info(vol->sp, i);

		if (i == 0)
			vol->chunk_blocks = info->chunk_lbas;
		if (info->chunk_lbas == 0 || info->chunk_lbas != vol->chunk_blocks)
			return -EINVAL;
		vol->luns[i].nr_chunks =
			info->nr_chunks < UINT32_MAX / 2 ? info->nr_chunks : UINT32_MAX / 2;
	}
	return 0;
}

static void wake_init(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(wake, &attr);
	(void)pthread_condattr_destroy(&attr);
}

int data_volume_new(struct superpipe *sp, struct data_volume **ret_vol)
{
	struct data_volume *vol = aligned_alloc(_Alignof(struct data_volume), sizeof(*vol));
	int err;

	if (!vol)
		return -ENOMEM;
	*vol = (struct data_volume){ .sp = sp, .quiet_ns = QUIET_NS };
	vol->jobs_tail = &vol->jobs;
	vol->stalled_tail = &vol->stalled;
	TAILQ_INIT(&vol->spares);
	ready_init(&vol->ready);
	err = learn_luns(vol);
	if (err)
		goto free_vol;
	err = scratch_pool_init(&vol->scratches);
	if (err)
		goto free_vol;
	(void)pthread_mutex_init(&vol->lock, NULL);
	wake_init(&vol->wake);
	err = thread_start(&vol->worker, work, vol, "cxlfs-space");
	if (err)
		goto fini;
	*ret_vol = vol;
	return 0;

fini:
	(void)pthread_cond_destroy(&vol->wake);
	(void)pthread_mutex_destroy(&vol->lock);
	scratch_pool_fini(&vol->scratches);
free_vol:
	ready_fini(&vol->ready);
	free(vol);
	return err;
}

void data_volume_set_quiet_ms(struct data_volume *vol, unsigned ms)
{
	vol->quiet_ns = ms * 1000000ull;
}

void data_volume_free(struct data_volume *vol)
{
	if (!vol)
		return;
	ready_stop(&vol->ready);
	(void)pthread_mutex_lock(&vol->lock);
	vol->stopping = true;
	(void)pthread_cond_signal(&vol->wake);
	(void)pthread_mutex_unlock(&vol->lock);
	(void)pthread_join(vol->worker, NULL);
	ready_fini(&vol->ready);
	(void)pthread_cond_destroy(&vol->wake);
	(void)pthread_mutex_destroy(&vol->lock);
	scratch_pool_fini(&vol->scratches);
	free(vol);
}

/* More are used than there are when a LUN has shrunk behind our back. */
uint64_t volume_free_chunks(struct data_volume *vol, unsigned lun)
{
	uint64_t nr_chunks = vol->luns[lun].nr_chunks;
	uint64_t used = atomic_load_explicit(&vol->luns[lun].nr_used, memory_order_relaxed);

	return used < nr_chunks ? nr_chunks - used : 0;
}

unsigned volume_roomiest_lun(struct data_volume *vol, unsigned tried)
{
	unsigned best = vol->nr_luns;

	for (unsigned i = 0; i < vol->nr_luns; i++) {
		if (tried & (1u << i))
			continue;
		if (best == vol->nr_luns ||
		    volume_free_chunks(vol, i) > volume_free_chunks(vol, best))
			best = i;
	}
	return best;
}

void data_volume_get_stats(struct data_volume *vol, struct data_volume_stats *ret_stats)
{
	uint64_t nr_free = 0, nr_chunks = 0;
	uint64_t nr_vluns = atomic_load_explicit(&vol->nr_vluns, memory_order_relaxed);

	for (unsigned i = 0; i < vol->nr_luns; i++) {
		nr_chunks += vol->luns[i].nr_chunks;
		nr_free += volume_free_chunks(vol, i);
	}
	ret_stats->chunk_bytes = (uint64_t)vol->chunk_blocks * DATA_BLOCK_BYTES;
	ret_stats->nr_chunks = nr_chunks;
	ret_stats->nr_free_chunks = nr_free;
	ret_stats->nr_handles = superpipe_max_handles(vol->sp);
	ret_stats->nr_free_handles =
		nr_vluns < ret_stats->nr_handles ? ret_stats->nr_handles - nr_vluns : 0;
}

bool data_volume_can_add_file(struct data_volume *vol)
{
	bool can = atomic_load_explicit(&vol->nr_vluns, memory_order_relaxed) <
		   superpipe_max_handles(vol->sp);

	if (can)
		return true;
	(void)pthread_mutex_lock(&vol->lock);
	can = vol->nr_doomed > 0;
	(void)pthread_mutex_unlock(&vol->lock);
	return can;
}

void data_volume_watch(struct data_volume *vol)
{
	superpipe_start_polling(vol->sp);
}

void data_volume_unwatch(struct data_volume *vol)
{
	superpipe_stop_polling(vol->sp);
}

bool data_volume_poll(struct data_volume *vol)
{
	return superpipe_poll(vol->sp);
}

bool data_volume_is_busy(struct data_volume *vol)
{
	return superpipe_is_busy(vol->sp);
}
