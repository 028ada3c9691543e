/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - the context of a LUN with its queues, its handles and its reaper thread.
 *
 * Lock order: recovery.lock, context.lock, vlun_table.lock, ioq.submit_lock, ioq.reap_lock.
 * None of the first three is taken while another lock is held.
 */
#ifndef CXLFS_SUPERPIPE_SESSION_H
#define CXLFS_SUPERPIPE_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "superpipe/context.h"
#include "superpipe/ioq.h"
#include "superpipe/superpipe.h"

/* Every open handle. */
struct vlun_table {
	pthread_mutex_t lock;
	struct superpipe_vlun *head; /* protected by lock */
	unsigned nr_open;            /* protected by lock */
	unsigned max_handles;        /* atomic; see superpipe_max_handles() */
};

/* See recover.c. */
struct recovery {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	uint64_t nr_requested; /* protected by lock */
	uint64_t nr_finished;  /* protected by lock: the last request that was handled */
	unsigned pause_ms;     /* before the first retry; set before threads start */

	struct superpipe_recovery times; /* protected by lock */

	/* Reaper thread only. */
	unsigned nr_fruitless;     /* recoveries since the last completion that changed nothing */
	unsigned nr_resets;        /* context resets since the last completion */
	uint64_t completed_before; /* ioq.nr_completed at the last recovery */
};

struct session {
	struct superpipe_options options;
	struct context context;
	struct ioq ioq;
	struct vlun_table vluns;
	struct recovery recovery;
	pthread_t reaper;
	unsigned lun;       /* of the volume */
	bool clone_refused; /* see SUPERPIPE_HANDLES_UNKNOWN; set by attach only */
	bool attached;      /* the reaper thread runs; set by attach and close only */
	uint32_t stop;      /* atomic: recover_cancel() releases, the reaper acquires */
	/* Atomic: the context has failed permanently, and every request gets -EIO. The release in
	 * fail() pairs with the acquire in session_failed(). */
	uint32_t failed;

	/* Atomic. */
	uint64_t nr_recoveries, nr_timeouts, nr_interrupts;
};

/**
 * session_open() - open the device of a LUN; no context yet
 * Return: as superpipe_open().
 */
int session_open(const char *device, const struct superpipe_options *options, explain_fn explain,
		 void *explain_arg, unsigned lun, struct session **ret_session);

/** session_close() - as superpipe_close(). Accepts NULL. */
void session_close(struct session *session);

/** session_attach() - as superpipe_attach(). */
int session_attach(struct session *session);

/** session_probe_lun() - can the LUN be used? For attach_start(). Return: 0; -errno, explained. */
int session_probe_lun(struct session *session, const void *unused);

/** session_notify() - report an event */
void session_notify(const struct session *session, enum superpipe_event event, const char *why);

static inline bool session_failed(const struct session *session)
{
	return __atomic_load_n(&session->failed, __ATOMIC_ACQUIRE) != 0;
}

#endif
