/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/layout.h"

#include <stddef.h>

#define PAGE 65536ull /* alignment of sections: the largest page size of any host */
/* The heap has room for this many references to each chunk; the file is sparse. */
#define OWNERS 16ull

static uint64_t round_up(uint64_t bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

uint64_t emul_layout_max_chunks(const struct emul_geometry *geometry)
{
	uint64_t max = 0;

	for (unsigned i = 0; i < geometry->nr_luns; i++)
		if (geometry->lun_blocks[i] > max)
			max = geometry->lun_blocks[i];
	return max >> SISL_CHUNK_SHIFT;
}

static uint64_t total_chunks(const struct emul_geometry *geometry)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < geometry->nr_luns; i++)
		total += geometry->lun_blocks[i] >> SISL_CHUNK_SHIFT;
	return total;
}

uint64_t emul_layout_bitmap_bytes(uint64_t nr_chunks)
{
	return (nr_chunks + 63) / 64 * 8;
}

uint64_t emul_layout_chunk_bytes(uint64_t nr_chunks)
{
	return round_up(emul_layout_bitmap_bytes(nr_chunks) + nr_chunks);
}

/*
 * Most bytes that blocks of a class can need. Either every handle of every context has one, or all
 * references to all chunks are in blocks that are at least half full.
 */
static uint64_t class_room(const struct emul_geometry *geometry, unsigned class)
{
	uint64_t block = emul_layout_class_bytes(class);
	uint64_t handles = (uint64_t)EMUL_MAX_CTXS * geometry->nr_handles * block;
	uint64_t chunks = total_chunks(geometry) * OWNERS * 8 * 2 + block;

	if (class && emul_layout_class_bytes(class - 1) / 8 > emul_layout_max_chunks(geometry))
		return 0;
	return round_up(!class || handles < chunks ? handles : chunks);
}

uint64_t emul_layout_class_start(const struct emul_head *head, unsigned class)
{
	uint64_t offset = head->heap_offset;

	for (unsigned i = 0; i < class && i < EMUL_LXT_CLASSES; i++)
		offset += class_room(&head->geometry, i);
	return offset;
}

bool emul_layout_fill(struct emul_head *head)
{
	const struct emul_geometry *geometry = &head->geometry;
	uint64_t chunks = emul_layout_chunk_bytes(emul_layout_max_chunks(geometry));

	head->ctx_offset = round_up(sizeof(struct emul_shm));
	head->rht_offset = head->ctx_offset + round_up(EMUL_MAX_CTXS * sizeof(struct emul_ctx));
	head->handle_offset =
		head->rht_offset +
		round_up((uint64_t)EMUL_MAX_CTXS * geometry->nr_handles * sizeof(struct emul_rht));
	head->chunk_offset =
		head->handle_offset + round_up((uint64_t)EMUL_MAX_CTXS * geometry->nr_handles *
					       sizeof(struct emul_handle));
	head->heap_offset = head->chunk_offset + EMUL_MAX_RECORDS * chunks;
	head->file_bytes = emul_layout_class_start(head, EMUL_LXT_CLASSES);
	return head->file_bytes < 1ull << 43;
}

uint32_t emul_layout_crc(const struct emul_head *head)
{
	const uint8_t *bytes = (const uint8_t *)head;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < offsetof(struct emul_head, crc); i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}
