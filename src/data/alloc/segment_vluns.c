/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/segment_vluns.h"

#include <errno.h>

#include "base/clock.h"
#include "base/container_of.h"

/* A segment is made ahead when less than this part of one is free, if no more than this part of
 * the free chunks and handles goes into it. */
#define SHARE 8u

void segment_vluns_init(struct segment_vluns *segments, struct lun_table *luns,
			struct worker *worker)
{
	*segments = (struct segment_vluns){ .luns = luns, .worker = worker };
	segments_init(&segments->pool, luns->chunk_blocks);
	(void)pthread_mutex_init(&segments->lock, NULL);
}

void segment_vluns_fini(struct segment_vluns *segments)
{
	(void)segment_vluns_close_empty(segments, UINT32_MAX);
	(void)pthread_mutex_destroy(&segments->lock);
	segments_fini(&segments->pool);
}

uint64_t segment_vluns_nr_unclaimed(struct segment_vluns *segments)
{
	return atomic_load_explicit(&segments->pool.nr_unclaimed, memory_order_relaxed);
}

static uint64_t nr_empty(struct segment_vluns *segments)
{
	return atomic_load_explicit(&segments->pool.nr_empty, memory_order_relaxed);
}

/* ---- making them ---- */

/* Before anybody can take blocks of it. */
static void report(struct segment_vluns *segments, struct superpipe_vlun *vlun, unsigned lun,
		   uint32_t nr_chunks, uint64_t number)
{
	DATA_CHANGED(segments->changes, .kind = DATA_CHANGE_SEGMENT, .number = number,
		     .lun = (uint8_t)lun, .handle = superpipe_vlun_handle(vlun), .nr = nr_chunks);
}

static void report_gone(struct segment_vluns *segments, uint64_t number)
{
	DATA_CHANGED(segments->changes, .kind = DATA_CHANGE_SEGMENT_GONE, .number = number);
}

/* Return: NULL: no memory. */
static struct segment *note_added(struct segment_vluns *segments, struct superpipe_vlun *vlun,
				  unsigned lun, uint32_t nr_chunks)
{
	uint64_t number = segments->pool.next_number;
	struct segment *segment;

	report(segments, vlun, lun, nr_chunks, number);
	(void)pthread_mutex_lock(&segments->lock);
	segment = segments_add(&segments->pool, vlun, lun, nr_chunks, clock_now_ns());
	if (segment)
		lun_table_count(segments->luns, lun, 0, nr_chunks);
	(void)pthread_mutex_unlock(&segments->lock);
	if (!segment)
		report_gone(segments, number);
	return segment;
}

int segment_vluns_add(struct segment_vluns *segments, unsigned lun)
{
	struct superpipe_vlun *vlun;
	uint32_t nr = 0;
	int err = -ENOSPC;

	if (lun_table_may_grow(segments->luns, lun))
		err = superpipe_vlun_open(segments->luns->sp, lun, &vlun);
	if (err)
		return err;
	err = lun_table_resize(segments->luns, vlun, 0, 1, &nr);
	if (!err)
		err = nr > 0 ? 0 : -ENOSPC;
	if (!err && !note_added(segments, vlun, lun, 1))
		err = -ENOMEM;
	if (err)
		lun_table_close(segments->luns, vlun, nr);
	return err;
}

int segment_vluns_adopt(struct segment_vluns *segments, struct superpipe_vlun *vlun, unsigned lun,
			uint64_t nr_chunks, uint64_t number, struct segment **ret_segment)
{
	struct segment *segment;

	if (nr_chunks == 0 || nr_chunks > UINT32_MAX / segments->pool.chunk_blocks ||
	    number < segments->pool.next_number || number > UINT64_MAX / 2)
		return -EPROTO;
	segments->pool.next_number = number;
	segment = note_added(segments, vlun, lun, (uint32_t)nr_chunks);
	if (!segment)
		return -ENOMEM;
	lun_table_hold(segments->luns, lun, nr_chunks);
	*ret_segment = segment;
	return 0;
}

static void note_enlarged(struct segment_vluns *segments, struct segment *segment)
{
	uint32_t nr = segment->nr_blocks / segments->pool.chunk_blocks;

	report(segments, segment->vlun, segment->lun, nr + 1, segment->number);
	(void)pthread_mutex_lock(&segments->lock);
	segments_enlarge(&segments->pool, segment, clock_now_ns());
	lun_table_count(segments->luns, segment->lun, nr, nr + 1);
	(void)pthread_mutex_unlock(&segments->lock);
}

