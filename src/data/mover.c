/* SPDX-License-Identifier: Apache-2.0 */
#include "data/mover.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/minmax.h"
#include "base/thread.h"
#include "data/file.h"
#include "data/freeze.h"
#include "data/move.h"

struct mover_job {
	TAILQ_ENTRY(mover_job) link;
	struct data_file *file; /* with a reference */
};

TAILQ_HEAD(mover_jobs, mover_job);

struct mover {
	struct allocator *alloc; /* these two: set before the thread starts */
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct mover_jobs jobs;
	uint64_t compact_at_ns; /* by clock_now_ns(); UINT64_MAX: nothing to empty */
	bool stopping, pausing;
	bool idle; /* waits */
	pthread_cond_t became_idle;
};

/* ---- into slots ---- */

/** Return: whether a block at or after *@block lies in an extent although its chunk has a slot. */
static bool find_outgrown(struct data_file *file, uint64_t *block)
{
	bool found;

	file_lock(file);
	found = !file->space.freed && mapping_next_outgrown(&file->map, block);
	file_unlock(file);
	return found;
}

static bool is_pausing(struct mover *mover)
{
	bool pausing;

	(void)pthread_mutex_lock(&mover->lock);
	pausing = mover->pausing;
	(void)pthread_mutex_unlock(&mover->lock);
	return pausing;
}

static void move_into_slots(struct mover *mover, struct data_file *file)
{
	uint64_t block = 0;
	ssize_t nr = 0;

	while (nr >= 0 && find_outgrown(file, &block)) {
		if (is_pausing(mover)) {
			file_lock(file);
			mover_queue_locked(mover, file);
			file_unlock(file);
			return;
		}
		nr = move_run(file, MOVE_TO_SLOT, block);
		block += nr > 0 ? (uint64_t)nr : 1;
	}
	if (nr < 0)
		log_debug(LOGC_DATA, "blocks stay in a segment: %s", strerror((int)-nr));
	segment_vluns_note_given(&file->space.alloc->segments);
}

/* ---- emptying segments ---- */

/** Called with the pool's lock, which comes after a file's: so this may not wait. */
static bool try_get(void *owner)
{
	struct file_space *space = owner;
	bool got;

	if (pthread_mutex_trylock(&space->lock))
		return false;
	got = space->refs > 0 && !space->freed;
	space->refs += got;
	file_space_unlock(space);
	return got;
}

static bool find_extent_in(struct data_file *file, const struct segment *segment, uint64_t *block)
{
	const struct extent *extent;

	file_lock(file);
	extent = extent_map_next_in(&file->space.extents, segment, *block);
	if (extent)
		*block = max_u64(*block, extent->block);
	file_unlock(file);
	return extent;
}

/** Return: as move_run(). */
static ssize_t move_out(struct data_file *file, const struct segment *segment)
{
	uint64_t block = 0;
	ssize_t nr = 0;

	while (nr >= 0 && find_extent_in(file, segment, &block)) {
		nr = move_run(file, MOVE_AWAY, block);
		block += nr > 0 ? (uint64_t)nr : 1;
	}
	return nr;
}

static bool must_stop(struct mover *mover)
{
	bool stop;

	(void)pthread_mutex_lock(&mover->lock);
	stop = mover->stopping || mover->pausing || !TAILQ_EMPTY(&mover->jobs);
	(void)pthread_mutex_unlock(&mover->lock);
	return stop;
}

/** Return: whether the victim is empty. @again: it was not the end of it. */
static bool empty_victim(struct mover *mover, bool *again)
{
	struct segments *pool = &mover->alloc->segments.pool;
	struct segment *victim;
	struct file_space *owner;
	ssize_t nr = 0;

	while (nr >= 0 && !must_stop(mover)) {
		owner = segments_victim_owner(pool, try_get, &victim);
		if (!victim)
			return true;
		if (!owner)
			break;
		nr = move_out(container_of(owner, struct data_file, space), victim);
		data_file_put(container_of(owner, struct data_file, space));
	}
	*again = nr >= 0;
	segments_give_up_victim(pool, nr == -EIO);
	return false;
}

static void note_sparse(void *arg)
{
	struct mover *mover = arg;

	(void)pthread_mutex_lock(&mover->lock);
	mover->compact_at_ns = clock_now_ns() + mover->alloc->idle_ns;
	(void)pthread_cond_signal(&mover->wake);
	(void)pthread_mutex_unlock(&mover->lock);
}

static void compact(struct mover *mover)
{
	struct segment_vluns *segments = &mover->alloc->segments;
	bool again = false;
	unsigned nr = 0;

	segment_vluns_forget_sparse(segments);
	while (segments_choose_victim(&segments->pool) && empty_victim(mover, &again))
		nr++;
	if (nr > 0) {
		log_debug(LOGC_DATA, "%u segments emptied", nr);
		segment_vluns_note_empty(segments);
	}
	if (again)
		note_sparse(mover);
}

/* ---- thread ---- */

static void wait_locked(struct mover *mover)
{
	const struct timespec until = { .tv_sec = (time_t)(mover->compact_at_ns / 1000000000),
					.tv_nsec = (long)(mover->compact_at_ns % 1000000000) };

	if (mover->pausing || mover->compact_at_ns == UINT64_MAX)
		(void)pthread_cond_wait(&mover->wake, &mover->lock);
	else
		(void)pthread_cond_clockwait(&mover->wake, &mover->lock, CLOCK_MONOTONIC, &until);
}

