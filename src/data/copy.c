/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/core_dump.h"
#include "data/file.h"
#include "data/op.h"

#define COPY_BYTES (1024u * 1024u)
/* Limits one call, because the program that waits for it cannot be killed and the kernel has locked
 * the destination. */
#define MAX_DATA_BYTES (16ull * COPY_BYTES)
#define MAX_PIECES     256u

struct copy {
	struct data_file *src, *dst;
	uint64_t src_offset, dst_offset, bytes, done;
	uint64_t data_bytes; /* part of done: data, not holes */
	unsigned nr_pieces;
	bool keeps_reserve;
	void *buf; /* COPY_BYTES, made when first needed */
};

/** Return: how many bytes from the current place on are all data, or all a hole. */
static uint64_t next_piece(const struct copy *copy, bool *ret_hole)
{
	uint64_t offset = copy->src_offset + copy->done, size, block, end;
	struct data_file *src = copy->src;

	file_lock(src);
	size = file_size_locked(src);
	block = block_floor(offset);
	end = min_u64(size, copy->src_offset + copy->bytes);
	if (offset < end) {
		uint64_t change;

		*ret_hole = !mapping_is_written(&src->map, block);
		change = mapping_next(&src->map, block, *ret_hole);
		if (change < block_ceil(end))
			end = change << BLOCK_SHIFT;
	}
	file_unlock(src);
	return offset < end ? end - offset : 0;
}

static ssize_t copy_hole(const struct copy *copy, uint64_t bytes)
{
	struct data_op op = { .file = copy->dst,
			      .kind = DATA_OP_HOLE,
			      .offset = copy->dst_offset + copy->done,
			      .bytes = bytes };
	ssize_t result = data_run(&op);

	return result < 0 ? result : (ssize_t)bytes;
}

static ssize_t copy_data(struct copy *copy, uint64_t bytes)
{
	struct data_op op = { .file = copy->src,
			      .kind = DATA_OP_READ,
			      .offset = copy->src_offset + copy->done,
			      .bytes = min_u64(bytes, COPY_BYTES) };
	ssize_t result;

	if (!copy->buf && !(copy->buf = core_dump_excluded_memory(COPY_BYTES)))
		return -ENOMEM;
	op.buf = copy->buf;
	result = data_run(&op);
	if (result <= 0)
		return result;
	op.file = copy->dst;
	op.kind = DATA_OP_WRITE;
	op.keeps_reserve = copy->keeps_reserve;
	op.offset = copy->dst_offset + copy->done;
	op.bytes = (uint64_t)result;
	result = data_run(&op);
	if (result > 0)
		copy->data_bytes += (uint64_t)result;
	return result;
}

/**
 * Cuts the range at the end of @src as it is now, so that a file copied behind its own end does
 * not follow itself, and at the largest offset, as a write is.
 * Return: 0; -EFBIG nothing fits; -EINVAL the ranges overlap.
 */
static int limit(struct copy *copy)
{
	uint64_t size = data_file_size(copy->src);

	if (copy->dst_offset >= DATA_MAX_FILE_BYTES)
		return -EFBIG;
	copy->bytes = min_u64(copy->bytes, DATA_MAX_FILE_BYTES - copy->dst_offset);
	copy->bytes = copy->src_offset < size ? min_u64(copy->bytes, size - copy->src_offset) : 0;
	if (copy->src == copy->dst && copy->src_offset < copy->dst_offset + copy->bytes &&
	    copy->dst_offset < copy->src_offset + copy->bytes)
		return -EINVAL;
	return 0;
}

static bool has_done_enough(const struct copy *copy)
{
	return copy->data_bytes >= MAX_DATA_BYTES || copy->nr_pieces >= MAX_PIECES;
}

ssize_t data_copy(struct data_file *src, uint64_t src_offset, struct data_file *dst,
		  uint64_t dst_offset, uint64_t bytes, bool keeps_reserve)
{
	struct copy copy = { .src = src,
			     .dst = dst,
			     .src_offset = src_offset,
			     .dst_offset = dst_offset,
			     .bytes = bytes,
			     .keeps_reserve = keeps_reserve };
	ssize_t result;

	if (bytes == 0)
		return 0;
	result = limit(&copy);
	while (result == 0 && !has_done_enough(&copy)) {
		bool hole = false;
		uint64_t piece = next_piece(&copy, &hole);

		if (piece == 0)
			break;
		result = hole ? copy_hole(&copy, piece) : copy_data(&copy, piece);
		if (result <= 0)
			break;
		copy.done += (uint64_t)result;
		copy.nr_pieces++;
		result = 0;
	}
	free(copy.buf);
	return copy.done ? (ssize_t)copy.done : result;
}
