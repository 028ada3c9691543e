/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emul/store/chunk.h"
#include "emul/store/heap.h"
#include "emul/store/layout.h"

/* ---- power on ---- */

/** A string that differs after each boot of this machine; empty if the kernel has none. */
static void read_boot_id(char id[static 40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, id, 36);

	if (fd >= 0)
		close(fd);
	if (got < 0)
		got = 0;
	memset(id + got, 0, 40 - (size_t)got);
}

bool emul_state_is_of_this_boot(const struct emul_shm *shm)
{
	char id[40];

	read_boot_id(id);
	return !memcmp(id, shm->driver.boot_id, sizeof(id));
}

static void init_lock(struct emul_shm *shm)
{
	pthread_mutexattr_t attr;

	memset(&shm->lock, 0, sizeof(shm->lock));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shm->lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

/** An NAA-6 designator that no real disk has: IBM's company id, the adapter's cookie, the LUN. */
static void make_wwid(uint8_t wwid[DK_WWID_LEN], const struct emul_head *head, unsigned lun)
{
	static const uint8_t vendor[] = { 0x60, 0x05, 0x07, 0x68 };

	memcpy(wwid, vendor, sizeof(vendor));
	for (unsigned i = 0; i < 8; i++)
		wwid[4 + i] = (uint8_t)((head->cookie_high ^ head->geometry.seed) >> (56 - 8 * i));
	for (unsigned i = 0; i < 4; i++)
		wwid[12 + i] = (uint8_t)(lun >> (24 - 8 * i));
}

/** Puts all LUNs into superpipe mode on all ports, as a start script does for a card. */
static void init_luns(struct emul_shm *shm)
{
	const struct emul_geometry *geometry = &shm->head.geometry;

	memset(shm->lun, 0, sizeof(shm->lun));
	for (unsigned i = 0; i < geometry->nr_luns; i++) {
		struct emul_disk *disk = &shm->disk[i];
		struct emul_lun *lun = &shm->lun[i];

		make_wwid(disk->wwid, &shm->head, i);
		disk->lun_id = (uint64_t)i << 48;
		if (!disk->nr_blocks)
			atomic_store(&disk->nr_blocks, geometry->lun_blocks[i]);
		lun->used = 1;
		memcpy(lun->wwid, disk->wwid, DK_WWID_LEN);
		for (unsigned port = 0; port < geometry->nr_ports; port++) {
			lun->port_sel |= 1u << port;
			lun->disk[port] = (uint8_t)(i + 1);
			disk->record[port] = (uint8_t)(i + 1);
		}
	}
}

static void init_driver(struct emul_shm *shm)
{
	struct emul_driver *driver = &shm->driver;

	memset(driver, 0, sizeof(*driver));
	driver->next_generation = 1;
	driver->next_single_port[0] = EMUL_LUN_TABLE - 1;
	for (unsigned port = 1; port < EMUL_MAX_PORTS; port++)
		driver->next_single_port[port] = EMUL_LUN_TABLE - 1;
	read_boot_id(driver->boot_id);
}

void emul_state_init(struct emul_shm *shm)
{
	init_lock(shm);
	init_driver(shm);
	memset(shm->lun_table, 0, sizeof(shm->lun_table));
	memset(shm->pe, 0, sizeof(shm->pe));
	memset(emul_shm_ctx(shm, 0), 0, EMUL_MAX_CTXS * sizeof(struct emul_ctx));
	init_luns(shm);
	emul_heap_init(shm);
}

/* ---- repair ---- */

struct repair {
	struct emul_shm *shm;
	uint64_t *tables; /* LXTs in use */
	size_t nr_tables, room;
	bool incomplete; /* out of memory: more LXTs may be in use */
};

static void note_table(struct repair *r, uint64_t lxt)
{
	uint64_t *more;

	if (r->nr_tables == r->room) {
		more = realloc(r->tables, (r->room * 2 + 64) * sizeof(*more));
		if (!more) {
			r->incomplete = true;
			return;
		}
		r->tables = more;
		r->room = r->room * 2 + 64;
	}
	r->tables[r->nr_tables++] = lxt;
}

static bool is_virtual(const struct emul_rht *rht)
{
	return (rht->fp & EMUL_RHT_FORMAT_MASK) == EMUL_RHT_FORMAT_VIRTUAL;
}

/** Counts the chunks of a handle; clears a handle that was being opened or released. */
static void repair_handle(struct repair *r, unsigned ctx, uint32_t number)
{
	struct emul_rht *rht = emul_shm_rht(r->shm, ctx, number);
	struct emul_handle *handle = emul_shm_handle(r->shm, ctx, number);
	uint64_t lxt;

	if (!handle->lun || !rht->nmask) {
		atomic_store(&rht->nmask, 0);
		atomic_store(&rht->fp, 0);
		atomic_store(&rht->lxt_cnt, 0);
		atomic_store(&rht->lxt, 0);
		memset(handle, 0, sizeof(*handle));
		return;
	}
	r->shm->lun[handle->lun - 1].users++;
	lxt = atomic_load(&rht->lxt);
	if (!is_virtual(rht) || !lxt)
		return;
	note_table(r, lxt);
	for (uint64_t i = 0; i < handle->owned; i++)
		emul_chunk_claim(r->shm, handle->lun - 1,
				 atomic_load(&emul_shm_lxt(r->shm, lxt)[i]) >> SISL_CHUNK_SHIFT);
}

static void repair_luns(struct emul_shm *shm)
{
	for (unsigned i = 0; i < EMUL_MAX_RECORDS; i++) {
		struct emul_lun *lun = &shm->lun[i];

		lun->users = 0;
		if (lun->allocator_ready)
			emul_chunk_init(shm, i, lun->nr_chunks << SISL_CHUNK_SHIFT);
		else
			emul_chunk_term(shm, i);
	}
}

static void repair_modes(struct emul_shm *shm)
{
	for (unsigned i = 0; i < EMUL_MAX_RECORDS; i++) {
		if (shm->lun[i].users)
			continue;
		shm->lun[i].mode = EMUL_LUN_NONE;
		emul_chunk_term(shm, i);
	}
}

static void repair_all_but_heap(struct repair *r)
{
	struct emul_shm *shm = r->shm;

	repair_luns(shm);
	for (unsigned ctx = 0; ctx < EMUL_MAX_CTXS; ctx++) {
		emul_shm_ctx(shm, ctx)->first_free = 0;
		if (!emul_shm_ctx(shm, ctx)->generation)
			emul_shm_ctx(shm, ctx)->used = 0; /* was being attached */
	}
	for (unsigned ctx = 0; ctx < EMUL_MAX_CTXS; ctx++)
		for (uint32_t i = 0;
		     emul_shm_ctx(shm, ctx)->used && i < shm->head.geometry.nr_handles; i++)
			repair_handle(r, ctx, i);
	repair_modes(shm);
}

void emul_state_repair(struct emul_shm *shm)
{
	struct repair r = { .shm = shm };

	repair_all_but_heap(&r);
	if (r.incomplete)
		emul_heap_clear_free_lists(shm);
	else
		emul_heap_rebuild(shm, r.tables, r.nr_tables);
	free(r.tables);
}

/* ---- the first user ---- */

/** Removes the traces of processes that ended while they waited or executed an ioctl. */
static void clear_driver(struct emul_shm *shm)
{
	struct emul_driver *driver = &shm->driver;

	atomic_store(&shm->nr_sleepers, 0);
	memset(driver->running, 0, sizeof(driver->running));
	driver->recovering_pid = 0;
	driver->recoverers = 0;
	driver->reset_until_ns = 0;
	driver->next_process_check_ns = 0;
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		emul_shm_ctx(shm, i)->busy = 0;
		emul_shm_ctx(shm, i)->unavailable = 0;
	}
}

/* Free lists are not trusted. Without memory or disk space, only blocks that were never used are
 * allocated. */
static void reset_heap(const struct repair *r, int file_fd)
{
	struct emul_driver *driver = &r->shm->driver;

	if (!r->nr_tables && !r->incomplete)
		emul_heap_init(r->shm);
	if (r->incomplete || emul_heap_reserve_used(r->shm, file_fd))
		emul_heap_clear_free_lists(r->shm);
	else
		emul_heap_rebuild(r->shm, r->tables, r->nr_tables);
	memcpy(driver->heap_reserved, driver->heap_next, sizeof(driver->heap_reserved));
}

void emul_state_prepare(struct emul_shm *shm, int file_fd)
{
	struct repair r = { .shm = shm };

	if (!emul_state_is_of_this_boot(shm)) {
		emul_state_init(shm);
		return;
	}
	init_lock(shm);
	clear_driver(shm);
	repair_all_but_heap(&r);
	reset_heap(&r, file_fd);
	free(r.tables);
}
