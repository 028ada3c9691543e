/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/fake_superpipe.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/clone.h"

#define MAX_THREADS 8

struct fake_lun {
	struct superpipe_lun_info info;
	uint8_t *media;
	bool *used; /* per chunk */
	unsigned nr_vluns;
	uint64_t nr_free;
	bool failed; /* for good */
};

struct superpipe_vlun {
	struct superpipe *sp;
	unsigned lun;
	uint32_t *chunks;
	uint64_t nr_chunks;
	uint32_t handle; /* index in superpipe.vluns */
	bool is_left;    /* nobody has it: superpipe_vlun_import() frees it */
};

struct fail_rule {
	uint64_t first, nr;
	int err;
};

struct superpipe {
	struct fake_config config;
	struct fake_lun luns[SUPERPIPE_MAX_LUNS];
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t threads[MAX_THREADS];
	struct superpipe_io *queue;   /* not begun, linked by queue_next */
	struct superpipe_io **flight; /* begun or not, for the checks */
	unsigned nr_flight, max_flight, nr_queued;
	struct fail_rule fail_io[2]; /* read, write */
	unsigned fail_count[FAKE_NR_CALLS];
	int fail_err[FAKE_NR_CALLS];
	uint64_t nr_calls[FAKE_NR_CALLS];
	uint64_t growth_limit, nr_ios, random;
	struct superpipe_vlun **vluns; /* by handle, which no two LUNs use */
	unsigned nr_handles;           /* of all LUNs */
	unsigned nr_vluns, nr_breaches;
	bool held, gate_closed, stopping, shrinks_imports;
};

static void breach_locked(struct superpipe *sp, const char *what)
{
	fprintf(stderr, "fake_superpipe: %s\n", what);
	sp->nr_breaches++;
}

/* ---- ios ---- */

static uint8_t *lba_memory(const struct superpipe_vlun *vlun, uint64_t lba)
{
	struct fake_lun *lun = &vlun->sp->luns[vlun->lun];
	uint64_t chunk = vlun->chunks[lba / lun->info.chunk_lbas];

	return lun->media +
	       (chunk * lun->info.chunk_lbas + lba % lun->info.chunk_lbas) * SUPERPIPE_LBA_BYTES;
}

/* Another volume has imported it. */
static bool is_gone(const struct superpipe_vlun *vlun)
{
	return !vlun->chunks;
}

static bool fails(const struct superpipe *sp, const struct superpipe_io *io, uint64_t lba)
{
	const struct fail_rule *rule = &sp->fail_io[io->write];

	return rule->nr && lba >= rule->first && lba - rule->first < rule->nr;
}

static void move_lba(const struct superpipe_io *io, uint64_t index, size_t bytes)
{
	uint8_t *media = lba_memory(io->vlun, io->lba + index);
	uint8_t *buf = (uint8_t *)io->buf + index * SUPERPIPE_LBA_BYTES;

	if (io->write)
		memcpy(media, buf, bytes);
	else
		memcpy(buf, media, bytes);
}

static void perform_locked(struct superpipe *sp, struct superpipe_io *io)
{
	bool gone = is_gone(io->vlun), lost = gone || sp->luns[io->vlun->lun].failed;

	io->status = 0;
	io->nr_lbas_done = io->nr_lbas;
	for (uint32_t i = 0; i < io->nr_lbas; i++) {
		bool bad = lost || fails(sp, io, io->lba + i);

		if (bad && io->status == 0) {
			io->status = lost ? -EIO : sp->fail_io[io->write].err;
			io->nr_lbas_done = i;
		}
		if (!bad)
			move_lba(io, i, SUPERPIPE_LBA_BYTES);
		else if (io->write && !gone)
			move_lba(io, i, SUPERPIPE_LBA_BYTES / 2);
	}
	for (unsigned i = 0; i < sp->nr_flight; i++) {
		if (sp->flight[i] == io) {
			sp->flight[i] = sp->flight[--sp->nr_flight];
			break;
		}
	}
}

static bool overlap(const struct superpipe_io *a, const struct superpipe_io *b)
{
	return a->vlun == b->vlun && a->lba < b->lba + b->nr_lbas && b->lba < a->lba + a->nr_lbas;
}

