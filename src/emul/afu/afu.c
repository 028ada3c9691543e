/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/afu/afu.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "emul/afu/delay.h"
#include "emul/afu/engine.h"
#include "emul/afu/event.h"
#include "emul/afu/inject.h"

/* How often the housekeeping thread checks for conditions that do not wake it. */
#define UPKEEP_MS           100
#define UPKEEP_RESETTING_MS 5

/* ---- housekeeping ---- */

/* Signals programs whose contexts were closed. */
static void close_events(struct emul_afu *afu)
{
	pthread_mutex_lock(&afu->lock);
	for (unsigned i = 0; i < EMUL_MAX_PES; i++) {
		struct emul_engine *engine = afu->engine[i];
		uint32_t flags = engine ? atomic_load(&engine->pe->flags) : 0;

		if (engine && (flags & EMUL_PE_CLOSED || !(flags & EMUL_PE_USED) ||
			       atomic_load(&engine->pe->generation) != engine->generation))
			emul_events_close(&engine->events);
	}
	pthread_mutex_unlock(&afu->lock);
}

/* Applies the timed rules that are due. Return: when the next one is due. */
static uint64_t run_timed_faults(struct emul_afu *afu)
{
	struct emul_fault fault;
	uint64_t next;

	while (emul_fault_take_due(&afu->ad->shm->fault, clock_now_ns(), &fault, &next))
		emul_inject_global(afu, &fault);
	return next;
}

