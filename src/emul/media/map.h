/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - a memory mapping of a medium on tmpfs.
 *
 * For 4 KiB, a copy to or from the mapping takes about half as long as a system call. Only pages
 * that this process has written by system call before are copied: a read of a hole through the
 * mapping would allocate a page, and only a system call can report a full disk. A medium in use
 * may be truncated at page boundaries only: a copy to the rest of a partial page would be lost.
 *
 * Threads: any. Callers serialize overlapping transfers.
 */
#ifndef CXLFS_EMUL_MEDIA_MAP_H
#define CXLFS_EMUL_MEDIA_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct emul_media_map;

/**
 * emul_media_map_new() - prepare mappings of a medium that is open for reading and writing
 * @fd: borrowed; must stay open as long as the map
 * Return: NULL if only system calls can be used: the file is not on tmpfs, there is no memory,
 * or the signal handlers cannot be installed.
 */
struct emul_media_map *emul_media_map_new(int fd);

/** emul_media_map_free() - accepts NULL. */
void emul_media_map_free(struct emul_media_map *map);

/**
 * emul_media_map_move() - copy through the mapping as far as possible
 * @map: may be NULL; then nothing is copied
 * Return: bytes copied from the start. Some of the bytes that follow may have been copied as well.
 */
uint64_t emul_media_map_move(struct emul_media_map *map, bool write, const struct iovec *iov,
			     int nr_iov, uint64_t offset);

/** emul_media_map_note() - mark bytes that a system call has written; they may be copied now */
void emul_media_map_note(struct emul_media_map *map, uint64_t offset, uint64_t bytes);

#endif
