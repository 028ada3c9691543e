/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial - in which mode the threads that serve many requests at a time serve most of them.
 *
 * That depends on how much of the work is the program's and how much the file system's, on how many
 * processors are free, and on what it costs to wake one: on load and machine. So each mode is tried
 * for a moment, and the best stays for a while, for longer when it is the same as before.
 *
 * Pure: what was counted comes in, what to do comes out.
 */
#ifndef CXLFS_FUSE_TRANSPORT_TRIAL_H
#define CXLFS_FUSE_TRANSPORT_TRIAL_H

#include "fuse/transport/manners.h"

#define TRIAL_SETTLE_MS 4  /* after a change, before what is served counts */
#define TRIAL_COUNT_MS 20  /* for each mode */
#define TRIAL_MIN_KEEP_MS 500
#define TRIAL_MAX_KEEP_MS 4000

/** All zeros: to begin. */
struct trial {
	enum manners_mode mode; /* that is in force */
	bool decided;
	uint64_t since_ms; /* in force, or counted from; 0: not begun */
	bool counting;
	uint64_t nr_requests; /* counted */
	double rate[MANNERS_NR_MODES];
	enum manners_mode best;
	uint64_t keep_ms;
};

/**
 * trial_judge() - take in a look at all threads together
 * @nr_requests: served since the look before, in the mode that was in force
 * Return: the mode from now on.
 */
enum manners_mode trial_judge(struct trial *trial, uint64_t now_ms, uint64_t nr_requests);

#endif
