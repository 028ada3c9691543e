/* SPDX-License-Identifier: Apache-2.0 */
/*
 * itable - the table of inodes by number.
 *
 * An array of pages of slots. Only the small array of pages is ever copied, so a table of millions
 * grows without a pause. Free numbers form a queue: a free slot has the number of the next one, so
 * the queue needs no memory and freeing cannot fail. A number is not used again until
 * TREE_INO_REUSE_DELAY others were freed after it, so that a stale number is detected. The same
 * calls give the same numbers.
 *
 * Errors: -errno.
 */
#ifndef CXLFS_TREE_ITABLE_H
#define CXLFS_TREE_ITABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_INO_REUSE_DELAY 1024

struct tree_inode;
struct tree_itable_page;

struct tree_itable {
	struct tree_itable_page **pages;
	size_t nr_pages;
	size_t max_pages;   /* allocated length of @pages */
	uint64_t next_ino;  /* the lowest number never used */
	uint64_t free_head; /* the number that was freed first; 0: none */
	uint64_t free_tail;
	uint64_t nr_free;
	uint64_t nr_used;
};

void tree_itable_init(struct tree_itable *table);
void tree_itable_fini(struct tree_itable *table); /* does not free the inodes */

/** The inode with a number, NULL when there is none. */
struct tree_inode *tree_itable_get(const struct tree_itable *table, uint64_t ino);

/**
 * tree_itable_reserve() - allocate what the next tree_itable_add() needs
 * @alloc: malloc(), or a replacement in tests
 * Return: 0; -ENOMEM.
 */
int tree_itable_reserve(struct tree_itable *table, void *(*alloc)(size_t bytes));

/** Gives @inode a number. Call tree_itable_reserve() first. Return: the number. */
uint64_t tree_itable_add(struct tree_itable *table, struct tree_inode *inode);

/** Removes an inode; its number becomes free. */
void tree_itable_remove(struct tree_itable *table, uint64_t ino);

/*
 * To make a table again (snapshot): extend it, then put each number below next_ino once, the free
 * ones in the order of their queue.
 */

/** tree_itable_extend() - allocate an empty table's slots for the numbers below @next_ino
 *  Return: 0; -ENOMEM. */
int tree_itable_extend(struct tree_itable *table, void *(*alloc)(size_t bytes), uint64_t next_ino);
/** Return: false: there is no such number, or it has been put already. */
bool tree_itable_put(struct tree_itable *table, uint64_t ino, struct tree_inode *inode);
bool tree_itable_put_free(struct tree_itable *table, uint64_t ino);

/** The free number that was freed after @ino; 0: there is none. */
uint64_t tree_itable_next_free(const struct tree_itable *table, uint64_t ino);

/** Return: whether the queue of free numbers is valid. */
bool tree_itable_check(const struct tree_itable *table);

#endif
