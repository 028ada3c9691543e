/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens later.
 *
 * With a latency model a fetched command waits here for its time and is executed then, so that it
 * meets the tables as they are when the card would end it. A command starts in the next free
 * service slot of its LUN and direction (the rate limit) and ends one latency later, give or take
 * a sixteenth: so completions come out of order, and a queue of any depth is served at the rate.
 *
 * While there are threads that watch, they execute in run() what is due. Else one thread for all
 * engines of a process is the clock. Waking up can take as long as a command, so while there is load
 * it does not sleep but spins: before a command is due, and for a little while after the last one.
 */
#include "emul/afu/afu_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#define SPIN_NS 60000 /* before a command, and after one */
#define CROWD 8		/* so many waiting: nobody minds a little more, and they can go together */
#define CROWD_NS 20000
#define POOL_ITEMS 256
#define CYCLE_NS 4 /* of the AFU's clock, for timeouts counted in cycles */

/** A command or an interrupt to come. */
struct item {
	struct item *next_free;
	struct emul_engine *engine;
	uint32_t era;
	uint8_t lisn; /* 0: a command */
	struct sisl_ioarcb ioarcb;
	struct emul_command cmd;
};

struct pool {
	struct pool *next;
	struct item items[POOL_ITEMS];
};

struct entry {
	uint64_t due_ns;
	struct item *item;
};

struct emul_clock {
	/* constant */
	struct emul_afu *afu;
	uint64_t latency_ns[2]; /* read, write */
	uint64_t slot_ns[2];    /* between commands to one LUN; 0: no limit */

	_Atomic int nr_watchers;
	_Atomic uint64_t first_ns; /* first_ns(), changed under lock */

	pthread_mutex_t lock;
	/* protected by lock */
	struct entry *heap; /* smallest time first */
	unsigned nr, size;
	uint32_t nr_inserted; /* ever; read by the spinning thread without the lock */
	struct item *free;
	struct pool *pools;
	uint64_t next_slot_ns[EMUL_MAX_LUNS][2];
	uint64_t jitter;    /* state of a generator */
	uint64_t asleep_until; /* 0: awake */
	uint64_t ended_ns;     /* when a command was last executed */
	bool running, stop;
	pthread_t thread;
	pthread_cond_t wake, unused;
};

/* ---- heap -------------------------------------------------------------------------------- */

static void sift_up(struct emul_clock *clock, unsigned i)
{
	struct entry entry = clock->heap[i];

	for (; i && clock->heap[(i - 1) / 2].due_ns > entry.due_ns; i = (i - 1) / 2)
		clock->heap[i] = clock->heap[(i - 1) / 2];
	clock->heap[i] = entry;
}

static void sift_down(struct emul_clock *clock, unsigned i)
{
	struct entry entry = clock->heap[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= clock->nr)
			break;
		if (child + 1 < clock->nr &&
		    clock->heap[child + 1].due_ns < clock->heap[child].due_ns)
			child++;
		if (clock->heap[child].due_ns >= entry.due_ns)
			break;
		clock->heap[i] = clock->heap[child];
		i = child;
	}
	clock->heap[i] = entry;
}

static bool refill(struct emul_clock *clock)
{
	struct pool *pool = malloc(sizeof(*pool));

	if (!pool)
		return false;
	pool->next = clock->pools;
	clock->pools = pool;
	for (unsigned i = 0; i < POOL_ITEMS; i++) {
		pool->items[i].next_free = clock->free;
		clock->free = &pool->items[i];
	}
	return true;
}

static bool make_room(struct emul_clock *clock)
{
	unsigned size = clock->size ? 2 * clock->size : POOL_ITEMS;
	struct entry *heap;

	if (clock->nr < clock->size)
		return true;
	heap = realloc(clock->heap, size * sizeof(*heap));
	if (!heap)
		return false;
	clock->heap = heap;
	clock->size = size;
	return true;
}

/* When to look after the first command: many are executed in groups, which costs less. */
static uint64_t first_ns(const struct emul_clock *clock)
{
	if (!clock->nr)
		return UINT64_MAX;
	return clock->heap[0].due_ns + (clock->nr >= CROWD ? CROWD_NS : 0);
}

/* Whoever inserts and the last watcher to go first store what the other looks at, then look. */
static void note_first(struct emul_clock *clock)
{
	atomic_store(&clock->first_ns, first_ns(clock));
}

static struct item *insert(struct emul_clock *clock, uint64_t due_ns)
{
	struct item *item;

	if ((!clock->free && !refill(clock)) || !make_room(clock))
		return NULL;
	item = clock->free;
	clock->free = item->next_free;
	__atomic_store_n(&clock->nr_inserted, clock->nr_inserted + 1, __ATOMIC_RELAXED);
	clock->heap[clock->nr] = (struct entry){ due_ns, item };
	sift_up(clock, clock->nr++);
	note_first(clock);
	return item;
}

