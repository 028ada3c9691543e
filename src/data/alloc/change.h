/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change - a change of what files hold, as a value.
 *
 * For a process that has a replica, see data/replica.h. The data layer is asynchronous, so a change
 * does not say which operation was called, but what has become of its file: its size, its vLUNs,
 * chunks, written blocks and extents.
 *
 * Each is reported under the lock that protects what changed: that of the file, or of the list of
 * segments. What gives flash back is reported before anybody else can take it, and what takes some
 * after that, so that no two files of a replica ever hold the same blocks. Extents of writes that
 * have not reached the flash are not reported: a process that takes over repeats these writes.
 * Operations that end after their file was freed still report what they have done to it.
 *
 * A change is sent as it is, in the byte order and with the layout of the machine.
 */
#ifndef CXLFS_DATA_ALLOC_CHANGE_H
#define CXLFS_DATA_ALLOC_CHANGE_H

#include <stddef.h>
#include <stdint.h>

enum data_change_kind {
	DATA_CHANGE_FILE_NEW = 1, /* without anything */
	DATA_CHANGE_FILE,         /* @size; flag: see eof_needs_zeroing in data/file.h */
	DATA_CHANGE_FILE_GONE,    /* with all that it has */
	DATA_CHANGE_VLUN,         /* on @lun; flag: there is one, with @handle and @nr; @home */
	DATA_CHANGE_CHUNK,        /* chunk @first got @slot on @lun; flag: it is striped */
	DATA_CHANGE_CHUNKS_GONE,  /* chunks from @first to @last have no slots */
	DATA_CHANGE_SET,          /* blocks of chunk @first from @from to @to are written */
	DATA_CHANGE_CLEAR,        /* they are neither written nor reserved */
	DATA_CHANGE_RESERVE,      /* they are reserved, unless they are written */
	DATA_CHANGE_EXTENTS,      /* from block @first to @last there are just @nr extents */
	DATA_CHANGE_SEGMENT,      /* a new one, or a larger one: @lun, @handle, @nr chunks */
	DATA_CHANGE_SEGMENT_GONE,
	DATA_CHANGE_SHARED, /* its vLUNs became segments, by LUN, with numbers from @first on, and
			       what it has in slots extents of the same blocks */
	DATA_NR_CHANGES
};

struct data_change_extent {
	uint64_t block;
	uint64_t segment; /* its number */
	uint32_t start;   /* in the segment */
	uint32_t nr_blocks;
	uint32_t written; /* 1; 0: it is reserved */
	uint32_t zero;
};

#define DATA_CHANGE_VERSION     1
#define DATA_CHANGE_MAX_EXTENTS 64

/** What a kind does not use is zero. Ranges are half-open, but those of chunks inclusive. */
struct data_change {
	uint8_t version;
	uint8_t kind;
	uint8_t flag;
	uint8_t lun;
	uint8_t home;
	uint8_t zero[3];
	uint64_t number; /* of the file, or of the segment: unique, never used again */
	uint64_t first, last;
	uint64_t size; /* bytes */
	uint32_t from, to;
	uint32_t slot;
	uint32_t handle;
	uint32_t nr;
	uint32_t nr_extents; /* that follow */
	struct data_change_extent extents[];
};
_Static_assert(sizeof(struct data_change) == 64 && sizeof(struct data_change_extent) == 32,
	       "as sent");

/** data_change_bytes() - return the length of a change with its extents */
static inline size_t data_change_bytes(const struct data_change *change)
{
	return sizeof(*change) + change->nr_extents * sizeof(change->extents[0]);
}

/** Receives a change. Any thread; must not call into the layer. */
typedef void data_changed_fn(void *arg, const struct data_change *change);

struct data_changes {
	data_changed_fn *changed; /* NULL: there is no receiver */
	void *arg;
};

/** Reports a change; the arguments initialize a struct data_change. */
#define DATA_CHANGED(changes, ...)                                                                 \
	do {                                                                                       \
		if ((changes)->changed)                                                            \
			(changes)->changed((changes)->arg,                                         \
					   &(const struct data_change){                            \
						   .version = DATA_CHANGE_VERSION, __VA_ARGS__ }); \
	} while (0)

#endif