static void check_io_locked(struct superpipe *sp, const struct superpipe_io *io)
{
	uint32_t chunk_lbas = sp->luns[io->vlun->lun].info.chunk_lbas;

	if (io->nr_lbas == 0 || (uintptr_t)io->buf % 16)
		breach_locked(sp, "empty io or unaligned buffer");
	if (!is_gone(io->vlun) && io->lba + io->nr_lbas > io->vlun->nr_chunks * chunk_lbas) {
		breach_locked(sp, "io beyond the end of the vLUN");
		abort();
	}
	for (unsigned i = 0; i < sp->nr_flight; i++) {
		if ((io->write || sp->flight[i]->write) && overlap(io, sp->flight[i]))
			breach_locked(sp, "io overlaps one in flight");
	}
}

static void begin_locked(struct superpipe *sp, struct superpipe_io *io)
{
	check_io_locked(sp, io);
	sp->nr_ios++;
	if (sp->nr_flight == sp->max_flight) {
		sp->max_flight = sp->max_flight * 2 + 16;
		sp->flight = realloc(sp->flight, sp->max_flight * sizeof(*sp->flight));
	}
	sp->flight[sp->nr_flight++] = io;
	io->queue_next = sp->queue;
	sp->queue = io;
	sp->nr_queued++;
}

static uint64_t next_random_locked(struct superpipe *sp)
{
	sp->random ^= sp->random << 13;
	sp->random ^= sp->random >> 7;
	sp->random ^= sp->random << 17;
	return sp->random;
}

static struct superpipe_io *take_locked(struct superpipe *sp)
{
	uint64_t skip = sp->config.nr_threads ? next_random_locked(sp) % sp->nr_queued : 0;
	struct superpipe_io **at = &sp->queue, *io;

	while (skip--)
		at = &(*at)->queue_next;
	io = *at;
	*at = io->queue_next;
	sp->nr_queued--;
	return io;
}

static void complete_all(struct superpipe *sp)
{
	for (;;) {
		struct superpipe_io *io = NULL;

		pthread_mutex_lock(&sp->lock);
		if (sp->queue && !sp->held) {
			io = take_locked(sp);
			perform_locked(sp, io);
		}
		pthread_mutex_unlock(&sp->lock);
		if (!io)
			return;
		io->done(io);
	}
}

void superpipe_submit(struct superpipe *sp, struct superpipe_io *first)
{
	struct superpipe_io *next;

	pthread_mutex_lock(&sp->lock);
	for (; first; first = next) {
		next = first->next;
		begin_locked(sp, first);
	}
	pthread_cond_broadcast(&sp->wake);
	pthread_mutex_unlock(&sp->lock);
	if (sp->config.nr_threads == 0)
		complete_all(sp);
}

static void *reap(void *arg)
{
	struct superpipe *sp = arg;

	pthread_mutex_lock(&sp->lock);
	while (!sp->stopping) {
		struct superpipe_io *io;

		if (!sp->queue || sp->held) {
			pthread_cond_wait(&sp->wake, &sp->lock);
			continue;
		}
		io = take_locked(sp);
		perform_locked(sp, io);
		pthread_mutex_unlock(&sp->lock);
		io->done(io);
		pthread_mutex_lock(&sp->lock);
	}
	pthread_mutex_unlock(&sp->lock);
	return NULL;
}

/* ---- vLUNs ---- */

static int enter_locked(struct superpipe *sp, unsigned lun, enum fake_call call)
{
	while (sp->gate_closed)
		pthread_cond_wait(&sp->wake, &sp->lock);
	sp->nr_calls[call]++;
	if (sp->luns[lun].failed)
		return -EIO;
	if (sp->fail_count[call] == 0)
		return 0;
	sp->fail_count[call]--;
	return sp->fail_err[call];
}

static uint32_t free_handle_locked(const struct superpipe *sp)
{
	uint32_t handle = 0;

	while (sp->vluns[handle])
		handle++;
	return handle;
}

static struct superpipe_vlun *add_vlun_locked(struct superpipe *sp, unsigned lun, uint32_t handle)
{
	struct superpipe_vlun *vlun = calloc(1, sizeof(*vlun));

	vlun->sp = sp;
	vlun->lun = lun;
	vlun->chunks = calloc(sp->config.nr_chunks, sizeof(*vlun->chunks));
	vlun->handle = handle;
	sp->vluns[handle] = vlun;
	sp->nr_vluns++;
	sp->luns[lun].nr_vluns++;
	return vlun;
}

int superpipe_vlun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun)
{
	int err;

	pthread_mutex_lock(&sp->lock);
	err = enter_locked(sp, lun, FAKE_OPEN);
	if (!err && sp->luns[lun].nr_vluns == sp->config.max_handles)
		err = -ENOSPC;
	if (!err)
		*ret_vlun = add_vlun_locked(sp, lun, free_handle_locked(sp));
	pthread_mutex_unlock(&sp->lock);
	return err;
}

