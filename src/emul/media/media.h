/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media - the flash of one LUN: a sparse file or a block device, read and written by offset.
 *
 * Whatever the host does to it (disk full, read-only, I/O error) comes back as an error number.
 * Threads: any; what overlapping transfers do is the caller's affair.
 */
#ifndef CXLFS_EMUL_MEDIA_MEDIA_H
#define CXLFS_EMUL_MEDIA_MEDIA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct emul_media;

/**
 * emul_media_open() - use an open medium
 * @fd: of a file or block device; taken over, also on failure
 * Return: 0; -ENOMEM.
 */
int emul_media_open(int fd, struct emul_media **ret_media);

/** emul_media_close() - accepts NULL. */
void emul_media_close(struct emul_media *media);

/**
 * emul_media_transfer() - move bytes between memory and the medium
 * @iov, @nr_iov: memory, at most 1024 pieces; changed by the call
 * @offset:       on the medium, bytes; what lies behind the end of a file reads as zeros
 * @ret_done:     bytes moved before the first that could not be; always written
 * Return: 0; -EFAULT not memory of this process; -ENOSPC, -EROFS, -EIO ... of the host.
 */
int emul_media_transfer(struct emul_media *media, bool write, struct iovec *iov, int nr_iov,
			uint64_t offset, uint64_t *ret_done);

#endif
