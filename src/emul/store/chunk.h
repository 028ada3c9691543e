/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk - allocates the chunks of a LUN in the order of the real driver: upwards from the bitmap
 * word where it stopped last, then from the lowest word up to there; in a word, lowest bit first.
 *
 * All functions need the adapter lock. @lun is the number of a LUN record.
 */
#ifndef CXLFS_EMUL_STORE_CHUNK_H
#define CXLFS_EMUL_STORE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/store/shm.h"

#define EMUL_NO_CHUNK   UINT64_MAX
#define EMUL_MAX_CLONES 255 /* references to a chunk besides the first */

/**
 * emul_chunk_init() - mark all chunks of a LUN of @nr_blocks device blocks free
 * Call emul_chunk_reserve() first.
 * Return: 0; -EINVAL the LUN is smaller than a chunk.
 */
int emul_chunk_init(struct emul_shm *shm, unsigned lun, uint64_t nr_blocks);

/** emul_chunk_reserve() - allocate host disk space for a LUN's chunk state; 0 or -ENOMEM */
int emul_chunk_reserve(struct emul_shm *shm, int file_fd, unsigned lun, uint64_t nr_blocks);

/** emul_chunk_term() - end the allocator of a LUN */
void emul_chunk_term(struct emul_shm *shm, unsigned lun);

/** emul_chunk_alloc() - allocate a chunk; EMUL_NO_CHUNK when none is free */
uint64_t emul_chunk_alloc(struct emul_shm *shm, unsigned lun);

/** emul_chunk_free() - drop one reference; false when the chunk was not allocated */
bool emul_chunk_free(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_clone() - add a reference; false if not allocated, or beyond EMUL_MAX_CLONES */
bool emul_chunk_clone(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_is_shared() - true if it has more than one reference */
bool emul_chunk_is_shared(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_claim() - for repair: allocate @chunk, or add a reference if it is allocated */
void emul_chunk_claim(struct emul_shm *shm, unsigned lun, uint64_t chunk);

#endif