static void wait_until(_Atomic uint32_t *word, uint32_t seen, uint64_t until_ns)
{
	struct timespec ts = { (time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000) };

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, &ts, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void *housekeeper_thread(void *arg)
{
	struct emul_afu *afu = arg;
	struct emul_shm *shm = afu->ad->shm;

	while (!atomic_load(&afu->stop)) {
		uint32_t seen = atomic_load(&shm->pe_seq);
		uint64_t next, now, ms = UPKEEP_MS;

		close_events(afu);
		emul_housekeep(afu->ad);
		next = run_timed_faults(afu);
		if (atomic_load(&shm->driver.state) == EMUL_RESETTING)
			ms = UPKEEP_RESETTING_MS;
		now = clock_now_ns();
		if (next > now + ms * 1000000)
			next = now + ms * 1000000;
		if (!atomic_load(&afu->stop))
			wait_until(&shm->pe_seq, seen, next);
	}
	return NULL;
}

static int start_housekeeper_locked(struct emul_afu *afu)
{
	int ret;

	if (afu->housekeeping)
		return 0;
	ret = thread_start(&afu->housekeeper, housekeeper_thread, afu, "emul-housekeep");
	afu->housekeeping = ret == 0;
	return ret;
}

void emul_afu_wake_all(struct emul_adapter *ad)
{
	atomic_fetch_add(&ad->shm->pe_seq, 1);
	syscall(SYS_futex, &ad->shm->pe_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void stop_housekeeper(struct emul_afu *afu)
{
	if (!afu->housekeeping)
		return;
	atomic_store(&afu->stop, true);
	emul_afu_wake_all(afu->ad);
	pthread_join(afu->housekeeper, NULL);
}

/* ---- engines ---- */

static void init_constants(struct emul_engine *engine, struct emul_afu *afu, unsigned pe,
			   uint64_t generation)
{
	const struct emul_geometry *geometry = emul_geometry(afu->ad);

	engine->afu = afu;
	engine->ad = afu->ad;
	engine->pe = &afu->ad->shm->pe[pe];
	engine->index = pe;
	engine->generation = generation;
	engine->sq_mode = geometry->sq_mode;
	engine->irq_all = geometry->irq_all;
	engine->block_shift = (uint8_t)__builtin_ctz(geometry->block_bytes);
	engine->cmd_room = geometry->cmd_room;
	engine->intr_mask = UINT64_MAX;
	engine->last_probed = UINT64_MAX;
	engine->swap = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__; /* contexts start little-endian */
}

static int engine_new(struct emul_afu *afu, unsigned pe, uint64_t generation,
		      struct emul_engine **ret_engine)
{
	struct emul_engine *engine = aligned_alloc(_Alignof(struct emul_engine), sizeof(*engine));
	int ret;

	if (!engine)
		return -ENOMEM;
	*engine = (struct emul_engine){ 0 };
	init_constants(engine, afu, pe, generation);
	engine->arrin = calloc(engine->cmd_room, sizeof(*engine->arrin));
	ret = engine->arrin ? emul_events_init(&engine->events) : -ENOMEM;
	if (ret) {
		free(engine->arrin);
		free(engine);
		return ret;
	}
	pthread_mutex_init(&engine->lock, NULL);
	pthread_mutex_init(&engine->sync_lock, NULL);
	pthread_cond_init(&engine->drained, NULL);
	*ret_engine = engine;
	return 0;
}

static void engine_free(struct emul_engine *engine)
{
	emul_events_fini(&engine->events);
	pthread_cond_destroy(&engine->drained);
	pthread_mutex_destroy(&engine->sync_lock);
	pthread_mutex_destroy(&engine->lock);
	free(engine->arrin);
	free(engine);
}

/* In a forked child, locks may be held by threads that do not exist there: do not destroy them. */
static void engine_free_dead(struct emul_engine *engine)
{
	close(engine->events.program_fd);
	free(engine->arrin);
	free(engine);
}

static int get_locked(struct emul_afu *afu, unsigned pe, uint64_t generation,
		      struct emul_engine **ret_engine)
{
	struct emul_engine *engine = afu->engine[pe];
	int ret = start_housekeeper_locked(afu);

	if (ret)
		return ret;
	if (!engine || engine->generation != generation) {
		ret = engine_new(afu, pe, generation, &engine);
		if (ret)
			return ret;
		afu->engine[pe] = engine; /* mappings keep an older one alive */
	}
	engine->nr_refs++;
	*ret_engine = engine;
	return 0;
}

int emul_engine_get(struct emul_afu *afu, unsigned pe, uint64_t generation,
		    struct emul_engine **ret_engine)
{
	int ret;

	pthread_mutex_lock(&afu->lock);
	ret = get_locked(afu, pe, generation, ret_engine);
	pthread_mutex_unlock(&afu->lock);
	return ret;
}

void emul_engine_put(struct emul_engine *engine)
{
	struct emul_afu *afu = engine->afu;
	bool last;

	if (atomic_load(&afu->dead)) {
		if (--engine->nr_refs == 0)
			engine_free_dead(engine);
		return;
	}
	pthread_mutex_lock(&afu->lock);
	last = --engine->nr_refs == 0;
	if (last && afu->engine[engine->index] == engine)
		afu->engine[engine->index] = NULL;
	pthread_mutex_unlock(&afu->lock);
	if (!last)
		return;
	emul_delay_cancel(afu->delay, engine, UINT32_MAX);
	emul_engine_drain(engine);
	engine_free(engine);
}

void emul_afu_raise_spurious(struct emul_afu *afu)
{
	pthread_mutex_lock(&afu->lock);
	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		if (afu->engine[i])
			emul_events_raise(&afu->engine[i]->events, SISL_LISN_RRQ);
	pthread_mutex_unlock(&afu->lock);
}

/* ---- media ---- */

static struct emul_media *open_media_locked(struct emul_afu *afu, unsigned lun, int *ret_err)
{
	struct emul_media *media = atomic_load(&afu->media[lun]);
	int fd;

	if (media)
		return media;
	fd = emul_adapter_open_media(afu->ad, lun);
	*ret_err = fd < 0 ? fd : emul_media_open(fd, &media);
	if (*ret_err)
		return NULL;
	atomic_store_explicit(&afu->media[lun], media, memory_order_release);
	return media;
}

struct emul_media *emul_afu_media(struct emul_afu *afu, unsigned lun, int *ret_err)
{
	struct emul_media *media = atomic_load_explicit(&afu->media[lun], memory_order_acquire);

	if (__builtin_expect(media != NULL, 1))
		return media;
	pthread_mutex_lock(&afu->lock);
	media = open_media_locked(afu, lun, ret_err);
	pthread_mutex_unlock(&afu->lock);
	return media;
}

/* ---- public ---- */

int emul_afu_new(struct emul_adapter *ad, struct emul_afu **ret_afu)
{
	struct emul_afu *afu = calloc(1, sizeof(*afu));
	int ret;

	if (!afu)
		return -ENOMEM;
	afu->ad = ad;
	ret = emul_delay_new(afu, &afu->delay);
	if (ret) {
		free(afu);
		return ret;
	}
	pthread_mutex_init(&afu->lock, NULL);
	*ret_afu = afu;
	return 0;
}

void emul_afu_free(struct emul_afu *afu)
{
	if (!afu)
		return;
	if (!atomic_load(&afu->dead)) {
		stop_housekeeper(afu);
		pthread_mutex_destroy(&afu->lock);
	}
	emul_delay_free(afu->delay);
	for (unsigned i = 0; i < EMUL_MAX_LUNS; i++)
		emul_media_close(atomic_load(&afu->media[i]));
	free(afu);
}

/* Takes a reference; returns NULL if the PE has no engine here. */
static struct emul_engine *get_existing(struct emul_afu *afu, unsigned pe)
{
	struct emul_engine *engine;

	pthread_mutex_lock(&afu->lock);
	engine = afu->engine[pe];
	if (engine)
		engine->nr_refs++;
	pthread_mutex_unlock(&afu->lock);
	return engine;
}

void emul_afu_sync(struct emul_afu *afu, unsigned pe, enum emul_sync_mode mode)
{
	struct emul_engine *engine;

	if (mode == EMUL_SYNC_LIGHT || pe >= EMUL_MAX_PES || atomic_load(&afu->dead))
		return;
	engine = get_existing(afu, pe);
	if (!engine)
		return;
	emul_engine_drain(engine);
	emul_engine_put(engine);
}

void emul_afu_fork_prepare(struct emul_afu *afu)
{
	pthread_mutex_lock(&afu->lock);
}

void emul_afu_fork_parent(struct emul_afu *afu)
{
	pthread_mutex_unlock(&afu->lock);
}

void emul_afu_fork_child(struct emul_afu *afu)
{
	atomic_store(&afu->dead, true);
	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		if (afu->engine[i] && afu->engine[i]->events.device_fd >= 0)
			close(afu->engine[i]->events.device_fd);
	pthread_mutex_unlock(&afu->lock);
}
