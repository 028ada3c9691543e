/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk - the driver's allocator of chunks of a LUN, in the driver's order: from the word where
 * it stopped last upwards, then from the lowest word up to there; lowest bit first.
 *
 * All functions want the adapter lock. @lun is the number of a LUN record.
 */
#ifndef CXLFS_EMUL_STORE_CHUNK_H
#define CXLFS_EMUL_STORE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/store/shm.h"

#define EMUL_NO_CHUNK   UINT64_MAX
#define EMUL_MAX_CLONES 255 /* owners of a chunk beyond the first */

/**
 * emul_chunk_init() - all chunks of a LUN of @nr_blocks device blocks are free
 * The memory is there: see emul_chunk_reserve().
 * Return: 0; -EINVAL the LUN is smaller than a chunk.
 */
int emul_chunk_init(struct emul_shm *shm, unsigned lun, uint64_t nr_blocks);

/** emul_chunk_reserve() - blocks on the host disk for a LUN's chunk state; 0 or -ENOMEM */
int emul_chunk_reserve(struct emul_shm *shm, int file_fd, unsigned lun, uint64_t nr_blocks);

/** emul_chunk_term() - the LUN has no allocator any more */
void emul_chunk_term(struct emul_shm *shm, unsigned lun);

/** emul_chunk_alloc() - a free chunk, or EMUL_NO_CHUNK */
uint64_t emul_chunk_alloc(struct emul_shm *shm, unsigned lun);

/** emul_chunk_free() - drop one reference; false when the chunk was not allocated */
bool emul_chunk_free(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_clone() - one more reference; false when not allocated, or EMUL_MAX_CLONES */
bool emul_chunk_clone(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_is_shared() - has it more than one owner? */
bool emul_chunk_is_shared(struct emul_shm *shm, unsigned lun, uint64_t chunk);

/** emul_chunk_claim() - for repair: allocate @chunk, or count one more owner of it */
void emul_chunk_claim(struct emul_shm *shm, unsigned lun, uint64_t chunk);

#endif
