/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/heap.h"

#include <stdlib.h>
#include <string.h>

#include "emul/store/layout.h"
#include "emul/store/store.h"

#define RESERVE_STEP (256u << 10) /* least disk space to reserve at once, bytes */

static unsigned class_for(uint64_t nr_entries)
{
	unsigned class = 0;

	while (class < EMUL_LXT_CLASSES && emul_layout_class_bytes(class) / 8 < nr_entries)
		class ++;
	return class;
}

static unsigned class_of(const struct emul_shm *shm, uint64_t lxt)
{
	unsigned class = 0;

	while (class + 1 < EMUL_LXT_CLASSES &&
	       lxt >= emul_layout_class_start(&shm->head, class + 1))
		class ++;
	return class;
}

void emul_heap_init(struct emul_shm *shm)
{
	struct emul_driver *driver = &shm->driver;

	for (unsigned class = 0; class < EMUL_LXT_CLASSES; class ++) {
		driver->heap_next[class] = emul_layout_class_start(&shm->head, class);
		driver->heap_reserved[class] = driver->heap_next[class];
		driver->heap_free[class] = 0;
	}
}

/** Takes a block from the part of a region that was never used. */
static uint64_t cut(struct emul_shm *shm, int file_fd, unsigned class)
{
	struct emul_driver *driver = &shm->driver;
	uint64_t bytes = emul_layout_class_bytes(class), lxt = driver->heap_next[class];
	uint64_t end = emul_layout_class_start(&shm->head, class + 1);
	uint64_t step = bytes > RESERVE_STEP ? bytes : RESERVE_STEP;

	if (lxt > end || end - lxt < bytes)
		return 0;
	if (lxt + bytes > driver->heap_reserved[class]) {
		if (step > end - lxt)
			step = end - lxt;
		if (emul_store_reserve(file_fd, lxt, step))
			return 0;
		driver->heap_reserved[class] = lxt + step;
	}
	driver->heap_next[class] = lxt + bytes;
	return lxt;
}

uint64_t emul_heap_alloc(struct emul_shm *shm, int file_fd, uint64_t nr_entries)
{
	struct emul_driver *driver = &shm->driver;
	unsigned class = class_for(nr_entries);
	_Atomic uint64_t *words;
	uint64_t lxt;

	if (class == EMUL_LXT_CLASSES)
		return 0;
	lxt = driver->heap_free[class];
	if (lxt)
		driver->heap_free[class] = atomic_load(emul_shm_lxt(shm, lxt));
	else
		lxt = cut(shm, file_fd, class);
	if (!lxt)
		return 0;
	words = emul_shm_lxt(shm, lxt);
	for (uint64_t i = 0; i < emul_layout_class_bytes(class) / 8; i++)
		atomic_store_explicit(&words[i], 0, memory_order_relaxed);
	return lxt;
}

void emul_heap_free(struct emul_shm *shm, uint64_t lxt)
{
	uint64_t *head;

	if (!lxt)
		return;
	head = &shm->driver.heap_free[class_of(shm, lxt)];
	atomic_store(emul_shm_lxt(shm, lxt), *head);
	*head = lxt;
}

uint64_t emul_heap_room(const struct emul_shm *shm, uint64_t lxt)
{
	return lxt ? emul_layout_class_bytes(class_of(shm, lxt)) / 8 : 0;
}

bool emul_heap_has(const struct emul_shm *shm, uint64_t lxt)
{
	unsigned class = class_of(shm, lxt);
	uint64_t start = emul_layout_class_start(&shm->head, class);

	return lxt >= start && lxt < shm->driver.heap_next[class] &&
	       !((lxt - start) % emul_layout_class_bytes(class));
}

/** A byte for each block of a class, 1 if it is in use; NULL without memory. */
static uint8_t *mark(const struct emul_shm *shm, unsigned class, const uint64_t *in_use, size_t nr)
{
	uint64_t start = emul_layout_class_start(&shm->head, class);
	uint64_t bytes = emul_layout_class_bytes(class);
	uint64_t nr_blocks = (shm->driver.heap_next[class] - start) / bytes;
	uint8_t *marks = calloc(nr_blocks + 1, 1);

	for (size_t i = 0; marks && i < nr; i++)
		if (in_use[i] >= start && (in_use[i] - start) / bytes < nr_blocks)
			marks[(in_use[i] - start) / bytes] = 1;
	return marks;
}

int emul_heap_reserve_used(const struct emul_shm *shm, int file_fd)
{
	int rc = 0;

	for (unsigned class = 0; !rc && class < EMUL_LXT_CLASSES; class ++) {
		uint64_t start = emul_layout_class_start(&shm->head, class);
		uint64_t next = shm->driver.heap_next[class];

		if (next > start)
			rc = emul_store_reserve(file_fd, start, next - start);
	}
	return rc;
}

void emul_heap_clear_free_lists(struct emul_shm *shm)
{
	memset(shm->driver.heap_free, 0, sizeof(shm->driver.heap_free));
}

void emul_heap_rebuild(struct emul_shm *shm, const uint64_t *in_use, size_t nr)
{
	for (unsigned class = 0; class < EMUL_LXT_CLASSES; class ++) {
		uint64_t start = emul_layout_class_start(&shm->head, class);
		uint64_t bytes = emul_layout_class_bytes(class);
		uint8_t *marks = mark(shm, class, in_use, nr);

		shm->driver.heap_free[class] = 0;
		for (uint64_t lxt = start; marks && lxt < shm->driver.heap_next[class];
		     lxt += bytes)
			if (!marks[(lxt - start) / bytes])
				emul_heap_free(shm, lxt);
		free(marks);
	}
}
