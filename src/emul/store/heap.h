/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap - memory for LXTs in the shared file: blocks of 1, 2, 4 ... groups of entries, each size
 * in a region of its own, so that an offset tells the size. All functions want the adapter lock.
 */
#ifndef CXLFS_EMUL_STORE_HEAP_H
#define CXLFS_EMUL_STORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/store/shm.h"

/** emul_heap_init() - nothing is allocated */
void emul_heap_init(struct emul_shm *shm);

/**
 * emul_heap_alloc() - a zeroed LXT for at least @nr_entries
 * Return: its offset; 0 when there is no room, here or on the host disk.
 */
uint64_t emul_heap_alloc(struct emul_shm *shm, int file_fd, uint64_t nr_entries);

/** emul_heap_free() - no command may be using the table. Accepts 0. */
void emul_heap_free(struct emul_shm *shm, uint64_t lxt);

/** emul_heap_room() - entries that an LXT has room for; 0 for no LXT */
uint64_t emul_heap_room(const struct emul_shm *shm, uint64_t lxt);

/** emul_heap_has() - is @lxt where a block that was given out once begins? */
bool emul_heap_has(const struct emul_shm *shm, uint64_t lxt);

/**
 * emul_heap_rebuild() - for repair: free everything but some tables
 * @in_use: offsets, @nr of them; not changed
 */
void emul_heap_rebuild(struct emul_shm *shm, const uint64_t *in_use, size_t nr);

/** emul_heap_clear_free_lists() - empty the free lists; their blocks are lost until power-on */
void emul_heap_clear_free_lists(struct emul_shm *shm);

#endif
