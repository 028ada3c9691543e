/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/ready.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/minmax.h"

#define FIRST_TARGET 2
/* Of the free chunks of a LUN, and of the free handles, one in so many may be made ready. */
#define SHARE 16

void ready_init(struct ready_pool *ready)
{
	*ready = (struct ready_pool){ 0 };
	(void)pthread_mutex_init(&ready->lock, NULL);
}

void ready_fini(struct ready_pool *ready)
{
	while (ready->nr > 0)
		(void)superpipe_vlun_close(ready->vluns[--ready->nr].vlun);
	(void)pthread_mutex_destroy(&ready->lock);
}

/** A file lies on one LUN, so none should begin on one that is much fuller than another. */
static bool is_roomy(struct data_volume *vol, unsigned lun)
{
	unsigned best = volume_roomiest_lun(vol, 0);

	return volume_free_chunks(vol, lun) >= volume_free_chunks(vol, best) / 2;
}

static void take_locked(struct ready_pool *ready, unsigned i, struct ready_vlun *ret_vlun)
{
	*ret_vlun = ready->vluns[i];
	ready->vluns[i] = ready->vluns[--ready->nr];
}

bool ready_take(struct data_volume *vol, struct ready_vlun *ret_vlun)
{
	struct ready_pool *ready = &vol->ready;
	bool any = false;

	(void)pthread_mutex_lock(&ready->lock);
	for (unsigned i = ready->nr; i-- > 0 && !any;) {
		any = is_roomy(vol, ready->vluns[i].lun);
		if (any)
			take_locked(ready, i, ret_vlun);
	}
	(void)pthread_mutex_unlock(&ready->lock);
	return any;
}

/* ---- worker: giving them back ------------------------------------------------------------- */

static bool take_on(struct ready_pool *ready, unsigned lun, struct ready_vlun *ret_vlun)
{
	bool any = false;

	(void)pthread_mutex_lock(&ready->lock);
	for (unsigned i = 0; i < ready->nr && !any; i++) {
		any = ready->vluns[i].lun == lun;
		if (any)
			take_locked(ready, i, ret_vlun);
	}
	(void)pthread_mutex_unlock(&ready->lock);
	return any;
}

bool ready_reclaim(struct data_volume *vol, unsigned lun)
{
	struct ready_vlun vlun;
	bool any = false;

	while (take_on(&vol->ready, lun, &vlun)) {
		(void)superpipe_vlun_close(vlun.vlun);
		any = true;
	}
	return any;
}

bool ready_give_back(struct data_volume *vol)
{
	bool any = false;

	for (unsigned lun = 0; lun < vol->nr_luns; lun++)
		any |= ready_reclaim(vol, lun);
	return any;
}

/* ---- worker: making them ------------------------------------------------------------------ */

static unsigned nr_on_locked(const struct ready_pool *ready, unsigned lun)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < ready->nr; i++)
		nr += ready->vluns[i].lun == lun;
	return nr;
}

/** Return: whether one more on @lun is still a small share. */
static bool may_make(struct data_volume *vol, unsigned lun)
{
	struct ready_pool *ready = &vol->ready;
	struct data_volume_stats stats;
	bool may;

	data_volume_get_stats(vol, &stats);
	(void)pthread_mutex_lock(&ready->lock);
	may = ready->nr < ready->target && ready->nr < stats.nr_free_handles / SHARE &&
	      nr_on_locked(ready, lun) < volume_free_chunks(vol, lun) / SHARE;
	(void)pthread_mutex_unlock(&ready->lock);
	return may;
}

static bool make(struct data_volume *vol, struct ready_vlun *ret_vlun)
{
	uint64_t granted = 0;

	ret_vlun->lun = volume_roomiest_lun(vol, 0);
	if (!may_make(vol, ret_vlun->lun) ||
	    superpipe_vlun_open(vol->sp, ret_vlun->lun, &ret_vlun->vlun))
		return false;
	if (!superpipe_vlun_resize(ret_vlun->vlun, 1, &granted) && granted == 1)
		return true;
	(void)superpipe_vlun_close(ret_vlun->vlun);
	return false;
}

static void give_back_unroomy(struct data_volume *vol)
{
	for (unsigned lun = 0; lun < vol->nr_luns; lun++) {
		if (!is_roomy(vol, lun))
			(void)ready_reclaim(vol, lun);
	}
}

/* One at a time: whoever waits for the worker meanwhile comes in between. */
static void fill_run(struct data_volume *vol, struct data_job *job)
{
	struct ready_pool *ready = &vol->ready;
	struct ready_vlun vlun;
	bool made;

	give_back_unroomy(vol);
	made = make(vol, &vlun);
	(void)pthread_mutex_lock(&ready->lock);
	if (made)
		ready->vluns[ready->nr++] = vlun;
	ready->filling = made && ready->nr < ready->target;
	if (ready->filling)
		volume_queue(vol, job);
	(void)pthread_mutex_unlock(&ready->lock);
}

void ready_stop(struct ready_pool *ready)
{
	(void)pthread_mutex_lock(&ready->lock);
	ready->target = 0;
	(void)pthread_mutex_unlock(&ready->lock);
}

void ready_note(struct data_volume *vol, bool found)
{
	struct ready_pool *ready = &vol->ready;
	uint64_t now = clock_now_ns();

	(void)pthread_mutex_lock(&ready->lock);
	if (!found && ready->noted_ns && now < ready->noted_ns + vol->quiet_ns)
		ready->target = ready->target ? min_u(ready->target * 2, READY_MAX) : FIRST_TARGET;
	ready->noted_ns = now;
	if (!ready->filling && ready->target && (!found || ready->nr <= ready->target / 2)) {
		ready->filling = true;
		ready->job.run = fill_run;
		volume_queue(vol, &ready->job);
	}
	(void)pthread_mutex_unlock(&ready->lock);
}

/* ---- worker: when no file comes ------------------------------------------------------------ */

/** Return: when it will have been quiet for long enough; 0: it has. */
static uint64_t quiet_at(struct ready_pool *ready, uint64_t quiet_ns)
{
	uint64_t at;

	(void)pthread_mutex_lock(&ready->lock);
	at = ready->nr > 0 || ready->target > 0 ? ready->noted_ns + quiet_ns : UINT64_MAX;
	if (at <= clock_now_ns()) {
		ready->target = 0;
		at = 0;
	}
	(void)pthread_mutex_unlock(&ready->lock);
	return at;
}

uint64_t ready_tidy(struct data_volume *vol, uint64_t quiet_ns)
{
	uint64_t at = quiet_at(&vol->ready, quiet_ns);

	if (at)
		return at;
	(void)ready_give_back(vol);
	return UINT64_MAX;
}
