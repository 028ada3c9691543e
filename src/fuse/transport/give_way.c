/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/give_way.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "fuse/transport/manners.h"
#include "fuse/transport/place.h"
#include "fuse/transport/trial.h"

/* More processors than Linux supports; cpu_set_t has room for 1,024. */
#define MAX_PROCESSORS 8192
#define WORD_BITS      (8 * sizeof(unsigned long))

/* Bounds for how long a thread may starve before it is noticed. */
#define LOOK_NS 5000000

struct processors {
	unsigned long bits[MAX_PROCESSORS / WORD_BITS];
};

struct give_way_member {
	struct give_way *gw;
	struct give_way_member *next;

	/* Set by the member before it joins. */
	pid_t tid;
	clockid_t cpu_clock;
	int policy;		/* what it came with */
	struct processors own; /* too */
	give_way_is_wanted *is_wanted;
	void *arg;

	/* The watcher's own. */
	int schedstat_fd, stat_fd;
	struct manners manners;
	uint32_t passes_before, requests_before;
	uint64_t runs_before, delay_before, cpu_before;

	/* Written by the member for every request, so in a cache line of its own. */
	_Atomic uint32_t nr_passes __attribute__((aligned(64)));
	_Atomic uint32_t nr_requests;
	_Atomic bool leaned;
	_Atomic int place; /* the processor it has followed to; -1: none */

	_Atomic bool gives_way; /* as the watcher has told it to */
};

/* A thread that keeps out of the way, as the watcher does. */
struct bystander {
	struct bystander *next;
	pid_t tid; /* protected by the lock; 0: it is no longer there */
};

struct give_way {
	pthread_t watcher;
	struct processors any; /* that the process may use; set before the watcher starts */
	struct trial trial;    /* the watcher's own */
	struct processors aside; /* too: where those may run that keep out of the way */
	_Atomic(struct give_way_member *) members;
	_Atomic bool asleep; /* members wake the watcher */

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	bool stop, woken;
	struct bystander *bystanders;
	bool has_new_bystander;
	bool has_tried; /* whether it may change policies */
	int error;	/* why it may not, or 0 */
};

/* ---- policies ---- */

static int set_policy(pid_t tid, int policy)
{
	const struct sched_param param = { .sched_priority = 0 };

	return sched_setscheduler(tid, policy, &param) ? -errno : 0;
}

/* Leaving SCHED_IDLE takes a right, entering it none: better know before. */
static int try_policies(void)
{
	int err = set_policy(0, SCHED_IDLE);

	return err ? err : set_policy(0, SCHED_OTHER);
}

static int get_processors(pid_t tid, struct processors *ret)
{
	return sched_getaffinity(tid, sizeof(*ret), (cpu_set_t *)(void *)ret) ? -errno : 0;
}

static int set_processors(pid_t tid, const struct processors *processors)
{
	const cpu_set_t *set = (const cpu_set_t *)(const void *)processors;

	return sched_setaffinity(tid, sizeof(*processors), set) ? -errno : 0;
}

static void apply(struct give_way_member *member, enum manners_mode mode)
{
	static const char *const what[] = {
		[MANNERS_AS_STARTED] = "runs as started",
		[MANNERS_GIVES_WAY] = "gives way",
		[MANNERS_ROAMS] = "roams",
	};
	bool gives_way = mode == MANNERS_GIVES_WAY, roams = mode == MANNERS_ROAMS;
	int err;

	atomic_store(&member->gives_way, gives_way);
	atomic_store(&member->place, -1);
	err = set_policy(member->tid, gives_way ? SCHED_IDLE : member->policy);
	if (!err)
		err = set_processors(member->tid, roams ? &member->gw->any : &member->own);
	if (err == -ESRCH)
		return; /* it has ended since it was looked at */
	log_debug(LOGC_FS, "thread %d %s%s%s", (int)member->tid, what[mode], err ? ", but: " : "",
		  err ? strerror(-err) : "");
}

static struct processors only(int number)
{
	struct processors processors = { 0 };

	processors.bits[(unsigned)number / WORD_BITS] = 1ul << (unsigned)number % WORD_BITS;
	return processors;
}