static void remove_locked(struct mover *mover, struct mover_job *job)
{
	TAILQ_REMOVE(&mover->jobs, job, link);
	job->file->move_queued = false;
}

static bool must_wait_locked(const struct mover *mover)
{
	if (mover->stopping)
		return false;
	return mover->pausing ||
	       (TAILQ_EMPTY(&mover->jobs) && clock_now_ns() < mover->compact_at_ns);
}

/** Return: a job; NULL: it is time to compact, or to stop. */
static struct mover_job *next_job(struct mover *mover, bool *ret_stop)
{
	struct mover_job *job;

	(void)pthread_mutex_lock(&mover->lock);
	while (must_wait_locked(mover)) {
		mover->idle = true;
		(void)pthread_cond_broadcast(&mover->became_idle);
		wait_locked(mover);
	}
	mover->idle = false;
	*ret_stop = mover->stopping;
	job = TAILQ_FIRST(&mover->jobs);
	if (job)
		remove_locked(mover, job);
	else
		mover->compact_at_ns = UINT64_MAX;
	(void)pthread_mutex_unlock(&mover->lock);
	return job;
}

static void run_job(struct mover *mover, struct mover_job *job, bool stop)
{
	if (!stop)
		move_into_slots(mover, job->file);
	data_file_put(job->file);
	free(job);
	worker_end_possible_release(&mover->alloc->worker);
}

static void *move_main(void *arg)
{
	struct mover *mover = arg;
	struct mover_job *job;
	bool stop;

	do {
		job = next_job(mover, &stop);
		if (job)
			run_job(mover, job, stop);
		else if (!stop)
			compact(mover);
	} while (job || !stop);
	return NULL;
}

int mover_new(struct allocator *alloc, struct mover **ret_mover)
{
	struct mover *mover = malloc(sizeof(*mover));
	int err;

	if (!mover)
		return -ENOMEM;
	*mover = (struct mover){ .alloc = alloc, .compact_at_ns = UINT64_MAX };
	TAILQ_INIT(&mover->jobs);
	(void)pthread_mutex_init(&mover->lock, NULL);
	(void)pthread_cond_init(&mover->wake, NULL);
	(void)pthread_cond_init(&mover->became_idle, NULL);
	err = thread_start(&mover->thread, move_main, mover, "cxlfs-mover");
	if (err) {
		mover_free(mover);
		return err;
	}
	segment_vluns_on_sparse(&alloc->segments, note_sparse, mover);
	*ret_mover = mover;
	return 0;
}

void mover_stop(struct mover *mover)
{
	(void)pthread_mutex_lock(&mover->lock);
	mover->stopping = true;
	(void)pthread_cond_signal(&mover->wake);
	(void)pthread_mutex_unlock(&mover->lock);
	(void)pthread_join(mover->thread, NULL);
}

void mover_free(struct mover *mover)
{
	(void)pthread_cond_destroy(&mover->became_idle);
	(void)pthread_cond_destroy(&mover->wake);
	(void)pthread_mutex_destroy(&mover->lock);
	free(mover);
}

void mover_pause(struct mover *mover)
{
	(void)pthread_mutex_lock(&mover->lock);
	mover->pausing = true;
	(void)pthread_cond_signal(&mover->wake);
	while (!mover->idle)
		(void)pthread_cond_wait(&mover->became_idle, &mover->lock);
	(void)pthread_mutex_unlock(&mover->lock);
}

void mover_resume(struct mover *mover)
{
	(void)pthread_mutex_lock(&mover->lock);
	mover->pausing = false;
	(void)pthread_cond_signal(&mover->wake);
	(void)pthread_mutex_unlock(&mover->lock);
}

void mover_queue_locked(struct mover *mover, struct data_file *file)
{
	struct mover_job *job = malloc(sizeof(*job));

	/* Without memory the blocks stay where they are until the file grows again. */
	if (!job)
		return;
	job->file = file;
	(void)pthread_mutex_lock(&mover->lock);
	if (!file->move_queued) {
		TAILQ_INSERT_TAIL(&mover->jobs, job, link);
		file->move_queued = true;
		file->space.refs++;
		job = NULL;
		worker_begin_possible_release(&mover->alloc->worker);
		(void)pthread_cond_signal(&mover->wake);
	}
	(void)pthread_mutex_unlock(&mover->lock);
	free(job);
}

static struct mover_job *find_locked(struct mover *mover, const struct data_file *file)
{
	struct mover_job *job;

	TAILQ_FOREACH(job, &mover->jobs, link)
	{
		if (job->file == file)
			break;
	}
	return job;
}

void mover_cancel_locked(struct mover *mover, struct data_file *file)
{
	struct mover_job *job;

	(void)pthread_mutex_lock(&mover->lock);
	job = file->move_queued ? find_locked(mover, file) : NULL;
	if (job) {
		remove_locked(mover, job);
		worker_end_possible_release(&mover->alloc->worker);
		file->space.refs--; /* not the last: the caller has one */
	}
	(void)pthread_mutex_unlock(&mover->lock);
	free(job);
}