/* The fake has no modes: a whole LUN is a vLUN of all its chunks, each in its place. */
int superpipe_plun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun)
{
	uint64_t nr_chunks = 0;
	int err = superpipe_vlun_open(sp, lun, ret_vlun);

	if (err)
		return err;
	err = superpipe_vlun_resize(*ret_vlun, sp->config.nr_chunks, &nr_chunks);
	if (err)
		(void)superpipe_vlun_close(*ret_vlun);
	return err;
}

static void shrink_locked(struct superpipe_vlun *vlun, uint64_t nr_chunks)
{
	struct superpipe *sp = vlun->sp;
	struct fake_lun *lun = &sp->luns[vlun->lun];

	for (unsigned i = 0; i < sp->nr_flight; i++) {
		struct superpipe_io *io = sp->flight[i];

		if (io->vlun == vlun && io->lba + io->nr_lbas > nr_chunks * lun->info.chunk_lbas)
			breach_locked(sp, "vLUN shrunk under an io in flight");
	}
	while (vlun->nr_chunks > nr_chunks) {
		lun->used[vlun->chunks[--vlun->nr_chunks]] = false;
		lun->nr_free++;
	}
}

static void grow_locked(struct superpipe_vlun *vlun, uint64_t nr_chunks)
{
	struct superpipe *sp = vlun->sp;
	struct fake_lun *lun = &sp->luns[vlun->lun];
	size_t chunk_bytes = (size_t)lun->info.chunk_lbas * SUPERPIPE_LBA_BYTES;
	uint64_t left = sp->growth_limit;

	for (uint32_t i = 0; i < lun->info.nr_chunks && vlun->nr_chunks < nr_chunks && left; i++) {
		if (lun->used[i])
			continue;
		lun->used[i] = true;
		lun->nr_free--;
		left--;
		vlun->chunks[vlun->nr_chunks++] = i;
		if (sp->config.scrub)
			memset(lun->media + i * chunk_bytes, FAKE_GARBAGE, chunk_bytes);
	}
}

int superpipe_vlun_resize(struct superpipe_vlun *vlun, uint64_t nr_chunks, uint64_t *ret_nr_chunks)
{
	struct superpipe *sp = vlun->sp;
	uint64_t before;
	int err;

	pthread_mutex_lock(&sp->lock);
	err = enter_locked(sp, vlun->lun, FAKE_RESIZE);
	before = vlun->nr_chunks;
	if (!err && is_gone(vlun))
		before = nr_chunks;
	else if (!err && nr_chunks < before)
		shrink_locked(vlun, nr_chunks);
	else if (!err)
		grow_locked(vlun, nr_chunks);
	if (!err && nr_chunks > before && vlun->nr_chunks == before)
		err = -ENOSPC;
	if (!err)
		*ret_nr_chunks = is_gone(vlun) ? nr_chunks : vlun->nr_chunks;
	pthread_mutex_unlock(&sp->lock);
	return err;
}

unsigned superpipe_vlun_lun(const struct superpipe_vlun *vlun)
{
	return vlun->lun;
}

uint32_t superpipe_vlun_handle(const struct superpipe_vlun *vlun)
{
	return vlun->handle;
}

int superpipe_vlun_close(struct superpipe_vlun *vlun)
{
	struct superpipe *sp = vlun->sp;
	int err;

	pthread_mutex_lock(&sp->lock);
	err = enter_locked(sp, vlun->lun, FAKE_CLOSE);
	shrink_locked(vlun, 0);
	if (sp->vluns[vlun->handle] == vlun) {
		sp->vluns[vlun->handle] = NULL;
		sp->nr_vluns--;
		sp->luns[vlun->lun].nr_vluns--;
	}
	pthread_mutex_unlock(&sp->lock);
	free(vlun->chunks);
	free(vlun);
	return err;
}

void superpipe_vlun_export(const struct superpipe_vlun *vlun,
			   struct superpipe_vlun_source *ret_source)
{
	*ret_source = (struct superpipe_vlun_source){ vlun->lun, vlun->handle, vlun->nr_chunks };
}

int superpipe_vlun_import(struct superpipe *sp, const struct superpipe_vlun_source *source,
			  struct superpipe_vlun **ret_vlun)
{
	struct superpipe_vlun *new = calloc(1, sizeof(*new)), *old;

