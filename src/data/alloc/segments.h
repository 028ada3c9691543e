/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segments - the blocks of shared vLUNs, in which small files lie.
 *
 * A segment is a vLUN of one chunk, or of more when resource handles are short. Files take extents
 * of its 4 KiB blocks. Each segment lists its extents, so that a nearly empty one can be emptied
 * and given back.
 *
 * Blocks are first claimed, which either succeeds or does not, and then taken piece by piece, which
 * cannot fail. A piece is as long as possible, but any length will do, so free blocks are never out
 * of reach because they are scattered.
 *
 * Any thread; the pool has its own lock, which is taken after that of a file. No I/O, no ioctl.
 */
#ifndef CXLFS_DATA_ALLOC_SEGMENTS_H
#define CXLFS_DATA_ALLOC_SEGMENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct superpipe_vlun;

enum extent_state {
	EXTENT_TAKEN,    /* for a write that has not reached the flash; reads as zeros */
	EXTENT_RESERVED, /* by fallocate; reads as zeros */
	EXTENT_WRITTEN,
};

/** A run of blocks of one file in one segment. Protected by the file's lock, but for @link. */
struct extent {
	uint64_t block; /* first, in the file */
	struct segment *segment;
	void *owner;              /* the file */
	TAILQ_ENTRY(extent) link; /* in the segment's list; protected by the pool's lock */
	uint32_t start;           /* first, in the segment */
	uint32_t nr_blocks;
	enum extent_state state;
};

TAILQ_HEAD(extent_list, extent);

struct segment {
	struct superpipe_vlun *vlun; /* these three: never change */
	unsigned lun;
	uint64_t number; /* never used again */

	/* protected by the pool's lock */
	uint32_t index;     /* in the snapshot that is being written */
	uint32_t nr_blocks; /* only grows; written by the worker */
	uint32_t nr_free;
	uint32_t cursor;         /* where the next search begins */
	bool stuck;              /* a block of it cannot be moved away */
	bool lost;               /* its LUN has failed: blocks that are free count as used */
	bool retired;            /* and it has no extents: in the list lost, not in classes */
	uint64_t empty_since_ns; /* by the caller's clock; of an empty one */
	struct extent_list extents;
	TAILQ_ENTRY(segment) link;
	uint64_t *used; /* bit per block */
};

TAILQ_HEAD(segment_list, segment);

/* Segments are kept in lists by the binary logarithm of their free blocks. */
#define SEGMENTS_CLASSES 34u

struct segments {
	pthread_mutex_t lock;
	uint32_t chunk_blocks; /* never changes */
	uint64_t next_number;  /* of the next segment; worker only */

	/* protected by lock; the counts can be read without it */
	struct segment_list classes[SEGMENTS_CLASSES];
	struct segment *current;       /* new blocks come from it as long as they fit */
	struct segment *victim;        /* is being emptied: no new blocks if others have any */
	struct segment_list lost;      /* those to be closed because their LUN has failed */
	bool has_lost;                 /* a LUN has failed */
	_Atomic uint64_t nr_unclaimed; /* free blocks that no operation has claimed */
	_Atomic uint64_t nr_segments;
	_Atomic uint64_t nr_empty;
	_Atomic uint64_t nr_empty_chunks; /* of these */
	_Atomic uint64_t nr_extents;
};

void segments_init(struct segments *pool, uint32_t chunk_blocks);

/** segments_fini() - free the pool; no segment may be left */
void segments_fini(struct segments *pool);

/**
 * segments_add() - add an empty segment on a vLUN of @nr_chunks chunks
 * Its number of blocks fits 32 bits. Return: the segment; NULL: no memory.
 */
struct segment *segments_add(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun,
			     uint32_t nr_chunks, uint64_t now_ns);

/**
 * segments_new() - make a segment that is not in the pool yet, on a vLUN of @nr_blocks blocks
 * On the worker. Return: the segment, all free; NULL: no memory.
 */
struct segment *segments_new(struct segments *pool, struct superpipe_vlun *vlun, unsigned lun,
			     uint32_t nr_blocks);

/** segment_free() - free a segment that is not in the pool; the caller keeps its vLUN. Accepts
 * NULL. */
void segment_free(struct segment *segment);

/** segments_place() - @extent uses the blocks that it says, of a segment that is not in the pool
 * yet
 */
void segments_place(struct segments *pool, struct extent *extent);

