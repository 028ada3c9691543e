/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/chunk.h"

#include <errno.h>
#include <string.h>

#include "emul/store/layout.h"
#include "emul/store/store.h"

#define WORD_BITS 64

static uint64_t *bitmap_of(struct emul_shm *shm, unsigned lun)
{
	return (uint64_t *)((char *)shm + emul_shm_chunk_offset(shm, lun));
}

static uint8_t *clones_of(struct emul_shm *shm, unsigned lun)
{
	uint64_t bytes = emul_layout_bitmap_bytes(emul_layout_max_chunks(&shm->head.geometry));

	return (uint8_t *)bitmap_of(shm, lun) + bytes;
}

static uint64_t nr_words(const struct emul_lun *l)
{
	return (l->nr_chunks + WORD_BITS - 1) / WORD_BITS;
}

/* A medium may have grown since the tables were created; they have no room for the new part. */
static uint64_t chunks_of(const struct emul_shm *shm, uint64_t nr_blocks)
{
	uint64_t chunks = nr_blocks >> SISL_CHUNK_SHIFT;
	uint64_t max = emul_layout_max_chunks(&shm->head.geometry);

	return chunks < max ? chunks : max;
}

int emul_chunk_reserve(struct emul_shm *shm, int file_fd, unsigned lun, uint64_t nr_blocks)
{
	if (!chunks_of(shm, nr_blocks))
		return 0;
	return emul_store_reserve(
		file_fd, emul_shm_chunk_offset(shm, lun),
		emul_layout_chunk_bytes(emul_layout_max_chunks(&shm->head.geometry)));
}

int emul_chunk_init(struct emul_shm *shm, unsigned lun, uint64_t nr_blocks)
{
	struct emul_lun *l = &shm->lun[lun];
	uint64_t *bitmap = bitmap_of(shm, lun);

	l->nr_chunks = chunks_of(shm, nr_blocks);
	if (!l->nr_chunks)
		return -EINVAL;
	memset(bitmap, 0xff, nr_words(l) * sizeof(*bitmap));
	if (l->nr_chunks % WORD_BITS)
		bitmap[nr_words(l) - 1] = (1ull << l->nr_chunks % WORD_BITS) - 1;
	memset(clones_of(shm, lun), 0, l->nr_chunks);
	l->free_chunks = l->nr_chunks;
	l->low_word = 0;
	l->curr_word = 0;
	l->high_word = nr_words(l);
	l->allocator_ready = 1;
	return 0;
}

void emul_chunk_term(struct emul_shm *shm, unsigned lun)
{
	shm->lun[lun].allocator_ready = 0;
	shm->lun[lun].free_chunks = 0;
	shm->lun[lun].nr_chunks = 0;
}

/** Takes the lowest free chunk of bitmap words [@from, @to). */
static uint64_t take_between(struct emul_shm *shm, unsigned lun, uint64_t from, uint64_t to)
{
	uint64_t *bitmap = bitmap_of(shm, lun);
	unsigned bit;

	for (uint64_t word = from; word < to; word++) {
		if (!bitmap[word])
			continue;
		bit = (unsigned)__builtin_ctzll(bitmap[word]);
		bitmap[word] &= ~(1ull << bit);
		shm->lun[lun].free_chunks--;
		return word * WORD_BITS + bit;
	}
	return EMUL_NO_CHUNK;
}

uint64_t emul_chunk_alloc(struct emul_shm *shm, unsigned lun)
{
	struct emul_lun *l = &shm->lun[lun];
	uint64_t chunk;

	if (!l->free_chunks)
		return EMUL_NO_CHUNK;
	chunk = take_between(shm, lun, l->curr_word, l->high_word);
	if (chunk == EMUL_NO_CHUNK)
		chunk = take_between(shm, lun, l->low_word, l->curr_word);
	if (chunk == EMUL_NO_CHUNK)
		return chunk;
	l->curr_word = chunk / WORD_BITS + (chunk % WORD_BITS == WORD_BITS - 1);
	return chunk;
}

static bool is_allocated(struct emul_shm *shm, unsigned lun, uint64_t chunk)
{
	return chunk < shm->lun[lun].nr_chunks &&
	       !(bitmap_of(shm, lun)[chunk / WORD_BITS] >> chunk % WORD_BITS & 1);
}

bool emul_chunk_free(struct emul_shm *shm, unsigned lun, uint64_t chunk)
{
	struct emul_lun *l = &shm->lun[lun];
	uint64_t word = chunk / WORD_BITS;

	if (!is_allocated(shm, lun, chunk))
		return false;
	if (clones_of(shm, lun)[chunk]) {
		clones_of(shm, lun)[chunk]--;
		return true;
	}
	bitmap_of(shm, lun)[word] |= 1ull << chunk % WORD_BITS;
	l->free_chunks++;
	if (word < l->low_word)
		l->low_word = word;
	else if (word > l->high_word)
		l->high_word = word;
	return true;
}

bool emul_chunk_clone(struct emul_shm *shm, unsigned lun, uint64_t chunk)
{
	if (!is_allocated(shm, lun, chunk) || clones_of(shm, lun)[chunk] == EMUL_MAX_CLONES)
		return false;
	clones_of(shm, lun)[chunk]++;
	return true;
}

bool emul_chunk_is_shared(struct emul_shm *shm, unsigned lun, uint64_t chunk)
{
	return is_allocated(shm, lun, chunk) && clones_of(shm, lun)[chunk];
}

void emul_chunk_claim(struct emul_shm *shm, unsigned lun, uint64_t chunk)
{
	if (chunk >= shm->lun[lun].nr_chunks || emul_chunk_clone(shm, lun, chunk) ||
	    is_allocated(shm, lun, chunk))
		return;
	bitmap_of(shm, lun)[chunk / WORD_BITS] &= ~(1ull << chunk % WORD_BITS);
	shm->lun[lun].free_chunks--;
}