	pthread_mutex_lock(&sp->lock);
	old = sp->vluns[source->res_hndl];
	if (sp->shrinks_imports && old && old->nr_chunks > source->nr_chunks)
		shrink_locked(old, source->nr_chunks);
	if (!old || old->lun != source->lun || old->nr_chunks != source->nr_chunks)
		breach_locked(sp, "import of what was not exported");
	*new = *old;
	new->is_left = false;
	sp->vluns[new->handle] = new;
	old->chunks = NULL;
	old->nr_chunks = 0;
	if (old->is_left)
		free(old);
	pthread_mutex_unlock(&sp->lock);
	*ret_vlun = new;
	return 0;
}

void fake_shrink_imports(struct superpipe *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->shrinks_imports = true;
	pthread_mutex_unlock(&sp->lock);
}

unsigned superpipe_nr_luns(const struct superpipe *sp)
{
	return sp->config.nr_luns;
}

const struct superpipe_lun_info *superpipe_lun_info(const struct superpipe *sp, unsigned lun)
{
	return &sp->luns[lun].info;
}

unsigned superpipe_max_handles(const struct superpipe *sp, unsigned lun)
{
	(void)lun;
	return sp->config.max_handles;
}

/* ---- the test's side ---- */

bool fake_add_vlun(struct superpipe *sp, unsigned lun, uint32_t handle, uint64_t nr_chunks)
{
	struct superpipe_vlun *vlun;
	bool added = false;

	pthread_mutex_lock(&sp->lock);
	if (handle < sp->nr_handles && !sp->vluns[handle]) {
		vlun = add_vlun_locked(sp, lun, handle);
		vlun->is_left = true;
		grow_locked(vlun, nr_chunks);
		added = vlun->nr_chunks == nr_chunks;
	}
	pthread_mutex_unlock(&sp->lock);
	return added;
}

static void init_lun(struct superpipe *sp, unsigned index)
{
	struct fake_lun *lun = &sp->luns[index];
	size_t bytes;

	lun->info.block_bytes = SUPERPIPE_LBA_BYTES;
	lun->info.chunk_lbas = sp->config.chunk_lbas;
	if (index == 1 && sp->config.odd_lun_chunk_lbas)
		lun->info.chunk_lbas = sp->config.odd_lun_chunk_lbas;
	lun->info.nr_chunks = sp->config.nr_chunks;
	lun->info.nr_lbas = lun->info.nr_chunks * lun->info.chunk_lbas;
	bytes = (size_t)lun->info.nr_lbas * SUPERPIPE_LBA_BYTES;
	lun->media = malloc(bytes);
	memset(lun->media, FAKE_GARBAGE, bytes);
	lun->used = calloc(lun->info.nr_chunks, sizeof(*lun->used));
	lun->nr_free = lun->info.nr_chunks;
}

struct superpipe *fake_new(const struct fake_config *config)
{
	struct superpipe *sp = calloc(1, sizeof(*sp));
	struct fake_config *own = &sp->config;

	*own = *config;
	own->nr_luns = own->nr_luns ? own->nr_luns : 1;
	own->chunk_lbas = own->chunk_lbas ? own->chunk_lbas : 16;
	own->nr_chunks = own->nr_chunks ? own->nr_chunks : 32;
	own->max_handles = own->max_handles ? own->max_handles : 256;
	sp->random = own->seed * 2 + 1;
	sp->growth_limit = UINT64_MAX;
	sp->nr_handles = own->nr_luns * own->max_handles;
	sp->vluns = calloc(sp->nr_handles, sizeof(struct superpipe_vlun *));
	pthread_mutex_init(&sp->lock, NULL);
	pthread_cond_init(&sp->wake, NULL);
	for (unsigned i = 0; i < own->nr_luns; i++)
		init_lun(sp, i);
	for (unsigned i = 0; i < own->nr_threads; i++)
		pthread_create(&sp->threads[i], NULL, reap, sp);
	return sp;
}

unsigned fake_nr_breaches(struct superpipe *sp)
{
	unsigned nr;

	pthread_mutex_lock(&sp->lock);
	nr = sp->nr_breaches;
	pthread_mutex_unlock(&sp->lock);
	return nr;
}

unsigned fake_free(struct superpipe *sp)
{
	unsigned nr_breaches;

	pthread_mutex_lock(&sp->lock);
	sp->stopping = true;
	if (sp->nr_flight)
		breach_locked(sp, "ios in flight at the end");
	if (sp->nr_vluns)
		breach_locked(sp, "vLUNs open at the end");
	pthread_cond_broadcast(&sp->wake);
	pthread_mutex_unlock(&sp->lock);
	for (unsigned i = 0; i < sp->config.nr_threads; i++)
		pthread_join(sp->threads[i], NULL);
	for (unsigned i = 0; i < sp->config.nr_luns; i++) {
		free(sp->luns[i].media);
		free(sp->luns[i].used);
	}
	nr_breaches = sp->nr_breaches;
	pthread_cond_destroy(&sp->wake);
	pthread_mutex_destroy(&sp->lock);
	free(sp->flight);
	free(sp->vluns);
	free(sp);
	return nr_breaches;
}

