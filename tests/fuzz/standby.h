/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standby - follows a file system, and compares what both would save.
 *
 * It reads the journal on the thread that calls it: so call standby_follow() before the journal is
 * full.
 */
#ifndef CXLFS_TESTS_FUZZ_STANDBY_H
#define CXLFS_TESTS_FUZZ_STANDBY_H

#include "fuse/takeover/takeover.h"

struct journal;
struct replica;

struct standby {
	struct journal *journal; /* for the file system */
	struct journal *reader;  /* the same one, for the replica */
	struct replica *replica;
};

void standby_start(struct standby *standby);

/** standby_follow() - repeat what the journal has */
void standby_follow(struct standby *standby);

/** standby_compare() - the replica is equal to @fs, which serves no request and whose volume is
 *  quiesced; and so is another one that loads what it saves */
void standby_compare(struct standby *standby, struct fs *fs);

/** standby_stop() - nothing is written any more */
void standby_stop(struct standby *standby);

#endif
