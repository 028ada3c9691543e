/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_pipe - the snapshot on its way to a successor.
 *
 * It goes through a pipe, so that one process writes it while the other one reads it. Whoever reads
 * waits for the end of the pipe: only one process may have the end to write to.
 */
#ifndef CXLFS_REPLICA_SNAPSHOT_PIPE_H
#define CXLFS_REPLICA_SNAPSHOT_PIPE_H

#include <stddef.h>
#include <stdint.h>

/** snapshot_pipe_new() - Return: 0; -errno. */
int snapshot_pipe_new(int *ret_read_fd, int *ret_write_fd);

struct snapshot_pipe_end {
	int fd;
	uint64_t deadline_ns; /* by clock_now_ns() */
};

/** snapshot_pipe_write() - a record_write_fn that does not wait for ever
 *  @arg: a struct snapshot_pipe_end. Return: 0; -EPIPE nobody reads any more; -ETIMEDOUT; -errno.
 */
int snapshot_pipe_write(void *arg, const void *data, size_t bytes);

#endif
