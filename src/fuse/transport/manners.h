/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manners - how a thread that serves a queue of requests should run.
 *
 * A thread that gives way stays on the processor of its queue, with the policy SCHED_IDLE. A
 * processor that runs nothing else counts as idle for the scheduler, so the program that has just
 * been answered there goes on there, at once, instead of on another processor that must be woken
 * first. The price: whoever else wants the processor comes first, and two processors do no more
 * than one. One that roams may run on any processor, beside the program instead of in turns with
 * it. Which is best for programs that do not wait for each answer has to be tried: see trial.h.
 *
 *   mode       | policy     | processors | when
 *   -----------|------------|------------|-------------------------------------------------------
 *   as started | as started | own        | it has not worked for a while; or answers come from other
 *              |            |            | threads, which it must not miss; or it waited too long
 *              |            |            | for the processor, then for a time that doubles as long
 *              |            |            | as giving way does not go well
 *   gives way  | SCHED_IDLE | own        | it works alone, one thing at a time
 *   roams      | as started | any        |
 *   any of the three                     | it serves many requests at a time: what was found best
 *
 * Pure: what was seen comes in, what to do comes out.
 */
#ifndef CXLFS_FUSE_TRANSPORT_MANNERS_H
#define CXLFS_FUSE_TRANSPORT_MANNERS_H

#include <stdbool.h>
#include <stdint.h>

#define MANNERS_MAX_DELAY_NS 2000000 /* to the processor, on average between two looks */
#define MANNERS_FEW_REQUESTS 3 /* in two passes: of programs that wait for each */
#define MANNERS_REST_MS 100	     /* without work: at rest */
#define MANNERS_LEAN_MS 50	     /* alone: no longer leaning; few: no longer many */
#define MANNERS_MIN_HOLD_MS 25	     /* held up: for so long at first */
#define MANNERS_MAX_HOLD_MS 800
#define MANNERS_GOOD_MS 1000 /* gave way for so long: the next time is a first time again */

enum manners_mode { MANNERS_AS_STARTED, MANNERS_GIVES_WAY, MANNERS_ROAMS, MANNERS_NR_MODES };

/** What a look at a thread shows; counts are those since the look before. */
struct manners_look {
	uint64_t now_ms;
	bool leaned;	   /* it waited for answers of other threads */
	uint64_t nr_passes;   /* times it waited for requests */
	uint64_t nr_requests; /* that it served */
	bool starved;	   /* it was ready to run all the time, was wanted, and did not */
	uint64_t nr_runs;  /* times it got the processor */
	uint64_t delay_ns; /* that it waited for it, all times together */
};

/** One thread. All zeros is at rest. */
struct manners {
	enum manners_mode mode;
	uint64_t gives_since_ms;
	/* last seen to have: worked, leant on others, served many at a time; 0: never */
	uint64_t worked_ms, leaned_ms, many_ms;
	uint64_t hold_until_ms;	       /* held up until then */
	uint64_t hold_ms;	       /* the next time; 0: MANNERS_MIN_HOLD_MS */
};

/**
 * manners_judge() - take in a look
 * @best: the mode for threads that serve many requests at a time
 * Return: how the thread is to run from now on.
 */
enum manners_mode manners_judge(struct manners *manners, const struct manners_look *look,
				enum manners_mode best);

/** manners_has_many() - it served many requests at a time, not long ago */
bool manners_has_many(const struct manners *manners, uint64_t now_ms);

/** manners_at_rest() - it has not worked for a while */
bool manners_at_rest(const struct manners *manners, uint64_t now_ms);

#endif
