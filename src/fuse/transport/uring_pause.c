/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses the rings so that another process can take them over.
 *
 * Requests stay in the entries, unserved. The other process maps the same memory at the same
 * address and answers them over rings of its own, and with the answers it takes over the entries.
 */
#include "fuse/transport/uring.h"

#if FS_HAVE_IO_URING

#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fuse/transport/cpus.h"
#include "fuse/transport/ring_internal.h"

/* ---- requests for empty entries ---- */

struct asker {
	unsigned queue;
	void (*ask)(void *arg);
	void *arg;
};

static int bind_to(unsigned queue)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(queue, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static void *asker_main(void *arg)
{
	const struct asker asker = *(struct asker *)arg;

	free(arg);
	if (!bind_to(asker.queue))
		asker.ask(asker.arg);
	return NULL;
}

static int start_asker(struct uring *uring, const struct asker *like)
{
	struct asker *asker = malloc(sizeof(*asker));
	int err;

	if (!asker)
		return -ENOMEM;
	*asker = *like;
	err = thread_start(&uring->askers[uring->nr_askers], asker_main, asker, "cxlfs-asker");
	if (err)
		free(asker);
	else
		uring->nr_askers++;
	return err;
}

/* No program runs on a processor that is offline, so its queue gets no requests. */
static bool is_in_use(const struct ring *ring)
{
	return ring->nr_entries && cpus_is_online(ring->queue);
}

static unsigned nr_not_parked(const struct ring *ring)
{
	return ring->nr_entries - ring->nr_parked - ring->nr_refused;
}

/* As many as there are entries: those that find none wait in the kernel. */
static int start_askers(struct uring *uring, void (*ask)(void *arg), void *arg)
{
	int err = 0;

	for (unsigned i = 0; i < uring->nr_rings; i++) {
		const struct ring *ring = uring->rings[i];
		const struct asker asker = { ring->queue, ask, arg };
		unsigned nr = is_in_use(ring) ? nr_not_parked(ring) : 0;

		while (nr-- && !err)
			err = start_asker(uring, &asker);
	}
	return err;
}

static int alloc_askers(struct uring *uring)
{
	size_t nr = 0;

	for (unsigned i = 0; i < uring->nr_rings; i++)
		nr += uring->rings[i]->nr_entries;
	uring->nr_askers = 0;
	uring->askers = calloc(nr, sizeof(*uring->askers));
	return uring->askers ? 0 : -ENOMEM;
}

static void join_askers(struct uring *uring)
{
	while (uring->nr_askers)
		pthread_join(uring->askers[--uring->nr_askers], NULL);
	free(uring->askers);
	uring->askers = NULL;
}

/* ---- the pause ---- */

/* Outside of our cpuset there may be programs whose queue this process cannot fill. */
static int check_processors(const struct uring *uring)
{
	cpu_set_t before;
	int err = 0;

	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	for (unsigned i = 0; i < uring->nr_rings && !err; i++)
		err = is_in_use(uring->rings[i]) ? bind_to(uring->rings[i]->queue) : 0;
	(void)sched_setaffinity(0, sizeof(before), &before);
	return err ? -EPERM : 0;
}

void uring_note_parked(struct uring *uring)
{
	if (!uring->is_paused)
		return;
	pthread_mutex_lock(&uring->lock);
	pthread_cond_broadcast(&uring->changed);
	pthread_mutex_unlock(&uring->lock);
}

static bool all_parked(const struct uring *uring)
{
	for (unsigned i = 0; i < uring->nr_rings; i++)
		if (nr_not_parked(uring->rings[i]) && is_in_use(uring->rings[i]))
			return false;
	return true;
}

static int await_parked(struct uring *uring, uint64_t deadline_ns)
{
	const struct timespec deadline = clock_timespec(deadline_ns);
	int err = 0;

	pthread_mutex_lock(&uring->lock);
	while (!err && !all_parked(uring))
		err = pthread_cond_clockwait(&uring->changed, &uring->lock, CLOCK_MONOTONIC,
					     &deadline);
	pthread_mutex_unlock(&uring->lock);
	return -err;
}

int uring_pause(struct uring *uring, void (*ask)(void *arg), void *arg, uint64_t deadline_ns)
{
	int err = check_processors(uring);

	if (err)
		return err;
	err = alloc_askers(uring);
	if (err)
		return err;
	uring->is_paused = true;
	err = start_askers(uring, ask, arg);
	if (!err)
		err = await_parked(uring, deadline_ns);
	if (err)
		uring_resume(uring);
	return err;
}

void uring_resume(struct uring *uring)
{
	uring->is_paused = false;
	for (unsigned i = 0; i < uring->nr_rings; i++)
		ring_wake(uring->rings[i]);
	join_askers(uring);
}

#endif