static void release(struct emul_clock *clock, struct item *item)
{
	item->next_free = clock->free;
	clock->free = item;
}

static struct item *pop(struct emul_clock *clock)
{
	struct item *item = clock->heap[0].item;

	clock->heap[0] = clock->heap[--clock->nr];
	if (clock->nr)
		sift_down(clock, 0);
	note_first(clock);
	return item;
}

/* ---- thread ------------------------------------------------------------------------------ */

/* When the thread has to do it. */
static uint64_t wanted_ns(struct emul_clock *clock)
{
	return atomic_load(&clock->nr_watchers) > 0 ? UINT64_MAX : first_ns(clock);
}

static void sleep_locked(struct emul_clock *clock)
{
	struct timespec ts;
	uint64_t until;

	clock->asleep_until = wanted_ns(clock);
	if (clock->asleep_until == UINT64_MAX) {
		pthread_cond_wait(&clock->wake, &clock->lock);
	} else {
		until = clock->asleep_until - SPIN_NS;
		ts = (struct timespec){ (time_t)(until / 1000000000), (long)(until % 1000000000) };
		pthread_cond_clockwait(&clock->wake, &clock->lock, CLOCK_MONOTONIC, &ts);
	}
	clock->asleep_until = 0;
}

/* Spin until @until_ns, or until something has been put in that may be due earlier. */
static void spin_locked(struct emul_clock *clock, uint64_t until_ns)
{
	uint32_t seen = clock->nr_inserted;

	pthread_mutex_unlock(&clock->lock);
	while (clock_now_ns() < until_ns &&
	       __atomic_load_n(&clock->nr_inserted, __ATOMIC_RELAXED) == seen)
		; /* reading the clock is pause enough */
	pthread_mutex_lock(&clock->lock);
}

/* Return when something may be due or may have changed. */
static void wait_locked(struct emul_clock *clock)
{
	uint64_t due = wanted_ns(clock);
	uint64_t now = clock_now_ns();

	if (due <= now + SPIN_NS)
		spin_locked(clock, due);
	else if (now < clock->ended_ns + SPIN_NS && !atomic_load(&clock->nr_watchers))
		spin_locked(clock, clock->ended_ns + SPIN_NS);
	else
		sleep_locked(clock);
}

static void take_into_batch(struct emul_clock *clock, struct emul_batch *batch, uint32_t *ret_era)
{
	struct emul_engine *engine = clock->heap[0].item->engine;
	uint32_t era = clock->heap[0].item->era;
	uint64_t now = clock_now_ns();

	batch->engine = engine;
	batch->nr = 0;
	while (clock->nr && batch->nr < EMUL_BATCH && clock->heap[0].due_ns <= now) {
		struct item *item = clock->heap[0].item;

		if (item->engine != engine || item->era != era || item->lisn)
			break;
		batch->ioarcb[batch->nr] = item->ioarcb;
		batch->cmd[batch->nr++] = item->cmd;
		release(clock, pop(clock));
	}
	*ret_era = era;
}

/* Execute commands whose time has come, unless a reset has come first. Return: number completed. */
static unsigned execute_due(struct emul_batch *batch, uint32_t era)
{
	bool begun;

	pthread_mutex_lock(&batch->engine->lock);
	begun = emul_batch_begin_locked(batch);
	if (begun && batch->era != era) {
		emul_batch_end_locked(batch);
		begun = false;
	}
	pthread_mutex_unlock(&batch->engine->lock);
	return begun ? emul_batch_execute(batch) : 0;
}

/*
 * What comes first is due: carry it out, and what is due with it. The lock is dropped meanwhile.
 * @own: whose completions the caller looks for himself; all others interrupt.
 * Return: number of commands completed.
 */
static unsigned run_due_locked(struct emul_clock *clock, struct emul_batch *batch,
			       const struct emul_engine *own)
{
	struct item *first = clock->heap[0].item;
	unsigned nr;
	uint32_t era;

	if (first->lisn) {
		emul_events_raise(&first->engine->events, first->lisn);
		release(clock, pop(clock));
		return 0;
	}
	take_into_batch(clock, batch, &era);
	clock->ended_ns = clock_now_ns();
	batch->engine->nr_by_clock++;
	batch->by_clock = batch->engine != own;
	pthread_mutex_unlock(&clock->lock);
	nr = execute_due(batch, era);
	pthread_mutex_lock(&clock->lock);
	if (--batch->engine->nr_by_clock == 0)
		pthread_cond_broadcast(&clock->unused);
	return nr;
}

