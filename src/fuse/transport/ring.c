/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fuse/transport/ring_internal.h"

/* Copying so much takes longer than a system call or waking a thread. */
#define LARGE_BYTES (64u << 10)

static __thread struct ring *ring_here;

static void take_request(void *arg);

/* ---- submissions ---- */

void ring_submit(struct ring *ring)
{
	/* The kernel takes the rest the next time. Completions report failures. */
	if (io_uring_sq_ready(&ring->io))
		(void)io_uring_submit_and_get_events(&ring->io);
}

static struct io_uring_sqe *get_sqe(struct ring *ring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&ring->io)))
		ring_submit(ring);
	return sqe;
}

static void give_to_kernel(struct ring *ring, struct ring_entry *entry)
{
	ring_entry_submit(entry, get_sqe(ring));
}

static void watch_wake_fd(struct ring *ring)
{
	struct io_uring_sqe *sqe = get_sqe(ring);

	io_uring_prep_poll_multishot(sqe, ring->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, NULL);
}

int ring_send(struct ring_entry *entry, const struct iovec *iov, int count)
{
	int err = ring_entry_fill(entry, iov, count);

	assert(ring_is_here(entry->slot.ring));
	give_to_kernel(ring_here, entry);
	return err;
}

/* ---- requests answered later ---- */

void ring_keep(struct ring *ring)
{
	ring->nr_kept++;
}

void ring_release(struct ring *ring)
{
	ring->nr_kept--;
}

bool ring_is_here(const struct ring *ring)
{
	return ring == ring_here;
}

/* ---- serving ---- */

static void refuse(struct ring *ring, struct ring_entry *entry)
{
	const struct fuse_out_header out = { .error = -EIO };
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)&out, .iov_len = sizeof(out) };

	log_err("a request over io_uring has contradictory lengths");
	(void)ring_entry_fill(entry, &iov, 1);
	give_to_kernel(ring, entry);
}

/* Its thread goes on when it gets the entry from ring_resume_all(). */
static void pass(struct ring_entry *entry, struct ring *to)
{
	entry->slot.ring = to;
	entry->slot.resume = take_request;
	entry->slot.arg = entry;
	ring_post(to, &entry->slot);
}

/* The helper takes a large request if others wait for our thread. It answers by itself, so it also
 * gets the next requests of the entry, until one of them is small or others wait for the helper. */
static struct ring *choose_ring(struct ring *ring, const struct ring_entry *entry, bool is_large)
{
	struct ring *other = ring == entry->home ? ring->uring->helper : entry->home;

	if (!is_large)
		return entry->home;
	return io_uring_cq_ready(&ring->io) && ring_is_asleep(other) ? other : ring;
}

static void serve(struct ring *ring, struct ring_entry *entry)
{
	struct fuse_buf request = { 0 };
	struct ring *chosen;
	bool is_large;

	request.mem = ring_entry_request(entry, &request.size);
	if (!request.mem) {
		refuse(ring, entry);
		return;
	}
	idle_sched_count(&ring->idle);
	is_large = request_data_bytes(request.mem) >= LARGE_BYTES;
	chosen = choose_ring(ring, entry, is_large);
	if (chosen != ring) {
		pass(entry, chosen);
		return;
	}
	slot_begin(&entry->slot, &ring->transport->account, request.mem);
	fuse_session_process_buf(ring->transport->session, &request);
	slot_end(&entry->slot);
	/* So that the program can go on while other large requests are copied. */
	if (is_large)
		ring_submit(ring);
}

static void park(struct ring *ring, struct ring_entry *entry)
{
	entry->is_registered = true;
	*entry->is_parked = true;
	ring->nr_parked++;
	uring_note_parked(ring->uring);
}

/* The entries of a ring are parked there, even if the helper serves them. */
static void take_request(void *arg)
{
	struct ring_entry *entry = arg;
	struct ring *ring = entry->slot.ring;

	if (!ring->uring->is_paused)
		serve(ring, entry);
	else if (ring == entry->home)
		park(ring, entry);
	else
		pass(entry, entry->home);
}

static void serve_parked(struct ring *ring)
{
	if (!ring->nr_parked || ring->uring->is_paused)
		return;
	for (unsigned i = 0; i < ring->nr_entries; i++) {
		struct ring_entry *entry = &ring->entries[i];

		if (!*entry->is_parked)
			continue;
		*entry->is_parked = false;
		ring->nr_parked--;
		serve(ring, entry);
	}
}

static bool is_session_over(const struct ring *ring)
{
	struct pollfd fd = { .fd = fuse_session_fd(ring->transport->session) };

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLERR;
}

/* The kernel has rejected an entry, which is then lost. */
static void note_refusal(struct ring *ring, struct ring_entry *entry, int err)
{
	entry->home->nr_refused++;
	uring_note_parked(ring->uring);
	if (err == -ENOTCONN || err == -ECONNABORTED || is_session_over(ring))
		return;
	if (entry->is_registered) {
		log_err("io_uring, queue %u: %s", entry->queue, strerror(-err));
		transport_end(ring->transport, err);
	} else {
		/* The session continues with fewer entries, or over /dev/fuse. */
		log_limited(&ring->refusals, LOG_LEVEL_WARNING,
			    "io_uring, queue %u: an entry less: %s", entry->queue, strerror(-err));
	}
}

static void take_completion(struct ring *ring, struct ring_entry *entry, int result)
{
	if (result == 0)
		take_request(entry);
	else if (result == -EAGAIN || result == -EINTR)
		give_to_kernel(ring, entry);
	else
		note_refusal(ring, entry, result);
}

/* Takes only those that are there now, so that resumed requests are not delayed by new ones. */
static void take_completions(struct ring *ring)
{
	unsigned nr = io_uring_cq_ready(&ring->io);
	struct io_uring_cqe *cqe;

	while (nr-- && !io_uring_peek_cqe(&ring->io, &cqe)) {
		struct ring_entry *entry = io_uring_cqe_get_data(cqe);
		bool stays_watched = cqe->flags & IORING_CQE_F_MORE;
		int result = cqe->res;

		io_uring_cqe_seen(&ring->io, cqe);
		if (entry)
			take_completion(ring, entry, result);
		else if (!stays_watched)
			watch_wake_fd(ring);
	}
}

static void serve_until_over(struct ring *ring)
{
	for (unsigned i = 0; i < ring->nr_entries; i++) {
		struct ring_entry *entry = &ring->entries[i];

		if (*entry->is_parked)
			ring->nr_parked++;
		else
			give_to_kernel(ring, entry);
	}
	watch_wake_fd(ring);
	poller_start(&ring->poller);
	serve_parked(ring);
	while (!ring_is_over(ring)) {
		ring_wait(ring);
		poller_start(&ring->poller); /* before commands are submitted */
		take_completions(ring);
		ring_resume_all(ring);
		serve_parked(ring);
	}
	poller_stop(&ring->poller);
	ring_submit(ring);
}

void *ring_main(void *arg)
{
	struct ring *ring = arg;
	int err = ring_set_up(ring);

	ring_here = ring;
	poller_init(&ring->poller, ring->transport);
	if (uring_ready(ring->uring, err))
		serve_until_over(ring);
	if (!err)
		io_uring_queue_exit(&ring->io);
	return NULL;
}

#endif
