/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap - memory for LXTs in the shared file. A block has 1, 2, 4 ... groups of entries. Each size
 * has its own region, so the offset of a block determines its size. All functions need the adapter
 * lock.
 */
#ifndef CXLFS_EMUL_STORE_HEAP_H
#define CXLFS_EMUL_STORE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/store/shm.h"

/** emul_heap_init() - make the heap empty */
void emul_heap_init(struct emul_shm *shm);

/**
 * emul_heap_alloc() - allocate a zeroed LXT for at least @nr_entries
 * Return: its offset; 0 when the heap or the host disk is full.
 */
uint64_t emul_heap_alloc(struct emul_shm *shm, int file_fd, uint64_t nr_entries);

/** emul_heap_free() - free an LXT that no running command uses. Accepts 0. */
void emul_heap_free(struct emul_shm *shm, uint64_t lxt);

/** emul_heap_room() - capacity of an LXT in entries; 0 for no LXT */
uint64_t emul_heap_room(const struct emul_shm *shm, uint64_t lxt);

/** emul_heap_has() - true if a block that was allocated at some time begins at @lxt */
bool emul_heap_has(const struct emul_shm *shm, uint64_t lxt);

/**
 * emul_heap_rebuild() - for repair: free every block except those in use
 * @in_use: @nr offsets
 */
void emul_heap_rebuild(struct emul_shm *shm, const uint64_t *in_use, size_t nr);

/**
 * emul_heap_reserve_used() - reserve disk space for every block that was ever allocated
 * Return: as emul_store_reserve().
 */
int emul_heap_reserve_used(const struct emul_shm *shm, int file_fd);

/** emul_heap_clear_free_lists() - leave freed blocks unused until the next power-on */
void emul_heap_clear_free_lists(struct emul_shm *shm);

#endif