static void *clock_thread(void *arg)
{
	struct emul_clock *clock = arg;
	struct emul_batch batch;

	/* The default slack of 50 us would be longer than a command. */
	prctl(PR_SET_TIMERSLACK, 1);
	pthread_mutex_lock(&clock->lock);
	while (!clock->stop) {
		if (wanted_ns(clock) <= clock_now_ns())
			(void)run_due_locked(clock, &batch, NULL);
		else
			wait_locked(clock);
	}
	pthread_mutex_unlock(&clock->lock);
	return NULL;
}

static bool start_locked(struct emul_clock *clock)
{
	if (!clock->running)
		clock->running = thread_start(&clock->thread, clock_thread, clock,
						   "emul-clock") == 0;
	return clock->running;
}

static void wake_locked(struct emul_clock *clock)
{
	if (clock->asleep_until > wanted_ns(clock))
		pthread_cond_signal(&clock->wake);
}

/* ---- public ------------------------------------------------------------------------------ */

int emul_clock_new(struct emul_afu *afu, struct emul_clock **ret_clock)
{
	const struct emul_geometry *geometry = emul_geometry(afu->ad);
	struct emul_clock *clock = calloc(1, sizeof(*clock));

	if (!clock)
		return -ENOMEM;
	clock->afu = afu;
	clock->latency_ns[0] = geometry->read_ns;
	clock->latency_ns[1] = geometry->write_ns;
	clock->slot_ns[0] = geometry->riops ? 1000000000 / geometry->riops : 0;
	clock->slot_ns[1] = geometry->wiops ? 1000000000 / geometry->wiops : 0;
	clock->jitter = geometry->seed | 1;
	atomic_init(&clock->first_ns, UINT64_MAX);
	pthread_mutex_init(&clock->lock, NULL);
	pthread_cond_init(&clock->wake, NULL);
	pthread_cond_init(&clock->unused, NULL);
	*ret_clock = clock;
	return 0;
}

static void free_memory(struct emul_clock *clock)
{
	while (clock->pools) {
		struct pool *pool = clock->pools;

		clock->pools = pool->next;
		free(pool);
	}
	free(clock->heap);
	free(clock);
}

void emul_clock_free(struct emul_clock *clock)
{
	if (!clock)
		return;
	if (atomic_load(&clock->afu->dead)) {
		/* The thread has stayed in the parent; what it may hold here is never let go. */
		free_memory(clock);
		return;
	}
	pthread_mutex_lock(&clock->lock);
	clock->stop = true;
	pthread_cond_signal(&clock->wake);
	pthread_mutex_unlock(&clock->lock);
	if (clock->running)
		pthread_join(clock->thread, NULL);
	pthread_cond_destroy(&clock->wake);
	pthread_cond_destroy(&clock->unused);
	pthread_mutex_destroy(&clock->lock);
	free_memory(clock);
}

bool emul_clock_models(const struct emul_clock *clock)
{
	return clock->latency_ns[0] | clock->latency_ns[1] | clock->slot_ns[0] | clock->slot_ns[1];
}

/* An xorshift generator: the same adapter, the same order of commands, the same times. */
static uint64_t jittered(struct emul_clock *clock, uint64_t latency_ns)
{
	clock->jitter ^= clock->jitter << 13;
	clock->jitter ^= clock->jitter >> 7;
	clock->jitter ^= clock->jitter << 17;
	if (latency_ns < 16)
		return latency_ns;
	return latency_ns - latency_ns / 16 + clock->jitter % (latency_ns / 8);
}

static uint64_t due_of(struct emul_clock *clock, const struct emul_command *cmd, uint64_t now)
{
	uint64_t *slot = &clock->next_slot_ns[cmd->lun][cmd->write];
	uint64_t start = *slot > now ? *slot : now;

	*slot = start + clock->slot_ns[cmd->write];
	return start + jittered(clock, clock->latency_ns[cmd->write]);
}

static uint64_t timeout_ns(const struct sisl_ioarcb *ioarcb)
{
	switch (ioarcb->req_flags & SISL_REQ_TIMEOUT_UNIT_MASK) {
	case SISL_REQ_TIMEOUT_MSECS:
		return ioarcb->timeout * 1000000ull;
	case SISL_REQ_TIMEOUT_USECS:
		return ioarcb->timeout * 1000ull;
	case SISL_REQ_TIMEOUT_CYCLES:
		return ioarcb->timeout * (uint64_t)CYCLE_NS;
	default:
		return ioarcb->timeout * 1000000000ull;
	}
}

static bool schedule_locked(struct emul_clock *clock, struct emul_batch *batch, unsigned i,
			    uint64_t due)
{
	struct item *item = insert(clock, due);

	if (!item)
		return false;
	item->engine = batch->engine;
	item->era = batch->era;
	item->lisn = 0;
	item->ioarcb = batch->ioarcb[i];
	item->cmd = batch->cmd[i];
	item->cmd.fate = EMUL_FATE_COMPLETE;
	return true;
}

