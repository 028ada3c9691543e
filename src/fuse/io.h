/* SPDX-License-Identifier: Apache-2.0 */
/* io - operations on the bytes of files. */
#ifndef CXLFS_FUSE_IO_H
#define CXLFS_FUSE_IO_H

#include "fuse/core.h"
#include "fuse/inode.h"

/**
 * struct fs_io - one data operation of a request
 *
 * After fs_io_begin() the operation sets @reply and the rest of @op and calls fs_io_submit(). At
 * the end @reply answers if all went well, or fs_io_answer() replies with the error, and the io
 * goes back to the pool. If the request came through a ring, this happens on the thread of that
 * ring.
 */
struct fs_io {
	struct data_op op;
	struct fs *fs;
	fuse_req_t req;
	uint64_t ino;
	struct slot *slot; /* holds the request; NULL: there is none */
	ssize_t result;    /* of @op, or -errno */
	void (*reply)(struct fs_io *io);
	void (*run)(struct fs_io *io); /* for fs_blocking_run() */
	struct fs_io *next;
	struct fuse_file_info fi;
	enum fs_setid setid;    /* write */
	struct stat attr;       /* setattr: what to set after a truncation */
	int to_set;             /* setattr: FUSE_SET_ATTR_... */
	uint64_t source_ino;    /* copy_file_range */
	uint64_t source_offset; /* copy_file_range */
};

/** A FIFO of ios. Its owner protects it. */
struct fs_io_queue {
	struct fs_io *first, **last;
};

static inline void fs_io_queue_init(struct fs_io_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static inline void fs_io_queue_add(struct fs_io_queue *queue, struct fs_io *io)
{
	io->next = NULL;
	*queue->last = io;
	queue->last = &io->next;
}

/** Removes and returns the first; NULL if the queue is empty. */
static inline struct fs_io *fs_io_queue_take(struct fs_io_queue *queue)
{
	struct fs_io *io = queue->first;

	if (io) {
		queue->first = io->next;
		if (!queue->first)
			queue->last = &queue->first;
	}
	return io;
}

/**
 * fs_io_get() - take an io from the pool
 * @req: NULL for work without a request. An io with a request keeps @fs until fs_io_put(), because
 *       @fs may be freed after the reply.
 * Return: NULL if there is not enough memory.
 */
struct fs_io *fs_io_get(struct fs *fs, fuse_req_t req, uint64_t ino);
void fs_io_put(struct fs_io *io);
/** fs_io_begin() - begin a request that is one data operation
 *  Return: for fs_io_submit(), fs_blocking_run() or fs_io_end(); NULL: it has been answered. */
struct fs_io *fs_io_begin(fuse_req_t req, uint64_t ino, enum data_op_kind kind, off_t offset,
			  uint64_t bytes);
/** fs_io_submit() - run io->op on the data of io->ino, or end it if io->result is an error */
void fs_io_submit(struct fs_io *io);
/** fs_io_end() - reply with io->result, on the thread of the request's ring. Any thread. */
void fs_io_end(struct fs_io *io);
/** fs_io_answer() - the same on this thread, which must be that of the ring, if there is one */
void fs_io_answer(struct fs_io *io);
/** fs_file_get() - find the data of a regular file
 *  @create: make the data object if there is none; otherwise *ret_file may be NULL
 *  Takes the locks. Return: 0; -ENOMEM; -ESTALE; -EISDIR; -EINVAL not a regular file. */
int fs_file_get(struct fs *fs, uint64_t ino, bool create, struct data_file **ret_file);

/* ---- io_pool.c ---- */

int fs_io_pool_new(struct fs_io_pool **ret_pool);
void fs_io_pool_free(struct fs_io_pool *pool);
struct fs_io *fs_io_pool_get(struct fs_io_pool *pool);
void fs_io_pool_put(struct fs_io_pool *pool, struct fs_io *io);

/* ---- blocking.c: threads for work that blocks ---- */

int fs_blocking_new(struct fs_blocking **ret_blocking);
void fs_blocking_free(struct fs_blocking *blocking);
/** Calls io->run on one of the threads. It ends with fs_io_end() or fs_io_put(). */
void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io);

#endif
