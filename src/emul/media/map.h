/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - a medium on a tmpfs, moved by plain copying.
 *
 * The pages of such a file are the medium itself, so it can be mapped and copied to and from, which
 * for a block of 4 KiB takes half as long as a system call does. It is done where a system call of
 * this process has written before: to read a hole through a mapping would fill it, and what has to
 * be allocated is better asked of a system call, which can say that the disk is full. A file in use
 * may be cut short at a page only: what is written to the rest of a page would be lost.
 *
 * Threads: any; what overlapping transfers do is the caller's affair.
 */
#ifndef CXLFS_EMUL_MEDIA_MAP_H
#define CXLFS_EMUL_MEDIA_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct emul_media_map;

/**
 * emul_media_map_new() - for an open medium that is read and written
 * @fd: stays the caller's, and stays open
 * Return: NULL when this one is left to system calls: no file on a tmpfs, no memory, no signals.
 */
struct emul_media_map *emul_media_map_new(int fd);

/** emul_media_map_free() - accepts NULL. */
void emul_media_map_free(struct emul_media_map *map);

/**
 * emul_media_map_move() - move as much as can be moved here
 * @map: NULL: nothing can
 * Return: bytes moved, from the first one on. Of what comes next, some may have been moved too.
 */
uint64_t emul_media_map_move(struct emul_media_map *map, bool write, const struct iovec *iov,
			     int nr_iov, uint64_t offset);

/** emul_media_map_note() - these have been written by a system call, and so are there. */
void emul_media_map_note(struct emul_media_map *map, uint64_t offset, uint64_t bytes);

#endif