/* The model's time for a command, cut off by the command's own limit. */
static bool model_locked(struct emul_clock *clock, struct emul_batch *batch, unsigned i,
			 uint64_t now)
{
	struct emul_command *cmd = &batch->cmd[i];
	uint64_t due = due_of(clock, cmd, now);
	uint64_t limit = timeout_ns(&batch->ioarcb[i]);

	if (limit && due - now > limit) {
		cmd->expired = true;
		due = now + limit;
	}
	return schedule_locked(clock, batch, i, due);
}

void emul_clock_take(struct emul_clock *clock, struct emul_batch *batch)
{
	struct emul_xlate_cache cache;
	uint64_t now = clock_now_ns();
	unsigned nr = 0;

	/* For LUN and direction only; a command that fails here takes no longer to fail later. */
	emul_xlate_begin(batch->engine, &cache);
	for (unsigned i = 0; i < batch->nr; i++) {
		struct emul_status status;

		batch->cmd[i].lun = batch->cmd[i].write = 0;
		(void)emul_xlate(batch, i, &cache, &status);
		batch->cmd[i].bytes = 0;
	}
	pthread_mutex_lock(&clock->lock);
	if (start_locked(clock)) {
		while (nr < batch->nr && model_locked(clock, batch, nr, now))
			nr++;
		wake_locked(clock);
	}
	pthread_mutex_unlock(&clock->lock);
	/* Without memory or a thread for the model the rest is executed at once. */
	batch->nr -= nr;
	memmove(batch->ioarcb, batch->ioarcb + nr, batch->nr * sizeof(batch->ioarcb[0]));
	memmove(batch->cmd, batch->cmd + nr, batch->nr * sizeof(batch->cmd[0]));
	(void)emul_batch_execute(batch);
}

unsigned emul_clock_run_due(struct emul_clock *clock, const struct emul_engine *engine,
			    struct emul_batch *batch)
{
	unsigned nr = 0;

	if (!atomic_load_explicit(&clock->nr_watchers, memory_order_relaxed) ||
	    atomic_load_explicit(&clock->first_ns, memory_order_relaxed) > clock_now_ns())
		return 0;
	pthread_mutex_lock(&clock->lock);
	while (first_ns(clock) <= clock_now_ns())
		nr += run_due_locked(clock, batch, engine);
	pthread_mutex_unlock(&clock->lock);
	return nr;
}

void emul_clock_watch(struct emul_clock *clock, int nr)
{
	if (atomic_fetch_add(&clock->nr_watchers, nr) + nr > 0 ||
	    atomic_load(&clock->first_ns) == UINT64_MAX)
		return;
	/* The last one has gone, and left something. */
	pthread_mutex_lock(&clock->lock);
	wake_locked(clock);
	pthread_mutex_unlock(&clock->lock);
}

bool emul_clock_delay(struct emul_clock *clock, struct emul_batch *batch, unsigned i, uint32_t ms)
{
	bool good;

	pthread_mutex_lock(&clock->lock);
	good = start_locked(clock) &&
	       schedule_locked(clock, batch, i, clock_now_ns() + ms * 1000000ull);
	if (good)
		wake_locked(clock);
	pthread_mutex_unlock(&clock->lock);
	return good;
}

bool emul_clock_interrupt(struct emul_clock *clock, struct emul_engine *engine, unsigned lisn,
			  uint32_t ms)
{
	struct item *item = NULL;

	pthread_mutex_lock(&clock->lock);
	if (start_locked(clock))
		item = insert(clock, clock_now_ns() + ms * 1000000ull);
	if (item) {
		item->engine = engine;
		item->era = 0;
		item->lisn = (uint8_t)lisn;
		wake_locked(clock);
	}
	pthread_mutex_unlock(&clock->lock);
	return item;
}

void emul_clock_forget(struct emul_clock *clock, struct emul_engine *engine, uint32_t older_than)
{
	bool all = older_than == UINT32_MAX;
	unsigned kept = 0;

	pthread_mutex_lock(&clock->lock);
	for (unsigned i = 0; i < clock->nr; i++) {
		struct item *item = clock->heap[i].item;

		if (item->engine == engine && (all || (!item->lisn && item->era < older_than)))
			release(clock, item);
		else
			clock->heap[kept++] = clock->heap[i];
	}
	clock->nr = kept;
	for (unsigned i = kept / 2; i-- > 0;)
		sift_down(clock, i);
	note_first(clock);
	while (all && engine->nr_by_clock)
		pthread_cond_wait(&clock->unused, &clock->lock);
	pthread_mutex_unlock(&clock->lock);
}
