/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/idle_sched.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#define CHECK_MS   5   /* between two checks; a thread starves for at most two of them */
#define NO_WORK_MS 100 /* without work for so long, a thread rests */
#define MANY_MS    50  /* with one request at a time for so long, it stops roaming */
#define REST_MS    250 /* after it has starved */

struct idle_sched {
	pthread_t monitor;
	cpu_set_t any;       /* the processors of the process; set before the monitor starts */
	_Atomic bool asleep; /* the monitor sleeps until a thread works */

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t wake;
	struct idle_sched_thread *threads;
	bool stop;
};

/* ---- checks ---- */

static bool wants_processor(const struct idle_sched_thread *thread)
{
	return atomic_load(&thread->busy) || (thread->has_work && thread->has_work(thread->arg));
}

/* It had work at this check and at the last, and did not run between them. The same is true of a
 * thread that waits for a lock, which does no harm. */
static bool has_starved(struct idle_sched_thread *thread)
{
	bool wants = wants_processor(thread);
	uint64_t ns = wants ? clock_read_ns(thread->cpu_clock) : 0;
	bool starved = wants && thread->wanted_before && ns == thread->cpu_ns_before;

	thread->wanted_before = wants;
	thread->cpu_ns_before = ns;
	return starved;
}

static void take_counts(struct idle_sched_thread *thread, uint64_t now_ms)
{
	uint32_t nr_runs = atomic_load_explicit(&thread->nr_runs, memory_order_relaxed);
	uint32_t nr_requests = atomic_load_explicit(&thread->nr_requests, memory_order_relaxed);
	uint32_t runs = nr_runs - thread->nr_runs_before;

	if (runs || atomic_load(&thread->busy))
		thread->works_until_ms = now_ms + NO_WORK_MS;
	/* A program that waits for each answer can cause 2, because it does not wait for RELEASE.
	 */
	if (nr_requests - thread->nr_requests_before > 2 * runs)
		thread->many_until_ms = now_ms + MANY_MS;
	thread->nr_runs_before = nr_runs;
	thread->nr_requests_before = nr_requests;
}

/* If the policy cannot be set, the next check tries again. Processors are a hint: one may have left
 * the cpuset. */
static void set_mode(struct idle_sched_thread *thread, enum idle_sched_mode mode)
{
	static const char *const what[IDLE_SCHED_NR_MODES] = { "rests", "idles", "roams" };
	const struct sched_param param = { .sched_priority = 0 };
	bool roams = mode == IDLE_SCHED_ROAM, roamed = thread->mode == IDLE_SCHED_ROAM;

	if (mode == thread->mode)
		return;
	thread->wanted_before = false;
	if (sched_setscheduler(thread->tid, mode == IDLE_SCHED_IDLE ? SCHED_IDLE : SCHED_OTHER,
			       &param)) {
		log_debug(LOGC_FS, "thread %d: %s", (int)thread->tid, strerror(errno));
		return;
	}
	if (roams != roamed)
		(void)sched_setaffinity(thread->tid, sizeof(thread->own),
					roams ? &thread->sched->any : &thread->own);
	log_debug(LOGC_FS, "thread %d %s", (int)thread->tid, what[mode]);
	thread->mode = mode;
}

/* Return: true if the thread must be checked again soon. */
static bool check(struct idle_sched_thread *thread, uint64_t now_ms)
{
	enum idle_sched_mode mode = IDLE_SCHED_IDLE;
	bool works;

	take_counts(thread, now_ms);
	works = now_ms < thread->works_until_ms;
	if (thread->mode == IDLE_SCHED_IDLE && has_starved(thread))
		thread->rests_until_ms = now_ms + REST_MS;
	if (!works || now_ms < thread->rests_until_ms)
		mode = IDLE_SCHED_REST;
	else if (now_ms < thread->many_until_ms)
		mode = IDLE_SCHED_ROAM;
	set_mode(thread, mode);
	return works || thread->mode != IDLE_SCHED_REST;
}

/* ---- the monitor ---- */

/* Leaving SCHED_IDLE needs the same privilege as going back to a lower nice value. This tries the
 * latter, because the monitor would starve at SCHED_IDLE, and nobody watches it. */
static int try_privilege(void)
{
	int nice = getpriority(PRIO_PROCESS, 0);

	if (nice + 1 >= PRIO_MAX) /* then setpriority() succeeds without it */
		return -EPERM;
	if (setpriority(PRIO_PROCESS, 0, nice + 1) || setpriority(PRIO_PROCESS, 0, nice))
		return -errno;
	return 0;
}