/** segments_insert() - add such a segment to the pool, with its extents */
void segments_insert(struct segments *pool, struct segment *segment, uint64_t now_ns);

/** segments_for_each() - call @fn for each segment, with the pool's lock */
void segments_for_each(struct segments *pool, void (*fn)(void *arg, struct segment *segment),
		       void *arg);

/**
 * segments_remove_empty() - take an empty segment out of the pool
 * @lun: on this LUN; UINT32_MAX: on any
 * @before_ns: empty since before this time
 * @ret_lun, @ret_nr_chunks, @ret_number: its LUN, how many chunks it has, its number
 * Return: its vLUN, which is the caller's; NULL: there is none, or its blocks are claimed.
 */
struct superpipe_vlun *segments_remove_empty(struct segments *pool, unsigned lun,
					     uint64_t before_ns, unsigned *ret_lun,
					     uint32_t *ret_nr_chunks, uint64_t *ret_number);

/**
 * segments_lose_lun() - take no more blocks from segments on a LUN that has failed
 * Blocks that are claimed may still be taken from them. segments_remove_empty() returns those that
 * have no extents, on whatever LUN and however long ago.
 */
void segments_lose_lun(struct segments *pool, unsigned lun);

/** segments_smallest() - return the smallest segment on @lun, or NULL. It stays until the caller
 * removes it. */
struct segment *segments_smallest(struct segments *pool, unsigned lun);

/** segments_prepare_enlarge() - take the memory to note one more chunk. Return: 0; -ENOMEM. */
int segments_prepare_enlarge(struct segments *pool, struct segment *segment);

/** segments_enlarge() - note that the vLUN of a prepared segment has one more chunk */
void segments_enlarge(struct segments *pool, struct segment *segment, uint64_t now_ns);

/** segments_empty_since() - return the earliest time since which one is empty; UINT64_MAX: none is
 */
uint64_t segments_empty_since(struct segments *pool);

/**
 * segments_claim() - claim @most free blocks, or at least @least, for segments_take()
 * Return: how many; 0: there are less than @least.
 */
uint64_t segments_claim(struct segments *pool, uint64_t least, uint64_t most);

/** segments_unclaim() - give up the claim on @nr blocks */
void segments_unclaim(struct segments *pool, uint64_t nr);

/**
 * segments_take() - turn up to @nr_blocks claimed blocks into an extent
 * @extent: memory of the caller, block and owner and state are set
 * @after: the blocks behind this extent are taken if they are free; may be NULL
 * Fills in segment, start and nr_blocks, which is at least 1.
 */
void segments_take(struct segments *pool, struct extent *extent, uint32_t nr_blocks,
		   const struct extent *after);

/** segments_adopt() - use the blocks that @extent, complete but for its link, says.
 *  Return: false: they are not free. */
bool segments_adopt(struct segments *pool, struct extent *extent);

/** segments_take_elsewhere() - as segments_take(), but neither from the victim nor from an empty
 *  segment. Return: false: the others are full. */
bool segments_take_elsewhere(struct segments *pool, struct extent *extent, uint32_t nr_blocks);

/** segments_give() - free the blocks of @extent; the caller keeps its memory */
void segments_give(struct segments *pool, struct extent *extent, uint64_t now_ns);

/** segments_split() - split @extent after @nr_blocks; the rest becomes @tail, in memory of the
 * caller */
void segments_split(struct segments *pool, struct extent *extent, uint32_t nr_blocks,
		    struct extent *tail);

/** segments_join() - join @extent with @tail, which lies right behind it */
void segments_join(struct segments *pool, struct extent *extent, struct extent *tail);

/**
 * segments_choose_victim() - choose a nearly empty segment whose blocks fit into others
 * It remains the victim until it is empty, or given up. Return: false: there is none.
 */
bool segments_choose_victim(struct segments *pool);

/**
 * segments_victim_owner() - return a file that has blocks in the victim
 * @try_get: called with the pool's lock held; takes a reference if it can do so without waiting
 * Return: the file, and the victim; NULL: there is none now.
 */
void *segments_victim_owner(struct segments *pool, bool (*try_get)(void *owner),
			    struct segment **ret_victim);

/** segments_is_victim() - return true if @segment is being emptied */
bool segments_is_victim(struct segments *pool, const struct segment *segment);

/** segments_give_up_victim() - stop emptying the victim. @stuck: never choose it again */
void segments_give_up_victim(struct segments *pool, bool stuck);

#endif
