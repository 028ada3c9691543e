/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout - computes offsets in the `adapter` file.
 */
#ifndef CXLFS_EMUL_STORE_LAYOUT_H
#define CXLFS_EMUL_STORE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/store/shm.h"

/**
 * emul_layout_fill() - compute the offsets in a head from its geometry
 * Return: false if the file would be too large.
 */
bool emul_layout_fill(struct emul_head *head);

/** emul_layout_class_start() - offset of heap class @class; EMUL_LXT_CLASSES gives the end */
uint64_t emul_layout_class_start(const struct emul_head *head, unsigned class);

/** emul_layout_class_bytes() - size of a block of class @class */
static inline uint64_t emul_layout_class_bytes(unsigned class)
{
	return (uint64_t)EMUL_LXT_GROUP * 8 << class;
}

/** emul_layout_max_chunks() - return number of chunks of the largest LUN */
uint64_t emul_layout_max_chunks(const struct emul_geometry *geometry);

/** Bytes of the bitmap of a LUN record, and of its whole chunk state: bitmap and clone counts. */
uint64_t emul_layout_bitmap_bytes(uint64_t nr_chunks);
uint64_t emul_layout_chunk_bytes(uint64_t nr_chunks);

/* The tables after struct emul_shm. The caller checks the indexes. */

static inline struct emul_ctx *emul_shm_ctx(struct emul_shm *shm, unsigned ctx)
{
	return (struct emul_ctx *)((char *)shm + shm->head.ctx_offset) + ctx;
}

static inline uint64_t emul_shm_rht_offset(const struct emul_shm *shm, unsigned ctx)
{
	return shm->head.rht_offset +
	       (uint64_t)ctx * shm->head.geometry.nr_handles * sizeof(struct emul_rht);
}

static inline struct emul_rht *emul_shm_rht(struct emul_shm *shm, unsigned ctx, uint32_t handle)
{
	return (struct emul_rht *)((char *)shm + emul_shm_rht_offset(shm, ctx)) + handle;
}

static inline uint64_t emul_shm_handle_offset(const struct emul_shm *shm, unsigned ctx)
{
	return shm->head.handle_offset +
	       (uint64_t)ctx * shm->head.geometry.nr_handles * sizeof(struct emul_handle);
}

static inline struct emul_handle *emul_shm_handle(struct emul_shm *shm, unsigned ctx,
						  uint32_t handle)
{
	return (struct emul_handle *)((char *)shm + emul_shm_handle_offset(shm, ctx)) + handle;
}

static inline uint64_t emul_shm_chunk_offset(const struct emul_shm *shm, unsigned lun)
{
	uint64_t bytes = emul_layout_chunk_bytes(emul_layout_max_chunks(&shm->head.geometry));

	return shm->head.chunk_offset + lun * bytes;
}

static inline _Atomic uint64_t *emul_shm_lxt(struct emul_shm *shm, uint64_t lxt)
{
	return (_Atomic uint64_t *)((char *)shm + lxt);
}

/** emul_layout_crc() - CRC-32 of the part of a head before its crc field */
uint32_t emul_layout_crc(const struct emul_head *head);

#endif
