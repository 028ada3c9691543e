/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lanes - the threads that serve /dev/fuse.
 *
 * No lane waits for a command. Between requests an active one looks out for completions, whoever
 * gave the commands, and answers; what it finds done it need not be woken for. One is always
 * active, which sleeps where both find it, when nothing has happened for fs_config.poll_us.
 * Completions that come while it sleeps are answered by whoever looks out then.
 *
 * More are called, and go again when there is nothing for them:
 *  - as many as there are processors, while several programs take turns and the adapter has nothing
 *    to do; each program then mostly finds a lane on its own processor;
 *  - the same, while large requests come together, if commands are executed by the thread that
 *    gives them: they are copied at the same time;
 *  - else half as many, while requests come without an end: the programs need processors as well,
 *    and what lanes do between commands is little.
 */
#ifndef CXLFS_FUSE_TRANSPORT_LANES_H
#define CXLFS_FUSE_TRANSPORT_LANES_H

#include <stdbool.h>
#include <stddef.h>

struct fs;
struct fs_io;

/**
 * lanes_serve() - serve until the session is over or is told to exit
 * @max_lanes: how many at most; 0: as many as are of use
 * The calling thread only waits, for fs_end_serving().
 * Return: 0; -ENOMEM; -EAGAIN no thread; -errno of the device.
 */
int lanes_serve(struct fs *fs, unsigned max_lanes);

/**
 * lanes_keep() - have bytes of the request being served outlive it; on a lane
 * @io: gets ownership: as op.buf, and buf for fs_io_put()
 * Return: 0; -ENOMEM.
 */
int lanes_keep(struct fs_io *io, const char *bytes, size_t nr_bytes);

#endif
