/* SPDX-License-Identifier: Apache-2.0 */
/*
 * itable - which inode has which number.
 *
 * A top array of pages of slots. Nothing is ever moved but the small top array, so a table of
 * millions grows without a pause. A freed slot holds the number that was freed after it: the
 * waiting line costs no memory and freeing cannot fail. A number rests until TREE_INO_REUSE_DELAY
 * others were freed after it, so that a stale one is noticed rather than mistaken for its
 * successor, and it depends on nothing but the calls made which number comes next.
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
	size_t max_pages;   /* length of the array @pages */
	uint64_t next_ino;  /* the lowest number never used */
	uint64_t free_head; /* the number that has rested longest; 0: none */
	uint64_t free_tail;
	uint64_t nr_free;
	uint64_t nr_used;
};

void tree_itable_init(struct tree_itable *table);
void tree_itable_fini(struct tree_itable *table); /* does not touch the inodes */

/** The inode with a number, NULL when there is none. */
struct tree_inode *tree_itable_get(const struct tree_itable *table, uint64_t ino);

/**
 * tree_itable_reserve() - make sure that the next tree_itable_add() finds room
 * @alloc: malloc(), or what a test puts in its place
 * Return: 0; -ENOMEM.
 */
int tree_itable_reserve(struct tree_itable *table, void *(*alloc)(size_t bytes));

/** Gives @inode a number after tree_itable_reserve(). Return: the number. */
uint64_t tree_itable_add(struct tree_itable *table, struct tree_inode *inode);

/** Takes the inode out; its number begins to rest. */
void tree_itable_remove(struct tree_itable *table, uint64_t ino);

/** Return: whether the waiting line is sound, every number in it free and counted (tests). */
bool tree_itable_check(const struct tree_itable *table);

#endif
