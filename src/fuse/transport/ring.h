/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - the threads that serve FUSE over io_uring.
 *
 * The kernel has a queue for each processor, which requests from there go to, and each queue has
 * entries: room for one request and its answer. An entry belongs to the ring that has given its
 * last answer: there the kernel delivers the next request, and the thread of that ring makes the
 * kernel's copies. So each queue has a ring, whose thread stays on the processor of the queue. The
 * ring that serves a request gives the answer as well, wherever that was completed:
 *  - the thread that gives it must not sleep in a system call elsewhere while a request may come;
 *  - answers that are given together cost one system call.
 *
 * Where the adapter completes commands on the thread that gives them, as the emulated one does, the
 * bytes of a large request are copied twice on one thread: by the kernel and by the adapter. So when
 * a program keeps several large requests going, and there are processors without a busy ring, a
 * ring hands entries to a helper: a ring without a queue, which gives the answers itself, and so has
 * the entries until they are better off at home.
 *
 * While requests are on the adapter a ring's thread looks out for their completions itself, for as
 * long as fs_config.poll_us after the last; and it gives way, see give_way.h.
 */
#ifndef CXLFS_FUSE_TRANSPORT_RING_H
#define CXLFS_FUSE_TRANSPORT_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "fuse/fuse.h"

struct fs;
struct fs_io;
struct ring_entry;
struct rings;

#if FS_HAVE_IO_URING

/**
 * rings_hook() - send what libfuse has to send; before the session's first request
 * Return: 0; -ENOMEM; -ENOTSUP this libfuse was built without custom I/O.
 */
int rings_hook(struct fs *fs);

/**
 * rings_new() - all that can fail of having rings; with the kernel's INIT, which offers them
 * The rings serve once the answer to INIT has been sent, by the thread that calls this.
 * Return: 0; -ENOMEM; -EMFILE; -EAGAIN no thread; -errno of io_uring_setup(2).
 */
int rings_new(struct fs *fs, struct rings **ret_rings);

/**
 * rings_free() - serve no more; nothing may be under way. Accepts NULL.
 * What arrives meanwhile stays unanswered, until the session is gone.
 */
void rings_free(struct rings *rings);

/** ring_entry_here() - the entry whose request the calling thread serves; NULL: of no ring */
struct ring_entry *ring_entry_here(void);

/** ring_entry_payload() - where the kernel takes the answer's bytes from: those need no copying */
void *ring_entry_payload(const struct ring_entry *entry, size_t *ret_bytes);

/**
 * ring_keep() - the request that is being served here is answered later
 * A ring ends only after ring_release().
 */
void ring_keep(struct ring_entry *entry);
/** ring_release() - it has been answered; on the thread where ring_is_here() */
void ring_release(struct ring_entry *entry);

/** ring_is_here() - whether the calling thread is the one to answer the entry's request */
bool ring_is_here(const struct ring_entry *entry);

/** ring_answer() - have the thread that is to answer call io->done; any thread */
void ring_answer(struct ring_entry *entry, struct fs_io *io);

#else

static inline int rings_hook(struct fs *fs)
{
	(void)fs;
	return -ENOTSUP;
}

static inline int rings_new(struct fs *fs, struct rings **ret_rings)
{
	(void)fs;
	(void)ret_rings;
	return -ENOSYS;
}

static inline void rings_free(struct rings *rings)
{
	(void)rings;
}

static inline struct ring_entry *ring_entry_here(void)
{
	return NULL;
}

static inline void *ring_entry_payload(const struct ring_entry *entry, size_t *ret_bytes)
{
	(void)entry;
	*ret_bytes = 0;
	return NULL;
}

static inline void ring_keep(struct ring_entry *entry)
{
	(void)entry;
}

static inline void ring_release(struct ring_entry *entry)
{
	(void)entry;
}

static inline bool ring_is_here(const struct ring_entry *entry)
{
	(void)entry;
	return true;
}

static inline void ring_answer(struct ring_entry *entry, struct fs_io *io)
{
	(void)entry;
	(void)io;
}

#endif
#endif