/* Return: whether any is left. */
static bool take_away(struct processors *processors, const struct give_way_member *member)
{
	int place = atomic_load(&member->place);
	struct processors taken = place < 0 ? member->own : only(place);
	unsigned long any = 0;

	for (unsigned i = 0; i < MAX_PROCESSORS / WORD_BITS; i++)
		any |= processors->bits[i] &= ~taken.bits[i];
	return any != 0;
}

static void go_aside_locked(struct give_way *gw, const struct processors *processors)
{
	const struct bystander *bystander = gw->bystanders;

	(void)set_processors(0, processors);
	for (; bystander; bystander = bystander->next)
		if (bystander->tid)
			(void)set_processors(bystander->tid, processors);
	gw->has_new_bystander = false;
	gw->aside = *processors;
}

/* A program that is answered while the watcher runs on its processor goes on on another, away from
 * the thread that serves it. */
static void keep_out_of_the_way(struct give_way *gw)
{
	const struct give_way_member *member = atomic_load(&gw->members);
	struct processors left = gw->any;
	bool has_room = true;

	for (; member; member = member->next)
		if (member->manners.mode == MANNERS_GIVES_WAY)
			has_room = has_room && take_away(&left, member);
	if (!has_room)
		left = gw->any;
	pthread_mutex_lock(&gw->lock);
	if (gw->has_new_bystander || memcmp(&left, &gw->aside, sizeof(left)))
		go_aside_locked(gw, &left);
	pthread_mutex_unlock(&gw->lock);
}

/* ---- looking ---- */

