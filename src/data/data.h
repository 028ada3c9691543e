/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data - the contents of regular files.
 *
 * A file is divided into file chunks of the size of a vLUN chunk. Each file chunk that holds data
 * has a slot, a chunk of the file's own vLUN, which is taken when the first byte of it is written.
 * So a file costs only the chunks that it uses. A chunk that holds little may be packed instead:
 * its blocks lie in segments, vLUNs that files share. A file that leaves much of its chunks unused
 * later shares its own vLUNs, see data/share.h. The written map has a bit for each 4 KiB
 * block: blocks that were never written read as zeros without I/O, and nothing that was on the
 * flash before can show through. In a written block, the bytes after the end of file are zeros on
 * flash.
 *
 * Operations are asynchronous. Each locks its range of the file, never sleeps, and calls @done
 * exactly once, on this or another thread, perhaps before data_submit() returns. No lock of this
 * layer is held across @done.
 *
 * Errors: a count or 0 on success, -errno on failure.
 */
#ifndef CXLFS_DATA_DATA_H
#define CXLFS_DATA_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "superpipe/superpipe.h"

#define DATA_BLOCK_BYTES      SUPERPIPE_LBA_BYTES
#define DATA_MAX_FILE_BYTES   ((uint64_t)INT64_MAX)
#define DATA_OP_PRIVATE_WORDS 56 /* sized by a static assertion in data/op.h */

struct data_volume;
struct data_file;

struct data_volume_stats {
	uint64_t chunk_bytes;
	uint64_t nr_chunks;      /* of all LUNs of the volume, or fewer by its limits */
	uint64_t nr_free_chunks; /* not held by a file, or held ahead of need */
	uint64_t nr_free_blocks; /* of 4 KiB: of these chunks, and those left between small files */
	uint64_t nr_reserved_blocks; /* of these, what only privileged operations may use */
	uint64_t nr_handles;         /* most files with data at a time */
	uint64_t nr_free_handles;    /* not on a LUN that has failed for good */
	bool packs;                  /* files need no handle of their own */
	uint64_t nr_segments, nr_empty_segments; /* vLUNs that files share */
	uint64_t nr_segment_blocks;              /* of 4 KiB: free in segments */
	unsigned nr_pooled;                      /* vLUNs of one chunk, made ahead of need */
	uint64_t nr_extents;                     /* of files, in segments */
};

/**
 * data_volume_new() - make the data layer of a volume
 * @sp: attached; borrowed until data_volume_free()
 * Starts the worker thread that does the vLUN ioctls. Return: 0; -ENOMEM; -EAGAIN no thread.
 */
int data_volume_new(struct superpipe *sp, struct data_volume **ret_vol);

/**
 * data_volume_set_idle_ms() - set how long flash that was taken ahead of need may stay unused
 * Then it goes back, so that other users of the LUNs can have it; a file of this volume that needs
 * it gets it at once. New files that come within this time of each other make the worker prepare
 * vLUNs for more. The default is 2 seconds. Takes effect at the next growth.
 */
void data_volume_set_idle_ms(struct data_volume *vol, unsigned ms);

/**
 * data_volume_set_pack_bytes() - set how much of a file chunk may lie in shared segments
 * A chunk that holds more gets a slot, and what it had in segments moves there in the background.
 * When the file is idle, and leaves part of its slots unused, its vLUNs become segments. Once the
 * volume has been quiet, segments of which no more than a quarter is used are emptied into others.
 * 0, the default: no segments. Before there are files.
 */
void data_volume_set_pack_bytes(struct data_volume *vol, uint64_t bytes);

/** How much of its LUNs a volume may use. */
struct data_limits {
	uint64_t size_bytes;    /* rounded down to whole chunks; 0: all of the LUNs */
	uint64_t reserve_bytes; /* of that, for privileged operations; rounded up to blocks */
	uint32_t reserve_ppm;   /* the same, in millionths of the size */
};

/**
 * data_volume_set_limits() - change the limits
 * Sleeps until flash that is held ahead of need has been given back. Not from a @done.
 * Return: 0; -EINVAL: the size is less than a chunk or than files use, or the reserve is larger
 * than the size; nothing has changed.
 */
