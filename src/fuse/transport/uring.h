/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uring - the rings of a session, one for each processor that the kernel may ever have.
 *
 * libfuse has rings of its own, but several threads cannot send answers through one of them. So it
 * gets a function to send answers with, which uses our rings for the requests that came through
 * them, and announces the rings to the kernel in the answer to INIT.
 */
#ifndef CXLFS_FUSE_TRANSPORT_URING_H
#define CXLFS_FUSE_TRANSPORT_URING_H

#include <errno.h>
#include <sys/uio.h>

#include "fuse/fuse.h"

struct transport;
struct uring;

#if FS_HAVE_IO_URING

/**
 * uring_new() - make the rings; while INIT is being served
 * They serve once the answer to INIT has been sent, by the thread that calls this.
 * Return: 0; -ENOMEM; -EMFILE; -EAGAIN no thread; -errno of io_uring_setup(2).
 */
int uring_new(struct transport *transport, struct uring **ret_uring);
/** uring_free() - stop serving; no request may be in progress. Accepts NULL.
 *  Later requests stay unanswered until the session ends. */
void uring_free(struct uring *uring);

/** uring_nr_slots() - the number of slots that uring_new() takes */
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
