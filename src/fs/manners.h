/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manners - when a thread that serves requests should give way to the programs it serves.
 *
 * A thread that gives way runs with the policy SCHED_IDLE. A processor that runs nothing else
 * counts as idle for the scheduler, so the program that has just been answered there goes on there,
 * at once, instead of on another processor that must be woken first. The price: whoever else wants
 * the processor comes first, too. So a thread gives way only while that costs nothing:
 *
 *   state      | policy     | left for
 *   -----------|------------|-------------------------------------------------------------------
 *   at rest    | as started | giving way: it has worked
 *   giving way | SCHED_IDLE | held up: it waits too long for the processor
 *              |            | leaning: its answers come from other threads, which it must not miss
 *              |            | at rest: it has not worked for a while
 *   held up    | as started | giving way, after a time that doubles as long as it does not go well
 *   leaning    | as started | giving way: it has worked alone, one thing at a time, for a while
 *
 * Pure: what was seen comes in, what to do comes out.
 */
#ifndef CXLFS_FS_MANNERS_H
#define CXLFS_FS_MANNERS_H

#include <stdbool.h>
#include <stdint.h>

#define MANNERS_MAX_DELAY_NS 2000000 /* to the processor, on average between two looks */
#define MANNERS_MAX_REQUESTS 2 /* a pass, on average: for few programs that wait for each */
#define MANNERS_REST_MS 100	     /* without work: at rest */
#define MANNERS_LEAN_MS 50	     /* alone: no longer leaning */
#define MANNERS_MIN_HOLD_MS 100	     /* held up: for so long at first */
#define MANNERS_MAX_HOLD_MS 800
#define MANNERS_GOOD_MS 1000 /* gave way for so long: the next time is a first time again */

/** What a look at a thread shows; counts are those since the look before. */
struct manners_look {
	uint64_t now_ms;
	bool leaned;	   /* it waited for answers of other threads */
	uint64_t nr_passes;   /* times it waited for requests */
	uint64_t nr_requests; /* that it served */
	bool starved;	   /* it was ready to run all the time, and did not */
	uint64_t nr_runs;  /* times it got the processor */
	uint64_t delay_ns; /* that it waited for it, all times together */
};

/** One thread. All zeros is at rest. */
struct manners {
	bool gives_way;
	uint64_t gives_since_ms;
	uint64_t worked_ms, leaned_ms; /* last seen to have; 0: never */
	uint64_t hold_until_ms;	       /* held up until then */
	uint64_t hold_ms;	       /* the next time; 0: MANNERS_MIN_HOLD_MS */
};

/** manners_judge() - take in a look. Return: whether the thread is to give way from now on. */
bool manners_judge(struct manners *manners, const struct manners_look *look);

/** manners_at_rest() - it has not worked for a while */
bool manners_at_rest(const struct manners *manners, uint64_t now_ms);

#endif