int data_volume_set_limits(struct data_volume *vol, const struct data_limits *limits);

/**
 * data_volume_adopt_limits() - take the limits of the volume that this one replaces
 * Its files may use more. Context: the worker is quiesced.
 */
void data_volume_adopt_limits(struct data_volume *vol, const struct data_limits *limits);

/**
 * data_volume_may_reach_reserve() - return true if @bytes may need blocks of the reserve
 * Saves the question whether the caller is privileged. Any thread.
 */
bool data_volume_may_reach_reserve(struct data_volume *vol, uint64_t bytes);

/**
 * data_volume_set_stripe_bytes() - spread files over the LUNs of the volume in stripes of this size
 * A power of two of at least a block; more than a chunk counts as a chunk. 0, the default: one LUN
 * is filled after the other. See data/stripe.h. Before there are files.
 */
void data_volume_set_stripe_bytes(struct data_volume *vol, uint64_t bytes);

/** data_volume_free() - stop the worker; every file must have been freed. Accepts NULL. */
void data_volume_free(struct data_volume *vol);

void data_volume_get_stats(struct data_volume *vol, struct data_volume_stats *ret_stats);

/**
 * data_volume_check_add_file() - can another file have a handle or a segment?
 * Also while an orphan may soon free its own. Another file may take it first: then a write fails.
 * Any thread. Return: 0; -ENOSPC; -EIO all LUNs have failed for good.
 */
int data_volume_check_add_file(struct data_volume *vol);

/** data_file_new() - make an empty file, without a vLUN. Return: NULL: no memory. */
struct data_file *data_file_new(struct data_volume *vol);

/**
 * data_file_new_whole_lun() - make a file that is a whole LUN of a volume in physical mode
 * It has the contents and the size of the LUN, and the contents stay when it is freed. A write
 * beyond the end returns -ENOSPC, truncate -EPERM, punching and zeroing -EOPNOTSUPP.
 * May sleep in an ioctl. Return: 0; -ENXIO the LUN is empty; as superpipe_plun_open(); -ENOMEM.
 */
int data_file_new_whole_lun(struct data_volume *vol, unsigned lun, struct data_file **ret_file);

/** data_file_grow_whole_lun() - adopt the size of a LUN that has grown. Return: 0; -ENOMEM. */
int data_file_grow_whole_lun(struct data_file *file);

/**
 * data_file_free() - drop a file and release its vLUN
 * Returns at once. Operations in flight finish first; then the worker thread releases the vLUN.
 * The space counts as free from now on, and a later growth waits for the release.
 * Accepts NULL.
 */
void data_file_free(struct data_file *file);

/**
 * data_file_set_orphan() - note that a file has lost its last name, or has one again
 * It may be freed soon, or stay in use for long. Its space counts until it is freed, but a growth
 * that finds too little waits a moment for it.
 */
void data_file_set_orphan(struct data_file *file, bool orphan);

/** Size in bytes. Lock-free. */
uint64_t data_file_size(const struct data_file *file);

/** Bytes in blocks that were written or are reserved, a multiple of 4,096. Lock-free. */
uint64_t data_file_allocated_bytes(const struct data_file *file);

/** A vLUN that holds data of one file. */
struct data_file_vlun {
	unsigned lun;
	uint32_t handle; /* resource handle in the context of the LUN */
	uint32_t nr_chunks, nr_used_chunks;
};

/** A part of a file, in whole blocks. */
struct data_file_extent {
	uint64_t offset, bytes;
	bool written; /* else it reads as zeros; what follows is set if it is written */
	bool packed;  /* lies in a vLUN that files share */
	unsigned lun;
	uint32_t handle;
	uint64_t lba; /* of 4 KiB, in the vLUN */
};

struct data_file_map {
	struct data_file_extent *extents; /* these two: of the caller */
	unsigned max_extents;
	unsigned nr_extents;
	uint64_t next_offset; /* where the extents end */
	uint64_t size, allocated_bytes;
	unsigned nr_vluns;
	struct data_file_vlun vluns[SUPERPIPE_MAX_LUNS]; /* of this file alone */
};

