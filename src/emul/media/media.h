/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media - the flash of one LUN: a sparse file or a block device, read and written by offset.
 *
 * Errors of the host (disk full, read-only, I/O error) are returned as -errno.
 * Threads: any. Callers serialize overlapping transfers.
 */
#ifndef CXLFS_EMUL_MEDIA_MEDIA_H
#define CXLFS_EMUL_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct emul_media;

/**
 * emul_media_open() - use an open file or block device as a medium
 * @fd: takes ownership, also on failure
 * Return: 0; -ENOMEM.
 */
int emul_media_open(int fd, struct emul_media **ret_media);

/** emul_media_close() - accepts NULL. */
void emul_media_close(struct emul_media *media);

/**
 * emul_media_transfer() - move bytes between memory and the medium
 * @iov, @nr_iov: memory, at most 1024 pieces; changed by the call
 * @offset:       on the medium, bytes; beyond the end of a file, reads return zeros
 * @ret_done:     bytes moved before the first error; always written
 * Return: 0; -EFAULT @iov is not memory of this process; -ENOSPC, -EROFS, -EIO ... of the host.
 */
int emul_media_transfer(struct emul_media *media, bool write, struct iovec *iov, int nr_iov,
			uint64_t offset, uint64_t *ret_done);

#endif
