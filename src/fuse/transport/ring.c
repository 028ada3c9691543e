/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fuse/internal.h"
#include "fuse/transport/request.h"
#include "fuse/transport/ring_internal.h"

static __thread struct ring *ring_here;

/* ---- submissions ---- */

void ring_submit(struct ring *ring)
{
	if (!io_uring_sq_ready(&ring->uring))
		return;
	/* What it has not taken it takes the next time; it tells what has failed by completions. */
	(void)io_uring_submit_and_get_events(&ring->uring);
}

static struct io_uring_sqe *get_submission(struct ring *ring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&ring->uring)))
		ring_submit(ring);
	return sqe;
}

void ring_give_to_kernel(struct ring *ring, struct ring_entry *entry)
{
	ring_entry_submit(entry, get_submission(ring));
}

void ring_ask_to_be_woken(struct ring *ring)
{
	struct io_uring_sqe *sqe = get_submission(ring);

	io_uring_prep_poll_multishot(sqe, ring->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, NULL);
}

/* ---- the inbox ---- */

static struct ring_entry *take_inbox(struct ring *ring)
{
	struct ring_entry *first;

	pthread_mutex_lock(&ring->lock);
	first = ring->inbox;
	ring->inbox = NULL;
	ring->inbox_end = &ring->inbox;
	atomic_store(&ring->load, 0);
	pthread_mutex_unlock(&ring->lock);
	return first;
}

bool ring_has_mail(const struct ring *ring)
{
	return atomic_load(&ring->load) != 0;
}

static void wake_locked(struct ring *ring)
{
	const uint64_t one = 1;

	if (atomic_exchange(&ring->asleep, false))
		(void)!write(ring->wake_fd, &one, sizeof(one));
}

void ring_post(struct ring *ring, struct ring_entry *entry, struct fs_io *io)
{
	entry->io = io;
	entry->next = NULL;
	pthread_mutex_lock(&ring->lock);
	*ring->inbox_end = entry;
	ring->inbox_end = &entry->next;
	atomic_fetch_add(&ring->load, 1);
	/* Under the lock: with the last answer the ring may come to its end. */
	wake_locked(ring);
	pthread_mutex_unlock(&ring->lock);
}

void ring_wake(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	wake_locked(ring);
	pthread_mutex_unlock(&ring->lock);
}

void ring_answer(struct ring_entry *entry, struct fs_io *io)
{
	ring_post(entry->at, entry, io);
}

/* ---- serving ---- */

static void refuse(struct ring *ring, struct ring_entry *entry)
{
	const struct fuse_out_header out = { .error = -EIO };
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)&out, .iov_len = sizeof(out) };

	log_err("a request over io_uring has a length that cannot be");
	(void)ring_entry_fill(entry, &iov, 1);
	ring_give_to_kernel(ring, entry);
}

static void serve(struct ring *ring, struct ring_entry *entry, struct fuse_buf *request)
{
	ring->nr_requests++;
	ring->serving = entry;
	fuse_session_process_buf(ring->fs->session, request);
	ring->serving = NULL;
}

/* @is_mine: it was handed to this ring. */
static void take_request(struct ring *ring, struct ring_entry *entry, bool is_mine)
{
	size_t bytes;
	struct fuse_in_header *header = ring_entry_request(entry, &bytes);
	struct ring *place = ring;
	bool is_large;

	entry->at = ring;
	if (!header) {
		refuse(ring, entry);
		return;
	}
	is_large = request_is_large(header);
	if (!is_mine)
		place = rings_place(ring, entry, is_large);
	if (place != ring) {
		ring_post(place, entry, NULL);
		return;
	}
	serve(ring, entry, &(struct fuse_buf){ .mem = header, .size = bytes });
	if (ring != entry->home)
		atomic_fetch_add(&entry->home->nr_helped, 1);
	if (is_large)
		ring_submit(ring); /* the program may go on, while others are copied */
}

static bool is_session_over(const struct ring *ring)
{
	struct pollfd fd = { .fd = fuse_session_fd(ring->fs->session) };

	return poll(&fd, 1, 0) > 0 && fd.revents & POLLERR;
}

/* The kernel has not taken an entry; nobody has it now. */
static void take_refusal(struct ring *ring, const struct ring_entry *entry, int err)
{
	if (err == -ENOTCONN || err == -ECONNABORTED || is_session_over(ring))
		return;
	if (entry->is_registered) {
		log_err("io_uring, queue %u: %s", entry->queue, strerror(-err));
		fs_end_serving(ring->fs, err);
	} else {
		/* It goes on with what entries it has, or over /dev/fuse. */
		log_limited(&ring->refusals, LOG_LEVEL_WARNING, "io_uring, queue %u: an entry less: %s",
			    entry->queue, strerror(-err));
	}
}

static void take_completion(struct ring *ring, struct ring_entry *entry, int result)
{
	if (result == 0)
		take_request(ring, entry, false);
	else if (result == -EAGAIN || result == -EINTR)
		ring_give_to_kernel(ring, entry);
	else
		take_refusal(ring, entry, result);
}

/* No more than there are now: while requests are served others come, and there may be mail. */
void ring_take_completions(struct ring *ring)
{
	unsigned nr = io_uring_cq_ready(&ring->uring);
	struct io_uring_cqe *cqe;

	while (nr-- && !io_uring_peek_cqe(&ring->uring, &cqe)) {
		struct ring_entry *entry = io_uring_cqe_get_data(cqe);
		bool woken_again = cqe->flags & IORING_CQE_F_MORE;
		int result = cqe->res;

		io_uring_cqe_seen(&ring->uring, cqe);
		if (entry)
			take_completion(ring, entry, result);
		else if (!woken_again)
			ring_ask_to_be_woken(ring);
	}
}

void ring_take_mail(struct ring *ring)
{
	struct ring_entry *entry, *next;

	if (!ring_has_mail(ring))
		return;
	for (entry = take_inbox(ring); entry; entry = next) {
		next = entry->next;
		if (entry->io)
			fs_io_answer(entry->io);
		else
			take_request(ring, entry, true);
	}
}

int ring_send(struct ring_entry *entry, const struct iovec *iov, int count)
{
	int err = ring_entry_fill(entry, iov, count);

	assert(ring_is_here(entry));
	rings_forget(entry);
	ring_give_to_kernel(ring_here, entry);
	return err;
}

/* ---- for what serves requests ---- */

void ring_enter(struct ring *ring)
{
	ring_here = ring;
}

struct ring_entry *ring_entry_here(void)
{
	return ring_here ? ring_here->serving : NULL;
}

void *ring_entry_payload(const struct ring_entry *entry, size_t *ret_bytes)
{
	*ret_bytes = entry->payload_bytes;
	return entry->payload;
}

void ring_keep(struct ring_entry *entry)
{
	entry->at->nr_away++;
}

void ring_release(struct ring_entry *entry)
{
	(void)entry; /* the kernel may have it, and another ring */
	ring_here->nr_away--;
}

bool ring_is_here(const struct ring_entry *entry)
{
	return entry->at == ring_here;
}

#endif