static int open_of(pid_t tid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, what);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool read_text(int fd, char *text, size_t bytes)
{
	ssize_t got = pread(fd, text, bytes - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* Times it got the processor, and how long it waited for that in all; false if it has ended. */
static bool read_waits(const struct give_way_member *member, uint64_t *ret_runs,
		       uint64_t *ret_delay_ns)
{
	unsigned long long delay, runs;
	char text[128];

	if (!read_text(member->schedstat_fd, text, sizeof(text)) ||
	    sscanf(text, "%*u %llu %llu", &delay, &runs) != 2)
		return false;
	*ret_delay_ns = delay;
	*ret_runs = runs;
	return true;
}

static uint64_t read_cpu_time(const struct give_way_member *member)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(member->cpu_clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Ready to run, or running; the state follows the name, which is in parentheses. */
static bool is_ready(const struct give_way_member *member)
{
	char text[128], *end;

	if (!read_text(member->stat_fd, text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	return end && !strncmp(end, ") R", 3);
}

/* One for which nobody waits may wait itself. */
static bool is_wanted(const struct give_way_member *member)
{
	return !member->is_wanted || member->is_wanted(member->arg);
}

/* The counters of waiting stand still for as long as a wait lasts. */
static bool is_starving(const struct give_way_member *member, const struct manners_look *look,
			uint64_t cpu_ns)
{
	return !look->nr_runs && cpu_ns == member->cpu_before && is_ready(member) &&
	       is_wanted(member);
}

static bool take_look(struct give_way_member *member, struct manners_look *ret_look)
{
	uint32_t passes = atomic_load_explicit(&member->nr_passes, memory_order_relaxed);
	uint32_t requests = atomic_load_explicit(&member->nr_requests, memory_order_relaxed);
	uint64_t runs, delay, cpu = read_cpu_time(member);

	if (!read_waits(member, &runs, &delay))
		return false;
	*ret_look = (struct manners_look){
		.now_ms = clock_now_ms(),
		.nr_passes = passes - member->passes_before,
		.nr_requests = requests - member->requests_before,
		.leaned = atomic_exchange_explicit(&member->leaned, false, memory_order_relaxed),
		.nr_runs = runs - member->runs_before,
		/* How much of it somebody waited for is not known. */
		.delay_ns = member->is_wanted ? 0 : delay - member->delay_before,
	};
	ret_look->starved = is_starving(member, ret_look, cpu);
	member->passes_before = passes;
	member->requests_before = requests;
	member->runs_before = runs;
	member->delay_before = delay;
	member->cpu_before = cpu;
	return true;
}

/** What all threads together did between two looks. */
struct together {
	bool any_work, any_many;
	uint64_t nr_requests;
};

static void look_after(struct give_way_member *member, struct together *all)
{
	enum manners_mode before = member->manners.mode, now;
	struct manners_look look;

	if (!take_look(member, &look))
		return;
	now = manners_judge(&member->manners, &look, member->gw->trial.mode);
	if (now != before)
		apply(member, now);
	all->nr_requests += look.nr_requests;
	all->any_work |= !manners_at_rest(&member->manners, look.now_ms);
	all->any_many |= manners_has_many(&member->manners, look.now_ms);
}

/* Return: false when all are at rest. */
static bool look_after_all(struct give_way *gw)
{
	struct give_way_member *member = atomic_load(&gw->members);
	struct together all = { 0 };

	for (; member; member = member->next)
		look_after(member, &all);
	keep_out_of_the_way(gw);
	if (all.any_many)
		(void)trial_judge(&gw->trial, clock_now_ms(), all.nr_requests);
	else
		gw->trial = (struct trial){ 0 };
	return all.any_work;
}

/* ---- the watcher ---- */

static void announce(struct give_way *gw, int err)
{
	pthread_mutex_lock(&gw->lock);
	gw->has_tried = true;
	gw->error = err;
	pthread_cond_broadcast(&gw->wake);
	pthread_mutex_unlock(&gw->lock);
}

/* Return: false when it is time to end. */
static bool rest(struct give_way *gw, bool until_woken)
{
	const struct timespec look = { .tv_nsec = LOOK_NS };
	bool stop;

	if (!until_woken)
		(void)nanosleep(&look, NULL);
	pthread_mutex_lock(&gw->lock);
	atomic_store(&gw->asleep, until_woken);
	while (until_woken && !gw->stop && !gw->woken)
		pthread_cond_wait(&gw->wake, &gw->lock);
	gw->woken = false;
	stop = gw->stop;
	pthread_mutex_unlock(&gw->lock);
	return !stop;
}

static void *watcher_main(void *arg)
{
	struct give_way *gw = arg;
	int err = try_policies();

	announce(gw, err);
	if (err)
		return NULL;
	while (rest(gw, !look_after_all(gw)))
		;
	return NULL;
}

static void wake(struct give_way *gw)
{
	if (!atomic_exchange(&gw->asleep, false))
		return;
	pthread_mutex_lock(&gw->lock);
	gw->woken = true;
	pthread_cond_broadcast(&gw->wake);
	pthread_mutex_unlock(&gw->lock);
}

/* ---- life ---- */

static int start_watcher(struct give_way *gw)
{
	int err = thread_start(&gw->watcher, watcher_main, gw, "cxlfs-give-way");

	if (err)
		return err;
	pthread_mutex_lock(&gw->lock);
	while (!gw->has_tried)
		pthread_cond_wait(&gw->wake, &gw->lock);
	err = gw->error;
	pthread_mutex_unlock(&gw->lock);
	if (err)
		pthread_join(gw->watcher, NULL);
	return err;
}

static void destroy(struct give_way *gw)
{
	pthread_cond_destroy(&gw->wake);
	pthread_mutex_destroy(&gw->lock);
	free(gw);
}

int give_way_new(struct give_way **ret_gw)
{
	struct give_way *gw;
	int err;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || access("/proc/self/schedstat", R_OK))
		return -ENOTSUP;
	gw = calloc(1, sizeof(*gw));
	if (!gw)
		return -ENOMEM;
	pthread_mutex_init(&gw->lock, NULL);
	pthread_cond_init(&gw->wake, NULL);
	err = get_processors(0, &gw->any);
	gw->aside = gw->any;
	if (!err)
		err = start_watcher(gw);
	if (err) {
		destroy(gw);
		return err;
	}
	*ret_gw = gw;
	return 0;
}

void give_way_free(struct give_way *gw)
{
	struct give_way_member *member;
	struct bystander *bystander;

	if (!gw)
		return;
	pthread_mutex_lock(&gw->lock);
	gw->stop = true;
	pthread_cond_broadcast(&gw->wake);
	pthread_mutex_unlock(&gw->lock);
	pthread_join(gw->watcher, NULL);
	while ((member = atomic_load(&gw->members))) {
		atomic_store(&gw->members, member->next);
		close(member->schedstat_fd);
		close(member->stat_fd);
		free(member);
	}
	while ((bystander = gw->bystanders)) {
		gw->bystanders = bystander->next;
		free(bystander);
	}
	destroy(gw);
}

static bool fill(struct give_way_member *member)
{
	member->tid = gettid();
	member->policy = sched_getscheduler(0);
	if (member->policy != SCHED_OTHER || get_processors(member->tid, &member->own) ||
	    pthread_getcpuclockid(pthread_self(), &member->cpu_clock))
		return false;
	member->schedstat_fd = open_of(member->tid, "schedstat");
	member->stat_fd = open_of(member->tid, "stat");
	if (member->schedstat_fd >= 0 && member->stat_fd >= 0)
		return true;
	if (member->schedstat_fd >= 0)
		close(member->schedstat_fd);
	if (member->stat_fd >= 0)
		close(member->stat_fd);
	return false;
}

struct give_way_member *give_way_join(struct give_way *gw, give_way_is_wanted *is_wanted, void *arg)
{
	struct give_way_member *member;

	if (!gw)
		return NULL;
	member = aligned_alloc(_Alignof(struct give_way_member), sizeof(*member));
	if (!member)
		return NULL;
	*member = (struct give_way_member){
		.gw = gw,
		.is_wanted = is_wanted,
		.arg = arg,
		.place = -1,
	};
	if (!fill(member)) {
		free(member);
		return NULL;
	}
	member->next = atomic_load(&gw->members);
	while (!atomic_compare_exchange_weak(&gw->members, &member->next, member))
		;
	return member;
}

/* The member is the only writer. */
static void add(_Atomic uint32_t *counter, unsigned nr)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + nr,
			      memory_order_relaxed);
}

void give_way_note(struct give_way_member *member, unsigned nr_requests)
{
	if (!member)
		return;
	add(&member->nr_passes, 1);
	add(&member->nr_requests, nr_requests);
	if (atomic_load_explicit(&member->gw->asleep, memory_order_relaxed))
		wake(member->gw);
}

static bool may_use(const struct processors *processors, int number)
{
	return number < MAX_PROCESSORS &&
	       processors->bits[(unsigned)number / WORD_BITS] >> (unsigned)number % WORD_BITS & 1;
}

static bool is_taken(const struct give_way_member *member, int place)
{
	const struct give_way_member *other = atomic_load(&member->gw->members);

	for (; other; other = other->next)
		if (other != member && other->place == place)
			return true;
	return false;
}

void give_way_follow(struct give_way_member *member, pid_t tid)
{
	int place = member ? place_of(tid) : -1;
	struct processors there;

	if (place < 0 || place == member->place || !may_use(&member->own, place) ||
	    is_taken(member, place))
		return;
	there = only(place);
	if (!atomic_load(&member->gives_way) || set_processors(member->tid, &there))
		return;
	atomic_store(&member->place, place);
	/* It may have starved there, and the watcher have called it back before it came. */
	if (atomic_load(&member->gives_way))
		return;
	atomic_store(&member->place, -1);
	(void)set_processors(member->tid, &member->own);
}

void give_way_note_leaning(struct give_way_member *member)
{
	if (member)
		atomic_store_explicit(&member->leaned, true, memory_order_relaxed);
}

struct bystander *give_way_keep_out(struct give_way *gw)
{
	struct bystander *bystander = gw ? malloc(sizeof(*bystander)) : NULL;

	if (!bystander)
		return NULL;
	bystander->tid = gettid();
	pthread_mutex_lock(&gw->lock);
	bystander->next = gw->bystanders;
	gw->bystanders = bystander;
	gw->has_new_bystander = true;
	pthread_mutex_unlock(&gw->lock);
	return bystander;
}

void give_way_leave_alone(struct give_way *gw, struct bystander *bystander)
{
	if (!bystander)
		return;
	pthread_mutex_lock(&gw->lock);
	bystander->tid = 0;
	pthread_mutex_unlock(&gw->lock);
}