/** data_file_get_map() - find where the data from @offset on lie. Any thread; takes the file's
 * lock. */
void data_file_get_map(struct data_file *file, uint64_t offset, struct data_file_map *map);

enum data_op_kind {
	DATA_OP_READ,     /* offset, bytes, buf: bytes read, short only at end of file */
	DATA_OP_WRITE,    /* offset, bytes, buf: bytes written; short where space ran out */
	DATA_OP_TRUNCATE, /* offset is the new size */
	DATA_OP_ALLOCATE, /* reserve flash for offset, bytes; grows the size unless keep_size */
	DATA_OP_PUNCH,    /* [offset, offset + bytes) reads as zeros; the size stays */
	DATA_OP_ZERO,     /* as PUNCH, and reserves flash as ALLOCATE does, size included */
	DATA_OP_HOLE,     /* as PUNCH, and grows the size unless keep_size; reserves nothing */
	DATA_OP_MOVE,     /* the layer's own, see data/move.h */
	DATA_OP_AWAIT,    /* the layer's own, see data/freeze.h */
};

/**
 * struct data_op - one operation; the caller's memory, untouched by the caller until @done
 *
 * @buf needs no alignment; 4,096 bytes at block-aligned offsets avoids a copy, see data/read.c.
 */
struct data_op {
	/* set by the caller */
	struct data_file *file;
	enum data_op_kind kind;
	bool keep_size;
	bool append;        /* WRITE: at the end of file, atomically; @offset becomes where */
	bool keeps_reserve; /* takes no blocks of the volume's reserve */
	uint64_t offset;
	uint64_t bytes;
	void *buf;
	void (*done)(struct data_op *op, ssize_t result);

	/* result, valid in @done: when its first command was submitted, by ticks_now(). The caller
	 * sets it to 0, and it stays 0 if there was none. */
	uint64_t command_ticks;

	/* the layer's own, see data/op.h */
	uint64_t priv[DATA_OP_PRIVATE_WORDS];
};

/**
 * data_submit() - start an operation
 *
 * READs do not exclude each other; every other kind excludes operations that overlap it.
 * A WRITE that does not fit on the flash returns a short count, or -ENOSPC if nothing fits. If the
 * medium fails, it returns a short count up to the failing block, or -EIO. Beyond
 * DATA_MAX_FILE_BYTES it returns -EFBIG, or a short count up to there. TRUNCATE, PUNCH and ZERO
 * finish their part on flash before @done.
 * @done gets -EIO promptly once the adapter has failed.
 */
void data_submit(struct data_op *op);

/**
 * data_volume_start_polling() - promise that the calling thread polls for completions
 * It calls data_volume_poll() in a loop, and data_volume_stop_polling() before it sleeps.
 */
void data_volume_start_polling(struct data_volume *vol);
void data_volume_stop_polling(struct data_volume *vol);

/** data_volume_poll() - handle completions. Not from a @done. Return: true if there were any. */
bool data_volume_poll(struct data_volume *vol);

/** data_volume_is_busy() - return true if commands are in flight, or completions left for
 * data_volume_poll() */
bool data_volume_is_busy(struct data_volume *vol);

/** data_run() - data_submit() and wait for the result; not from a completion callback. */
ssize_t data_run(struct data_op *op);

/**
 * data_seek() - SEEK_DATA and SEEK_HOLE at the granularity of blocks
 * @whence: SEEK_DATA or SEEK_HOLE. Return: the offset; -ENXIO at or beyond the end, no data left.
 */
int64_t data_seek(struct data_file *file, int64_t offset, int whence);

/**
 * data_copy() - copy a range between files; holes stay holes where they cover whole blocks
 * Sleeps. @src and @dst may be the same file if the ranges do not overlap. One call copies at most
 * 16 MiB of data, so that the caller soon gets control back.
 * @keeps_reserve: as in struct data_op
 * Return: bytes copied, short at that limit, at the end of @src or at an error; -errno if none.
 */
ssize_t data_copy(struct data_file *src, uint64_t src_offset, struct data_file *dst,
		  uint64_t dst_offset, uint64_t bytes, bool keeps_reserve);

#endif