void fake_fail_ios(struct superpipe *sp, bool write, uint64_t first, uint64_t nr, int err)
{
	pthread_mutex_lock(&sp->lock);
	sp->fail_io[write] = (struct fail_rule){ first, nr, err };
	pthread_mutex_unlock(&sp->lock);
}

void fake_fail_call(struct superpipe *sp, enum fake_call call, unsigned count, int err)
{
	pthread_mutex_lock(&sp->lock);
	sp->fail_count[call] = count;
	sp->fail_err[call] = err;
	pthread_mutex_unlock(&sp->lock);
}

void fake_fail_lun(struct superpipe *sp, unsigned lun)
{
	pthread_mutex_lock(&sp->lock);
	sp->luns[lun].failed = true;
	pthread_mutex_unlock(&sp->lock);
}

bool superpipe_lun_failed(const struct superpipe *sp, unsigned lun)
{
	struct superpipe *locked = (struct superpipe *)sp;
	bool failed;

	pthread_mutex_lock(&locked->lock);
	failed = sp->luns[lun].failed;
	pthread_mutex_unlock(&locked->lock);
	return failed;
}

void fake_limit_growth(struct superpipe *sp, uint64_t chunks)
{
	pthread_mutex_lock(&sp->lock);
	sp->growth_limit = chunks;
	pthread_mutex_unlock(&sp->lock);
}

void fake_hold(struct superpipe *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->held = true;
	pthread_mutex_unlock(&sp->lock);
}

void fake_unhold(struct superpipe *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->held = false;
	pthread_cond_broadcast(&sp->wake);
	pthread_mutex_unlock(&sp->lock);
	if (sp->config.nr_threads == 0)
		complete_all(sp);
}

void fake_gate(struct superpipe *sp, bool closed)
{
	pthread_mutex_lock(&sp->lock);
	sp->gate_closed = closed;
	pthread_cond_broadcast(&sp->wake);
	pthread_mutex_unlock(&sp->lock);
}

static uint64_t read_locked(struct superpipe *sp, const uint64_t *value)
{
	uint64_t result;

	pthread_mutex_lock(&sp->lock);
	result = *value;
	pthread_mutex_unlock(&sp->lock);
	return result;
}

bool fake_read(struct superpipe *sp, unsigned lun, uint32_t handle, uint64_t lba, void *block)
{
	const struct superpipe_vlun *vlun;
	bool exists;

	pthread_mutex_lock(&sp->lock);
	vlun = handle < sp->nr_handles ? sp->vluns[handle] : NULL;
	exists = vlun && vlun->lun == lun && lba / sp->luns[lun].info.chunk_lbas < vlun->nr_chunks;
	if (exists)
		memcpy(block, lba_memory(vlun, lba), SUPERPIPE_LBA_BYTES);
	pthread_mutex_unlock(&sp->lock);
	return exists;
}

uint64_t fake_nr_ios(struct superpipe *sp)
{
	return read_locked(sp, &sp->nr_ios);
}

uint64_t fake_nr_calls(struct superpipe *sp, enum fake_call call)
{
	return read_locked(sp, &sp->nr_calls[call]);
}

unsigned fake_in_flight(struct superpipe *sp)
{
	unsigned result;

	pthread_mutex_lock(&sp->lock);
	result = sp->nr_flight;
	pthread_mutex_unlock(&sp->lock);
	return result;
}

uint64_t fake_free_chunks(struct superpipe *sp, unsigned lun)
{
	return read_locked(sp, &sp->luns[lun].nr_free);
}

unsigned fake_nr_vluns(struct superpipe *sp)
{
	unsigned result;

	pthread_mutex_lock(&sp->lock);
	result = sp->nr_vluns;
	pthread_mutex_unlock(&sp->lock);
	return result;
}

/* Its own threads complete everything. */
void superpipe_start_polling(struct superpipe *sp)
{
	(void)sp;
}

void superpipe_stop_polling(struct superpipe *sp)
{
	(void)sp;
}

bool superpipe_is_busy(struct superpipe *sp)
{
	(void)sp;
	return false;
}

bool superpipe_poll(struct superpipe *sp)
{
	(void)sp;
	return false;
}
