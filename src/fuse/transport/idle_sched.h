/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle_sched - scheduling policy and processors of the threads that serve rings, except the helper.
 *
 *   mode | policy      | runs on             | when the thread
 *   -----|-------------|---------------------|----------------------------------------------
 *   REST | SCHED_OTHER | its own processor   | has no work, or has starved a short time ago
 *   IDLE | SCHED_IDLE  | its own processor   | serves one request at a time
 *   ROAM | SCHED_OTHER | any of the process  | serves several requests at a time
 *
 * The scheduler treats a processor as idle while it runs only SCHED_IDLE threads. So a program that
 * is answered there continues there at once. Otherwise the scheduler would often wake another
 * processor for it. A program with several requests in flight does not wait for each answer; it is
 * faster if the thread runs on another processor.
 *
 * A SCHED_IDLE thread gives way to every other thread, even while it holds a lock. So while any of
 * these threads works, a monitor checks them every 5 ms. A thread that had work at two checks and
 * did not run between them starves: it goes back to REST for a quarter of a second. So SCHED_IDLE
 * delays a request by at most 10 ms, and the time that a thread with the normal policy, the
 * monitor, may have to wait for a processor. While all threads rest, the monitor sleeps.
 *
 * Nobody else may change the policy of these threads, and the monitor must not wait for one of
 * them: they take its lock only while they rest.
 */
#ifndef CXLFS_FUSE_TRANSPORT_IDLE_SCHED_H
#define CXLFS_FUSE_TRANSPORT_IDLE_SCHED_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct idle_sched;

enum idle_sched_mode { IDLE_SCHED_REST, IDLE_SCHED_IDLE, IDLE_SCHED_ROAM, IDLE_SCHED_NR_MODES };

/** A thread. All zeros: it has not joined. */
struct idle_sched_thread {
	/* Written by the thread when it joins: */
	struct idle_sched *sched; /* NULL: it has not joined */
	pid_t tid;
	clockid_t cpu_clock;
	cpu_set_t own; /* the processors it could run on when it joined */
	bool (*has_work)(void *arg);
	void *arg;

	struct idle_sched_thread *next; /* protected by the lock of @sched */

	/* Written by the thread, read by the monitor: */
	_Atomic bool busy;            /* false while it waits for work */
	_Atomic uint32_t nr_runs;     /* how often it began to work */
	_Atomic uint32_t nr_requests; /* that it has served */

	/* Written by the monitor: */
	_Atomic enum idle_sched_mode mode;
	bool wanted_before; /* it had work at the last check */
	uint64_t cpu_ns_before;
	uint32_t nr_runs_before, nr_requests_before;
	/* Times by clock_now_ms(); 0: never. */
	uint64_t works_until_ms; /* it has worked lately */
	uint64_t many_until_ms;  /* it has lately served several requests at a time */
	uint64_t rests_until_ms; /* it has starved lately */
};

/**
 * idle_sched_new() - start the monitor
 * All threads rest if none could leave SCHED_IDLE again (RLIMIT_NICE, CAP_SYS_NICE).
 * Return: 0; -ENOTSUP there is one processor only; -EINVAL there are more than a cpu_set_t holds;
 * -ENOMEM; -EAGAIN no thread.
 */
int idle_sched_new(struct idle_sched **ret_sched);
/** idle_sched_stop() - end the monitor; all threads rest from then on. Call it before the first of
 *  them ends, because nobody would notice that it starves. Accepts NULL, and more than one call. */
void idle_sched_stop(struct idle_sched *sched);
/** idle_sched_free() - the same, and free it; when all threads have ended. Accepts NULL. */
void idle_sched_free(struct idle_sched *sched);

/**
 * idle_sched_join() - let the monitor control the calling thread, if its policy is SCHED_OTHER
 * Further calls have no effect.
 * @sched:    NULL: does nothing
 * @thread:   valid until idle_sched_stop()
 * @has_work: called by the monitor while the thread waits; returns true if the thread has work.
 *            NULL: it never has
 */
void idle_sched_join(struct idle_sched *sched, struct idle_sched_thread *thread,
		     bool (*has_work)(void *arg), void *arg);
/** idle_sched_set_busy() - true: the calling thread has work; false: it begins to wait for some */
void idle_sched_set_busy(struct idle_sched_thread *thread, bool busy);
/** idle_sched_count() - count a request that the calling thread serves */
static inline void idle_sched_count(struct idle_sched_thread *thread)
{
	uint32_t nr = atomic_load_explicit(&thread->nr_requests, memory_order_relaxed);

	atomic_store_explicit(&thread->nr_requests, nr + 1, memory_order_relaxed);
}

#endif
