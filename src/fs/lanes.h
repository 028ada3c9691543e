/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes - the threads that serve /dev/fuse when the adapter takes its time.
 *
 * No lane waits for a command. Between requests an active one looks out for completions, whoever
 * gave the commands, and answers; what it finds done it need not be woken for. There is one active
 * lane, which sleeps where both find it, when nothing has happened for fs_config.poll_us; further
 * ones are called when requests come faster than it takes them, and go when there are no more.
 * Completions that come while it sleeps are answered by whoever looks out then.
 */
#ifndef CXLFS_FS_LANES_H
#define CXLFS_FS_LANES_H

#include <stdbool.h>
#include <stddef.h>

struct fs;
struct fs_io;

/**
 * lanes_serve() - serve until the session is over or is told to exit
 * @nr_lanes: how many at most, not 0
 * The calling thread only waits; a signal makes it look whether the session is to exit.
 * Return: 0; -ENOMEM; -EAGAIN no thread; -errno of the device.
 */
int lanes_serve(struct fs *fs, unsigned nr_lanes);

/** lanes_here() - whether the calling thread is a lane, which must not wait for a command */
bool lanes_here(void);

/**
 * lanes_keep() - have bytes of the request being served outlive it; on a lane
 * @io: gets ownership: as op.buf, and buf for fs_io_put()
 * Return: 0; -ENOMEM.
 */
int lanes_keep(struct fs_io *io, const char *bytes, size_t nr_bytes);

#endif
