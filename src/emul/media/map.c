/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/media/map.h"

#include <linux/magic.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/bitmap.h"
#include "base/minmax.h"
#include "emul/media/copy.h"

/* Windows are mapped when they are first written, because most of a large LUN stays unused. */
#define WINDOW_BYTES (UINT64_C(1) << 30)
#define PAGE_BYTES   UINT64_C(4096) /* smallest page size of any host */
#define WINDOW_WORDS BITMAP_WORDS(WINDOW_BYTES / PAGE_BYTES)

struct window {
	char *memory;
	/*
	 * A bit for each page that exists. If another process punches a hole later, the bit is
	 * stale: the access reads zeros, or faults and then uses a system call.
	 */
	_Atomic uint64_t there[WINDOW_WORDS];
};

struct emul_media_map {
	int fd;
	_Atomic bool full;   /* no address space for more windows */
	uint64_t nr_windows; /* from the size at open; later growth uses system calls */
	_Atomic(struct window *) window[];
};

/* ---- existing pages ---- */

static uint64_t first_page(uint64_t offset)
{
	return offset % WINDOW_BYTES / PAGE_BYTES;
}

/* One past the last page of a range within a window. */
static uint64_t end_page(uint64_t offset, uint64_t bytes)
{
	return (offset % WINDOW_BYTES + bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static bool are_there(const struct window *window, uint64_t from, uint64_t to)
{
	for (; from < to; from = bitmap_next_word(from)) {
		uint64_t mask = bitmap_mask(from, to);

		if (~atomic_load_explicit(&window->there[from / BITMAP_WORD_BITS],
					  memory_order_relaxed) &
		    mask)
			return false;
	}
	return true;
}

static void set_there(struct window *window, uint64_t from, uint64_t to)
{
	for (; from < to; from = bitmap_next_word(from))
		(void)atomic_fetch_or_explicit(&window->there[from / BITMAP_WORD_BITS],
					       bitmap_mask(from, to), memory_order_relaxed);
}

/* ---- windows ---- */

static struct window *window_at(struct emul_media_map *map, uint64_t offset)
{
	uint64_t number = offset / WINDOW_BYTES;

	return number < map->nr_windows
		       ? atomic_load_explicit(&map->window[number], memory_order_acquire)
		       : NULL;
}

static void window_free(struct window *window)
{
	if (!window)
		return;
	munmap(window->memory, WINDOW_BYTES);
	munmap(window, sizeof(*window));
}

/* Allocated by mmap(), so that unused parts of the bitmap take no memory. */
static struct window *window_new(int fd, uint64_t number)
{
	struct window *window = mmap(NULL, sizeof(*window), PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (window == MAP_FAILED)
		return NULL;
	window->memory = mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      (off_t)(number * WINDOW_BYTES));
	if (window->memory == MAP_FAILED) {
		munmap(window, sizeof(*window));
		return NULL;
	}
	return window;
}

/* Return: @window, or the one that another thread published first. */
static struct window *publish(struct emul_media_map *map, uint64_t number, struct window *window)
{
	struct window *first = NULL;

	if (atomic_compare_exchange_strong(&map->window[number], &first, window))
		return window;
	window_free(window);
	return first;
}

/* Return: NULL beyond the last one, or without memory. */
static struct window *make_window(struct emul_media_map *map, uint64_t offset)
{
	struct window *window = window_at(map, offset);
	uint64_t number = offset / WINDOW_BYTES;

	if (window || number >= map->nr_windows || atomic_load(&map->full))
		return window;
	window = window_new(map->fd, number);
	if (window)
		return publish(map, number, window);
	atomic_store(&map->full, true);
	return NULL;
}

/* ---- data transfer ---- */

static bool move_in_window(struct emul_media_map *map, bool write, char *memory, uint64_t offset,
			   uint64_t bytes)
{
	struct window *window = window_at(map, offset);
	char *medium;

	if (!window || !are_there(window, first_page(offset), end_page(offset, bytes)))
		return false;
	medium = window->memory + offset % WINDOW_BYTES;
	return write ? emul_copy_to_file(medium, memory, bytes) : emul_copy(memory, medium, bytes);
}

/* Return: bytes moved. */
static uint64_t move_iov(struct emul_media_map *map, bool write, const struct iovec *iov,
			 uint64_t offset)
{
	uint64_t done = 0, piece;

	for (; done < iov->iov_len; done += piece) {
		piece = min_u64(iov->iov_len - done, WINDOW_BYTES - (offset + done) % WINDOW_BYTES);
		if (!move_in_window(map, write, (char *)iov->iov_base + done, offset + done, piece))
			break;
	}
	return done;
}

uint64_t emul_media_map_move(struct emul_media_map *map, bool write, const struct iovec *iov,
			     int nr_iov, uint64_t offset)
{
	uint64_t done = 0, moved;

	if (!map)
		return 0;
	for (int i = 0; i < nr_iov; i++) {
		moved = move_iov(map, write, &iov[i], offset + done);
		done += moved;
		if (moved < iov[i].iov_len)
			break;
	}
	return done;
}

/*
 * Bytes of the range in pages that are completely within the file. A copy past the end of the file
 * in its last page would not extend the file.
 */
static uint64_t nr_in_file(int fd, uint64_t offset, uint64_t bytes)
{
	struct stat st;
	uint64_t end;

	if (fstat(fd, &st))
		return 0;
	end = (uint64_t)st.st_size / PAGE_BYTES * PAGE_BYTES;
	return end > offset ? min_u64(bytes, end - offset) : 0;
}

void emul_media_map_note(struct emul_media_map *map, uint64_t offset, uint64_t bytes)
{
	uint64_t piece;

	if (!map)
		return;
	for (bytes = nr_in_file(map->fd, offset, bytes); bytes; bytes -= piece, offset += piece) {
		struct window *window = make_window(map, offset);

		piece = min_u64(bytes, WINDOW_BYTES - offset % WINDOW_BYTES);
		if (window)
			set_there(window, first_page(offset), end_page(offset, piece));
	}
}

/* ---- creation ---- */

static bool is_on_tmpfs(int fd, uint64_t *ret_bytes)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || fstatfs(fd, &fs))
		return false;
	*ret_bytes = (uint64_t)st.st_size;
	return fs.f_type == TMPFS_MAGIC;
}

struct emul_media_map *emul_media_map_new(int fd)
{
	struct emul_media_map *map;
	uint64_t bytes, nr_windows;

	if (!is_on_tmpfs(fd, &bytes) || emul_copy_install())
		return NULL;
	nr_windows = (bytes + WINDOW_BYTES - 1) / WINDOW_BYTES;
	map = calloc(1, sizeof(*map) + nr_windows * sizeof(map->window[0]));
	if (!map)
		return NULL;
	map->fd = fd;
	map->nr_windows = nr_windows;
	return map;
}

void emul_media_map_free(struct emul_media_map *map)
{
	if (!map)
		return;
	for (uint64_t i = 0; i < map->nr_windows; i++)
		window_free(atomic_load(&map->window[i]));
	free(map);
}
