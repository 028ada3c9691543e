/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle_sched - policies and processors for the threads of rings.
 *
 *   mode | policy      | processors      | when
 *   -----|-------------|-----------------|--------------------------------------------------
 *   REST | SCHED_OTHER | its own         | it has no work, or it has just starved
 *   IDLE | SCHED_IDLE  | its own         | it serves one request at a time
 *   ROAM | SCHED_OTHER | the process's   | it serves several at a time
 *
 * The scheduler counts a processor as idle if it runs nothing but SCHED_IDLE threads. So a program
 * that gets its answer there continues there, at once; otherwise the scheduler would often wake
 * another processor for it. A program that keeps several requests going does not wait for each
 * answer, and does more if the thread runs beside it.
 *
 * The price of SCHED_IDLE: everybody else who wants the processor comes first, also while the
 * thread holds a lock. So while any of the threads works, a monitor looks at them every few
 * milliseconds. A thread that wanted the processor and got nothing between two looks is back at
 * REST for a while, for longer each time. While all threads rest, the monitor sleeps.
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

/** One thread; all zeros: it has not joined. */
struct idle_sched_thread {
	struct idle_sched
		*sched; /* NULL: it has not joined; so far its own, as are the next five */
	pid_t tid;
	clockid_t cpu_clock;
	cpu_set_t own; /* the processors it came with */
	bool (*has_work)(void *arg);
	void *arg;

	struct idle_sched_thread *next; /* protected by the lock of @sched */

	/* Counters of the thread, read by the monitor: */
	_Atomic bool busy;            /* does not wait for work */
	_Atomic uint32_t nr_runs;     /* times it began to work */
	_Atomic uint32_t nr_requests; /* served */

	/* The monitor's: */
	_Atomic enum idle_sched_mode mode;
	bool wanted_before; /* the processor, at the last look */
	uint64_t cpu_ns_before;
	uint32_t nr_runs_before, nr_requests_before;
	uint64_t worked_ms;     /* when it last worked; 0: never */
	uint64_t many_ms;       /* when it last served several requests at a time; 0: never */
	uint64_t rest_until_ms; /* after it has starved */
	unsigned rest_ms;       /* the last such time */
};

/**
 * idle_sched_new() - start the monitor
 * Return: 0; -EPERM a thread could not leave SCHED_IDLE (RLIMIT_NICE, CAP_SYS_NICE); -ENOTSUP there
 * is one processor only; -ENOMEM; -EAGAIN no thread.
 */
int idle_sched_new(struct idle_sched **ret_sched);
/** idle_sched_free() - after all threads have left. Accepts NULL. */
void idle_sched_free(struct idle_sched *sched);

/**
 * idle_sched_join() - the calling thread takes part, if it has SCHED_OTHER; again: no effect
 * @thread: valid until idle_sched_leave()
 * @has_work: whether there is work for the thread, while it waits; called by the monitor. NULL:
 * never Accepts NULL for @sched.
 */
void idle_sched_join(struct idle_sched *sched, struct idle_sched_thread *thread,
		     bool (*has_work)(void *arg), void *arg);
/** idle_sched_leave() - the calling thread ends. Also if it never joined. */
void idle_sched_leave(struct idle_sched_thread *thread);

/** idle_sched_set_busy() - the calling thread stops, or begins, to wait for work */
void idle_sched_set_busy(struct idle_sched_thread *thread, bool busy);
/** idle_sched_count() - it has served a request */
static inline void idle_sched_count(struct idle_sched_thread *thread)
{
	uint32_t nr = atomic_load_explicit(&thread->nr_requests, memory_order_relaxed);

	atomic_store_explicit(&thread->nr_requests, nr + 1, memory_order_relaxed);
}

#endif