int segment_vluns_enlarge(struct segment_vluns *segments, unsigned lun)
{
	struct segment *segment = segments_smallest(&segments->pool, lun);
	uint32_t before, after;
	int err;

	if (!segment || !lun_table_may_grow(segments->luns, lun))
		return -ENOSPC;
	err = segments_prepare_enlarge(&segments->pool, segment);
	if (err)
		return err;
	before = segment->nr_blocks / segments->pool.chunk_blocks;
	after = before;
	err = lun_table_resize(segments->luns, segment->vlun, before, before + 1, &after);
	if (after > before)
		note_enlarged(segments, segment);
	return after > before ? 0 : (err ? err : -ENOSPC);
}

bool segment_vluns_exist(struct segment_vluns *segments)
{
	return atomic_load_explicit(&segments->pool.nr_segments, memory_order_relaxed) > 0;
}

static bool should_make_ahead(struct segment_vluns *segments)
{
	struct lun_table *luns = segments->luns;

	return segment_vluns_nr_unclaimed(segments) < segments->pool.chunk_blocks / SHARE &&
	       lun_table_free_chunks(luns, lun_table_most_free(luns, 0)) >= SHARE &&
	       lun_table_nr_free(luns) >= SHARE && lun_table_free_handles(luns) >= SHARE;
}

static void run(struct worker_job *job)
{
	struct segment_vluns *segments = container_of(job, struct segment_vluns, job);

	segments->queued = false;
	/* An error does not matter: a write that needs the blocks asks again. */
	if (should_make_ahead(segments))
		(void)segment_vluns_add(segments, lun_table_most_free(segments->luns, 0));
}

static void queue(struct segment_vluns *segments)
{
	if (atomic_exchange(&segments->queued, true))
		return;
	segments->job.run = run;
	worker_queue(segments->worker, &segments->job);
}

void segment_vluns_note_taken(struct segment_vluns *segments)
{
	if (should_make_ahead(segments))
		queue(segments);
}

/* ---- giving them back ---- */

/** The worker gives back what is idle after each job, also after one that does nothing. */
void segment_vluns_note_empty(struct segment_vluns *segments)
{
	/* Either this thread sees that the worker will not look, or the worker that one is empty.
	 */
	atomic_thread_fence(memory_order_seq_cst);
	if (nr_empty(segments) > 0 && !segments->will_look)
		queue(segments);
}

static bool is_sparse(struct segment_vluns *segments)
{
	uint64_t nr_blocks = segments->pool.chunk_blocks;

	return segment_vluns_nr_unclaimed(segments) >= (nr_empty(segments) + 1) * nr_blocks;
}

void segment_vluns_note_given(struct segment_vluns *segments)
{
	segment_vluns_note_empty(segments);
	if (segments->on_sparse && is_sparse(segments) &&
	    !atomic_exchange(&segments->is_sparse_noted, true))
		segments->on_sparse(segments->on_sparse_arg);
}

void segment_vluns_on_sparse(struct segment_vluns *segments, void (*fn)(void *arg), void *arg)
{
	segments->on_sparse = fn;
	segments->on_sparse_arg = arg;
}

void segment_vluns_forget_sparse(struct segment_vluns *segments)
{
	segments->is_sparse_noted = false;
}

static bool close_one(struct segment_vluns *segments, unsigned lun, uint64_t before_ns)
{
	struct superpipe_vlun *vlun;
	uint32_t nr_chunks;
	uint64_t number;
	unsigned found;

	(void)pthread_mutex_lock(&segments->lock);
	vlun = segments_remove_empty(&segments->pool, lun, before_ns, &found, &nr_chunks, &number);
	if (vlun)
		lun_table_count(segments->luns, found, nr_chunks, 0);
	(void)pthread_mutex_unlock(&segments->lock);
	if (!vlun)
		return false;
	report_gone(segments, number);
	lun_table_close(segments->luns, vlun, nr_chunks);
	return true;
}

bool segment_vluns_close_empty(struct segment_vluns *segments, unsigned lun)
{
	bool any = false;

	while (close_one(segments, lun, UINT64_MAX))
		any = true;
	return any;
}

/* Return: when to look again; UINT64_MAX: none was empty. */
static uint64_t close_idle(struct segment_vluns *segments, uint64_t idle_ns)
{
	uint64_t now = clock_now_ns(), since;

	while (nr_empty(segments) > 0) {
		since = segments_empty_since(&segments->pool);
		if (since == UINT64_MAX)
			break;
		if (since + idle_ns > now)
			return since + idle_ns;
		/* One whose free blocks are claimed by an operation is soon not empty. */
		if (!close_one(segments, UINT32_MAX, since + 1))
			return now + idle_ns;
	}
	return UINT64_MAX;
}

uint64_t segment_vluns_close_idle(struct segment_vluns *segments, uint64_t idle_ns)
{
	uint64_t at = close_idle(segments, idle_ns);

	segments->will_look = at != UINT64_MAX;
	atomic_thread_fence(memory_order_seq_cst);
	if (at != UINT64_MAX || nr_empty(segments) == 0)
		return at;
	segments->will_look = true;
	return clock_now_ns() + idle_ns;
}
