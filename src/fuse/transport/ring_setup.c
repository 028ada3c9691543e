/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and frees rings. */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "fuse/transport/ring_internal.h"
#include "fuse/transport/uring.h"

static void bind_to_processor(unsigned number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	/* This fails for a processor outside of our cpuset. The thread of its queue then runs
	 * anywhere. */
	if (number < CPU_SETSIZE && sched_setaffinity(0, sizeof(set), &set))
		log_debug(LOGC_FS, "ring of processor %u: %s", number, strerror(errno));
}

/*
 * Without COOP_TASKRUN each request would interrupt the ring's thread, which costs the sender's
 * processor as much as the request itself. The thread enters the kernel often enough: when it
 * answers, waits and polls. DEFER_TASKRUN is no faster.
 */
int ring_set_up(struct ring *ring)
{
	const unsigned nr = ring->transport->config.ring_depth + 1;
	const bool is_helper = !ring->nr_entries;
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
			 IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		/* The helper may come to have the entries of all queues. */
		.cq_entries = is_helper ? nr + (unsigned)uring_nr_slots(ring->transport) : 4 * nr,
	};
	const int fd = fuse_session_fd(ring->transport->session);
	int err;

	if (!is_helper)
		bind_to_processor(ring->queue);
	err = io_uring_queue_init_params(nr, &ring->io, &params);
	if (err)
		return err;
	err = io_uring_register_files(&ring->io, &fd, 1);
	if (err)
		io_uring_queue_exit(&ring->io);
	else
		(void)io_uring_register_ring_fd(
			&ring->io); /* saves a look-up of the descriptor in each system call */
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

int ring_new(struct uring *uring, unsigned queue, unsigned nr_entries, struct ring **ret_ring)
{
	struct ring *ring = alloc_ring(nr_entries);
	int err;

	if (!ring)
		return -ENOMEM;
	ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->wake_fd < 0) {
		err = -errno;
		free(ring);
		return err;
	}
	ring->uring = uring;
	ring->transport = uring->transport;
	ring->queue = queue;
	ring->nr_entries = nr_entries;
	ring->resumed_end = &ring->resumed;
	pthread_mutex_init(&ring->lock, NULL);
	for (unsigned i = 0; i < nr_entries; i++)
		ring_entry_init(&ring->entries[i], ring, queue,
				slot_region_take(&uring->transport->ring_region));
	*ret_ring = ring;
	return 0;
}

void ring_free(struct ring *ring)
{
	close(ring->wake_fd);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

#endif
