/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/itable.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SLOTS 4096u /* 32 KiB a page */

/*
 * The address of an inode, or, for a free number, the next number of the queue shifted left by one,
 * with the low bit set, which no address has.
 */
struct tree_itable_page {
	uintptr_t slots[PAGE_SLOTS];
};

void tree_itable_init(struct tree_itable *table)
{
	*table = (struct tree_itable){ .next_ino = 1 };
}

void tree_itable_fini(struct tree_itable *table)
{
	for (size_t i = 0; i < table->nr_pages; i++)
		free(table->pages[i]);
	free(table->pages);
}

static uintptr_t *slot_of(const struct tree_itable *table, uint64_t ino)
{
	return &table->pages[ino / PAGE_SLOTS]->slots[ino % PAGE_SLOTS];
}

static bool is_free(uintptr_t slot)
{
	return slot & 1;
}

static uint64_t successor(uintptr_t slot)
{
	return slot >> 1;
}

static uintptr_t free_before(uint64_t ino)
{
	return (uintptr_t)ino << 1 | 1;
}

struct tree_inode *tree_itable_get(const struct tree_itable *table, uint64_t ino)
{
	uintptr_t slot;

	if (ino == 0 || ino >= table->next_ino)
		return NULL;
	slot = *slot_of(table, ino);
	return is_free(slot) ? NULL : (struct tree_inode *)slot;
}

static int grow_top(struct tree_itable *table, void *(*alloc)(size_t bytes))
{
	size_t room = table->max_pages ? table->max_pages * 2 : 16;
	struct tree_itable_page **pages;
	size_t bytes;

	if (__builtin_mul_overflow(room, sizeof(*pages), &bytes))
		return -ENOMEM;
	pages = alloc(bytes);
	if (!pages)
		return -ENOMEM;
	if (table->nr_pages)
		memcpy(pages, table->pages, table->nr_pages * sizeof(*pages));
	free(table->pages);
	table->pages = pages;
	table->max_pages = room;
	return 0;
}

static bool reuses_number(const struct tree_itable *table)
{
	return table->nr_free > TREE_INO_REUSE_DELAY;
}

static int add_page(struct tree_itable *table, void *(*alloc)(size_t bytes))
{
	struct tree_itable_page *page;

	if (table->nr_pages == table->max_pages && grow_top(table, alloc))
		return -ENOMEM;
	page = alloc(sizeof(*page));
	if (!page)
		return -ENOMEM;
	memset(page, 0, sizeof(*page));
	table->pages[table->nr_pages++] = page;
	return 0;
}

int tree_itable_reserve(struct tree_itable *table, void *(*alloc)(size_t bytes))
{
	if (reuses_number(table) || table->next_ino / PAGE_SLOTS < table->nr_pages)
		return 0;
	return add_page(table, alloc);
}

static uint64_t pop_free(struct tree_itable *table)
{
	uint64_t ino = table->free_head;

	table->free_head = successor(*slot_of(table, ino));
	if (!table->free_head)
		table->free_tail = 0;
	table->nr_free--;
	return ino;
}

uint64_t tree_itable_add(struct tree_itable *table, struct tree_inode *inode)
{
	uint64_t ino = reuses_number(table) ? pop_free(table) : table->next_ino++;

	assert(ino / PAGE_SLOTS < table->nr_pages);
	*slot_of(table, ino) = (uintptr_t)inode;
	table->nr_used++;
	return ino;
}

static void push_free(struct tree_itable *table, uint64_t ino)
{
	*slot_of(table, ino) = free_before(0);
	if (table->free_tail)
		*slot_of(table, table->free_tail) = free_before(ino);
	else
		table->free_head = ino;
	table->free_tail = ino;
	table->nr_free++;
}

void tree_itable_remove(struct tree_itable *table, uint64_t ino)
{
	assert(tree_itable_get(table, ino));
	push_free(table, ino);
	table->nr_used--;
}

int tree_itable_extend(struct tree_itable *table, void *(*alloc)(size_t bytes), uint64_t next_ino)
{
	while ((next_ino - 1) / PAGE_SLOTS >= table->nr_pages)
		if (add_page(table, alloc))
			return -ENOMEM;
	table->next_ino = next_ino;
	return 0;
}

static bool may_put(const struct tree_itable *table, uint64_t ino)
{
	return ino != 0 && ino < table->next_ino && *slot_of(table, ino) == 0;
}

bool tree_itable_put(struct tree_itable *table, uint64_t ino, struct tree_inode *inode)
{
	if (!may_put(table, ino))
		return false;
	*slot_of(table, ino) = (uintptr_t)inode;
	table->nr_used++;
	return true;
}

bool tree_itable_put_free(struct tree_itable *table, uint64_t ino)
{
	if (!may_put(table, ino))
		return false;
	push_free(table, ino);
	return true;
}

uint64_t tree_itable_next_free(const struct tree_itable *table, uint64_t ino)
{
	return successor(*slot_of(table, ino));
}

bool tree_itable_check(const struct tree_itable *table)
{
	uint64_t nr_free = 0, last = 0;

	for (uint64_t ino = table->free_head; ino; ino = successor(*slot_of(table, ino))) {
		if (ino >= table->next_ino || !is_free(*slot_of(table, ino)))
			return false;
		if (++nr_free > table->nr_free)
			return false;
		last = ino;
	}
	return nr_free == table->nr_free && last == table->free_tail &&
	       table->nr_used + nr_free == table->next_ino - 1;
}
