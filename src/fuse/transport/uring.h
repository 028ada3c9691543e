/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring - the rings of a session: one for each processor that the kernel may ever have, and a
 * helper.
 *
 * libfuse has rings of its own, but several threads cannot send answers through one of them. So it
 * gets a function to send answers with, which uses our rings for the requests that came through
 * them, and announces the rings to the kernel in the answer to INIT.
 */
#ifndef CXLFS_FUSE_TRANSPORT_URING_H
#define CXLFS_FUSE_TRANSPORT_URING_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fuse/transport/libfuse.h"

struct transport;
struct uring;

#if FS_HAVE_IO_URING

/**
 * uring_new() - make the rings; while INIT is being served
 * They serve once the answer to INIT has been sent, by the thread that calls this.
 * Return: 0; -ENOMEM; -EMFILE; -EAGAIN no thread; -errno of io_uring_setup(2).
 */
int uring_new(struct transport *transport, struct uring **ret_uring);
/** uring_open() - serve; for rings whose INIT another process has answered */
void uring_open(struct uring *uring);

/**
 * uring_pause() - serve no new requests, but leave one in each entry
 * An entry without a request would lose the next one when another process takes over. So requests
 * are made until every entry has one: @ask is called on new threads, each bound to one processor,
 * and returns when its request has been answered.
 * @deadline_ns: by clock_now_ns()
 * Return: 0: end with uring_resume(); -ETIMEDOUT; -EAGAIN no thread; -ENOMEM; -EPERM this process
 * may not run on all processors. After an error serving goes on.
 */
int uring_pause(struct uring *uring, void (*ask)(void *arg), void *arg, uint64_t deadline_ns);
/** uring_resume() - serve those requests and later ones */
void uring_resume(struct uring *uring);

/** uring_free() - stop serving; no request may be in progress. Accepts NULL.
 *  Later requests stay unanswered until the session ends. */
void uring_free(struct uring *uring);

/** uring_nr_slots() - return the number of slots that uring_new() takes */
size_t uring_nr_slots(const struct transport *transport);

/** uring_send() - answer over a ring, or else with writev(2); @uring may be NULL */
ssize_t uring_send(struct uring *uring, int fd, struct iovec *iov, int count);

#else

static inline int uring_new(struct transport *transport, struct uring **ret_uring)
{
	(void)transport;
	(void)ret_uring;
	return -ENOSYS;
}

static inline void uring_free(struct uring *uring)
{
	(void)uring;
}

static inline void uring_open(struct uring *uring)
{
	(void)uring;
}

static inline int uring_pause(struct uring *uring, void (*ask)(void *arg), void *arg,
			      uint64_t deadline_ns)
{
	(void)uring;
	(void)ask;
	(void)arg;
	(void)deadline_ns;
	return -ENOSYS;
}

static inline void uring_resume(struct uring *uring)
{
	(void)uring;
}

static inline size_t uring_nr_slots(const struct transport *transport)
{
	(void)transport;
	return 0;
}

static inline ssize_t uring_send(struct uring *uring, int fd, struct iovec *iov, int count)
{
	(void)uring;
	return writev(fd, iov, count);
}

#endif
#endif