static bool check_all_locked(struct idle_sched *sched)
{
	const uint64_t now_ms = clock_now_ms();
	bool soon = false;

	for (struct idle_sched_thread *thread = sched->threads; thread; thread = thread->next)
		soon |= check(thread, now_ms);
	return soon;
}

static void pause_locked(struct idle_sched *sched, bool check_soon)
{
	const struct timespec pause = { .tv_nsec = CHECK_MS * 1000000 };

	if (check_soon) {
		pthread_mutex_unlock(&sched->lock);
		(void)nanosleep(&pause, NULL);
		pthread_mutex_lock(&sched->lock);
		return;
	}
	atomic_store(&sched->asleep, true);
	while (atomic_load(&sched->asleep) && !sched->stop)
		pthread_cond_wait(&sched->wake, &sched->lock);
}

static void *monitor_main(void *arg)
{
	struct idle_sched *sched = arg;
	int err = try_privilege();

	if (err) {
		log_debug(LOGC_FS, "threads do not run with SCHED_IDLE: %s", strerror(-err));
		return NULL;
	}
	pthread_mutex_lock(&sched->lock);
	while (!sched->stop)
		pause_locked(sched, check_all_locked(sched));
	for (struct idle_sched_thread *thread = sched->threads; thread; thread = thread->next)
		set_mode(thread, IDLE_SCHED_REST);
	pthread_mutex_unlock(&sched->lock);
	return NULL;
}

static void wake_monitor(struct idle_sched *sched)
{
	pthread_mutex_lock(&sched->lock);
	atomic_store(&sched->asleep, false);
	pthread_cond_broadcast(&sched->wake);
	pthread_mutex_unlock(&sched->lock);
}

/* ---- the threads ---- */

void idle_sched_join(struct idle_sched *sched, struct idle_sched_thread *thread,
		     bool (*has_work)(void *arg), void *arg)
{
	if (!sched || thread->sched || sched_getscheduler(0) != SCHED_OTHER ||
	    pthread_getcpuclockid(pthread_self(), &thread->cpu_clock) ||
	    sched_getaffinity(0, sizeof(thread->own), &thread->own))
		return;
	thread->sched = sched;
	thread->tid = gettid();
	thread->has_work = has_work;
	thread->arg = arg;
	pthread_mutex_lock(&sched->lock);
	thread->next = sched->threads;
	sched->threads = thread;
	pthread_mutex_unlock(&sched->lock);
}

void idle_sched_set_busy(struct idle_sched_thread *thread, bool busy)
{
	if (!thread->sched)
		return;
	atomic_store_explicit(&thread->busy, busy, memory_order_release);
	if (!busy)
		return;
	atomic_store_explicit(&thread->nr_runs,
			      atomic_load_explicit(&thread->nr_runs, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	if (atomic_load_explicit(&thread->sched->asleep, memory_order_relaxed))
		wake_monitor(thread->sched);
}

/* ---- start and end ---- */

static void destroy(struct idle_sched *sched)
{
	pthread_cond_destroy(&sched->wake);
	pthread_mutex_destroy(&sched->lock);
	free(sched);
}

int idle_sched_new(struct idle_sched **ret_sched)
{
	struct idle_sched *sched = calloc(1, sizeof(*sched));
	int err;

	if (!sched)
		return -ENOMEM;
	pthread_mutex_init(&sched->lock, NULL);
	pthread_cond_init(&sched->wake, NULL);
	/* -EINVAL: there are more processors than a cpu_set_t holds. */
	err = sched_getaffinity(0, sizeof(sched->any), &sched->any) ? -errno : 0;
	if (!err && CPU_COUNT(&sched->any) < 2)
		err = -ENOTSUP;
	if (!err)
		err = thread_start(&sched->monitor, monitor_main, sched, "cxlfs-sched");
	if (err)
		destroy(sched);
	else
		*ret_sched = sched;
	return err;
}

void idle_sched_stop(struct idle_sched *sched)
{
	bool has_stopped;

	if (!sched)
		return;
	pthread_mutex_lock(&sched->lock);
	has_stopped = sched->stop;
	sched->stop = true;
	pthread_cond_broadcast(&sched->wake);
	pthread_mutex_unlock(&sched->lock);
	if (!has_stopped)
		pthread_join(sched->monitor, NULL);
}

void idle_sched_free(struct idle_sched *sched)
{
	if (!sched)
		return;
	idle_sched_stop(sched);
	destroy(sched);
}
