/* SPDX-License-Identifier: Apache-2.0 */
/* How a ring's thread begins, waits and ends. */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fuse/transport/give_way.h"
#include "fuse/internal.h"
#include "fuse/transport/ring_internal.h"

/* Of a helper, which has entries only for a time; with more answers than that at once it enters the
 * kernel twice. */
#define HELPER_SUBMISSIONS 32

/* ---- looking out ---- */

static void start_watching(struct ring *ring)
{
	if (ring->watching || ring->fs->config.synchronous || !ring->fs->config.poll_us)
		return;
	ring->watching = true;
	data_volume_watch(ring->fs->config.volume);
}

static void stop_watching(struct ring *ring)
{
	if (!ring->watching)
		return;
	ring->watching = false;
	data_volume_unwatch(ring->fs->config.volume);
}

static bool has_something(struct ring *ring)
{
	if (ring_kernel_has_work(ring))
		(void)io_uring_get_events(&ring->uring);
	return ring_has_mail(ring) || io_uring_cq_ready(&ring->uring);
}

/* Whoever wants the processor goes first. Return: whether there is something to do. */
static bool look_out(struct ring *ring)
{
	uint64_t until_us;

	if (!ring->watching)
		return false;
	until_us = clock_now_us() + ring->fs->config.poll_us;
	do {
		if (data_volume_poll(ring->fs->config.volume) || has_something(ring))
			return true;
		(void)sched_yield();
	} while (clock_now_us() < until_us);
	return false;
}

/* ---- waiting ---- */

static void set_busy(struct ring *ring, bool busy)
{
	atomic_store_explicit(&ring->busy, busy, memory_order_relaxed);
}

/* Nothing but an interruption, or completions that must be taken first, can keep it from waiting. */
static void wait_in_kernel(struct ring *ring)
{
	struct pollfd fd = { .fd = ring->wake_fd, .events = POLLIN };
	int ret = io_uring_submit_and_wait(&ring->uring, 1);

	if (ret >= 0 || ret == -EINTR || ret == -EAGAIN || ret == -EBUSY)
		return;
	log_err("io_uring: %s", strerror(-ret));
	fs_end_serving(ring->fs, ret);
	(void)poll(&fd, 1, -1); /* for mail, or the end */
}

static bool is_over(const struct ring *ring)
{
	return atomic_load(&ring->stop) && !ring->nr_away;
}

static void sleep_for_something(struct ring *ring)
{
	set_busy(ring, false);
	atomic_store(&ring->asleep, true);
	if (!ring_has_mail(ring) && !is_over(ring))
		wait_in_kernel(ring);
	atomic_store(&ring->asleep, false);
	set_busy(ring, true);
}

static void wait_for_something(struct ring *ring)
{
	if (ring->nr_away) {
		ring_submit(ring);
		if (has_something(ring))
			return;
		if (look_out(ring))
			return;
		give_way_note_leaning(ring->manners);
	}
	stop_watching(ring);
	sleep_for_something(ring);
}

static void note_requests(struct ring *ring)
{
	if (atomic_load_explicit(&ring->nr_helped, memory_order_relaxed))
		ring->nr_requests += atomic_exchange(&ring->nr_helped, 0);
	if (!ring->nr_requests)
		return;
	/* Only now: most rings of a large machine may never have anything to do. */
	if (!ring->joined && ring->queue != RING_HELPER)
		ring->manners = give_way_join(ring->fs->give_way, NULL, NULL);
	ring->joined = true;
	give_way_note(ring->manners, ring->nr_requests);
	ring->nr_requests = 0;
}

static void serve_until_over(struct ring *ring)
{
	for (unsigned i = 0; i < ring->nr_entries; i++)
		ring_give_to_kernel(ring, &ring->entries[i]);
	ring_ask_to_be_woken(ring);
	while (!is_over(ring)) {
		note_requests(ring);
		wait_for_something(ring);
		start_watching(ring); /* before commands are given */
		ring_take_completions(ring);
		ring_take_mail(ring);
	}
	stop_watching(ring);
	ring_submit(ring);
}

/* ---- life ---- */

/* libfuse's threads of a queue stay on its processor as well. Some may be out of bounds. */
static void go_to_processor(unsigned number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (number < CPU_SETSIZE && sched_setaffinity(0, sizeof(set), &set))
		log_debug(LOGC_FS, "ring of processor %u: %s", number, strerror(errno));
}

/*
 * Without the flag for cooperation each request interrupts the ring's thread, which costs the
 * processor of whoever sends it as much as the request itself. The thread enters the kernel often
 * enough all the same: to answer, to wait, and when it looks out. To have the work deferred even
 * longer, until it waits, is no faster.
 */
static int set_up(struct ring *ring)
{
	bool is_helper = ring->queue == RING_HELPER;
	unsigned nr = is_helper ? HELPER_SUBMISSIONS : ring->nr_entries + 1;
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG,
		.cq_entries = 4 * nr,
	};
	const int fd = fuse_session_fd(ring->fs->session);
	int err;

	if (!is_helper)
		go_to_processor(ring->queue);
	err = io_uring_queue_init_params(nr, &ring->uring, &params);
	if (err)
		return err;
	err = io_uring_register_files(&ring->uring, &fd, 1);
	if (err)
		io_uring_queue_exit(&ring->uring);
	else
		(void)io_uring_register_ring_fd(&ring->uring); /* saves looking it up */
	return err;
}

void *ring_main(void *arg)
{
	struct ring *ring = arg;
	int err = set_up(ring);

	ring_enter(ring);
	if (rings_ready(ring->rings, err))
		serve_until_over(ring);
	if (!err)
		io_uring_queue_exit(&ring->uring);
	return NULL;
}

static int init_entries(struct ring *ring)
{
	int err = 0;

	for (unsigned i = 0; i < ring->nr_entries && !err; i++) {
		err = ring_entry_init(&ring->entries[i], ring, ring->queue,
				      fs_payload_bytes(ring->fs));
		if (err)
			ring->nr_entries = i;
	}
	return err;
}

static struct ring *alloc_ring(unsigned nr_entries)
{
	const size_t line = _Alignof(struct ring);
	size_t bytes = sizeof(struct ring) + nr_entries * sizeof(struct ring_entry);
	struct ring *ring = aligned_alloc(line, (bytes + line - 1) / line * line);

	if (ring)
		memset(ring, 0, sizeof(*ring));
	return ring;
}

int ring_new(struct rings *rings, struct fs *fs, unsigned queue, unsigned nr_entries,
	     struct ring **ret_ring)
{
	struct ring *ring = alloc_ring(nr_entries);
	int err;

	if (!ring)
		return -ENOMEM;
	ring->rings = rings;
	ring->fs = fs;
	ring->queue = queue;
	ring->nr_entries = nr_entries;
	ring->inbox_end = &ring->inbox;
	pthread_mutex_init(&ring->lock, NULL);
	err = init_entries(ring);
	ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!err && ring->wake_fd < 0)
		err = -errno;
	if (err) {
		ring_free(ring);
		return err;
	}
	*ret_ring = ring;
	return 0;
}

void ring_free(struct ring *ring)
{
	for (unsigned i = 0; i < ring->nr_entries; i++)
		ring_entry_fini(&ring->entries[i]);
	if (ring->wake_fd >= 0)
		close(ring->wake_fd);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

#endif
