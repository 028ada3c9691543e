/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mover - the thread that moves blocks for which no operation waits.
 *
 * A chunk that has outgrown pack= gets a slot at once; what it has in extents follows here. When
 * the volume has been quiet for a while, nearly empty segments are emptied into others, so that
 * their chunks can go back.
 *
 * It is a thread of its own, because it waits for ranges that operations hold while these wait for
 * the worker.
 */
#ifndef CXLFS_DATA_MOVER_H
#define CXLFS_DATA_MOVER_H

struct allocator;
struct data_file;
struct mover;

/** mover_new() - start the thread. Return: 0; -ENOMEM; -EAGAIN no thread. */
int mover_new(struct allocator *alloc, struct mover **ret_mover);

/** mover_stop() - end after the move that runs; what waits is not moved. Others may still tell it
 *  what to do. */
void mover_stop(struct mover *mover);

/** mover_free() - free it, after mover_stop() and after the worker has stopped. Frees no file. */
void mover_free(struct mover *mover);

/** mover_pause() - do nothing more until mover_resume(). Sleeps until the present move is over. */
void mover_pause(struct mover *mover);
void mover_resume(struct mover *mover);

/** mover_queue_locked() - move the extents of chunks that have slots. With the file's lock. */
void mover_queue_locked(struct mover *mover, struct data_file *file);

/** mover_cancel_locked() - forget that; what is being moved is not affected. With the file's lock.
 */
void mover_cancel_locked(struct mover *mover, struct data_file *file);

#endif
