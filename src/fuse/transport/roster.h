/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roster - which threads of a crew are active, and which wait to be called.
 *
 * There is always one that is active, once the first has come, or about to be.
 */
#ifndef CXLFS_FUSE_TRANSPORT_ROSTER_H
#define CXLFS_FUSE_TRANSPORT_ROSTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct roster {
	_Atomic bool ended;
	pthread_mutex_t lock; /* held to change what follows, and to set ended */
	pthread_cond_t called;
	_Atomic unsigned nr_active, nr_calls;
};

void roster_init(struct roster *roster);
void roster_fini(struct roster *roster);

/**
 * roster_wait() - wait until another thread is needed
 * Return: true when the caller is active now; false when all is over.
 */
bool roster_wait(struct roster *roster);

/** roster_call() - another thread is needed, if fewer than @max_active are; cheap if not */
void roster_call(struct roster *roster, unsigned max_active);

/** roster_leave() - an active thread goes, unless it is the last. Return: whether it may. */
bool roster_leave(struct roster *roster);

/** roster_end() - all are to go */
void roster_end(struct roster *roster);

/** roster_has_ended() - for active threads */
static inline bool roster_has_ended(const struct roster *roster)
{
	return atomic_load(&roster->ended);
}

#endif
