/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioq - the command engine: turns ios into commands, commands into completions.
 *
 * A command lives in a slot: an IOARCB with its IOASA (the device's) and a struct ioq_cmd (ours).
 * Its life, and who may touch slot and buffer in each state:
 *
 *   state      | where                        | owner            | next
 *   -----------|------------------------------|------------------|---------------------------------
 *   FREE       | free list                    | engine           | ISSUED
 *   ISSUED     | in the device, or its queues | device           | COLLECTED; WAITING by recovery
 *   COLLECTED  | taken from the RRQ           | thread that took | FREE; WAITING; DEFERRED
 *   WAITING    | retry list                   | engine           | ISSUED
 *   DEFERRED   | deferred list                | reaper thread    | WAITING; FREE
 *
 * The engine as a whole:
 *
 *   state      | submit             | doorbells | run, RRQ | left by
 *   -----------|--------------------|-----------|----------|--------------------------------
 *   HALTED     | ios wait in a FIFO | none      | no       | ioq_resume(), ioq_fail()
 *   RUNNING    | normal             | yes       | yes      | ioq_halt()
 *   FAILED     | ios end with -EIO  | none      | no       | -
 *
 * Locks: submit_lock (slots, lists, credits, doorbells), then reap_lock (position in the RRQ).
 * Neither is held across a callback or a devport operation other than a register access.
 *
 * Progress: a thread that rings a doorbell calls the device's run() and reaps until both find
 * nothing, so whatever completes within somebody's run() is reaped by that somebody. What completes
 * later is reaped by a thread that watches; without one it interrupts, and the reaper thread reaps. An io that waits in the FIFO is taken further by
 * whoever frees a slot; if nothing is in flight, by the reaper, which is woken for it.
 */
#ifndef CXLFS_SUPERPIPE_IOQ_H
#define CXLFS_SUPERPIPE_IOQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devport/devport.h"
#include "superpipe/ioasa.h"
#include "superpipe/ring.h"
#include "superpipe/superpipe.h"
#include "wire/sisl.h"

#define IOQ_DEFAULT_DEPTH 1024u
#define IOQ_MAX_DEPTH     SUPERPIPE_MAX_QUEUE_DEPTH
#define IOQ_CACHE_LINE    128

#define IOQ_AFU_TIMEOUT_SECONDS 5
#define IOQ_MAX_RETRIES         3
#define IOQ_MAX_DELAYS          4 /* each four times as long as the one before */

/*
 * The device's half of a slot. IOARRIN mode wants the IOASA right behind the IOARCB; in SQ mode the
 * IOARCB is in the SQ.
 */
struct ioq_slot {
	struct sisl_ioarcb ioarcb;
	struct sisl_ioasa ioasa;
} __attribute__((aligned(IOQ_CACHE_LINE)));

_Static_assert(sizeof(struct ioq_slot) == 128, "ioq_slot");

enum ioq_cmd_state {
	IOQ_CMD_FREE,
	IOQ_CMD_ISSUED,
	IOQ_CMD_COLLECTED,
	IOQ_CMD_WAITING,
	IOQ_CMD_DEFERRED,
};

/* Our half of a slot; protected by submit_lock or owned by the thread that collected it. */
struct ioq_cmd {
	uint32_t state; /* enum ioq_cmd_state; atomic, a collector and recovery may race for it */
	uint32_t io_lba; /* the command's first LBA, counted from the io's first */
	uint32_t nr_lbas;
	uint8_t nr_retries;
	uint8_t nr_delays;
	struct ioasa_disposition disposition; /* of the last completion */
	struct superpipe_io *io;
	struct ioq_cmd *next;
	uint64_t sequence;  /* order of issue */
	uint64_t issued_ms; /* for the watchdog */
	uint64_t due_ms;    /* DEFERRED: not before */
} __attribute__((aligned(64)));

struct ioq_list {
	struct ioq_cmd *head, *tail;
};

enum ioq_state {
	IOQ_HALTED,
	IOQ_RUNNING,
	IOQ_FAILED,
};

/* What somebody noticed and the reaper thread has to look into; a mask. */
enum ioq_fault {
	IOQ_FAULT_LOST = 1 << 0,  /* all ones, or the event fd says the context is gone */
	IOQ_FAULT_CHECK = 1 << 1, /* ask RECOVER_AFU whether the context is still ours */
	IOQ_FAULT_HUNG = 1 << 2,  /* a command is overdue, or the AFU reports an error */
};

struct ioq {
	/* Set before threads start. */
	const struct devport_ops *ops;
	uint32_t nr_slots;
	struct ioq_slot *slots; /* first in one mapping with both rings */
	size_t mapping_bytes;
	struct ioq_cmd *cmds;
	struct ioq_cmd **requeued; /* nr_slots pointers, for the reaper thread */
	int wake_fd;              /* eventfd: something for the reaper thread */
	unsigned watchdog_ms;
	unsigned retry_delay_ms;
	unsigned busy_poll_us;

	/* Changed only while HALTED and nobody runs; read under submit_lock or by a runner. */
	struct devport_mmio *mmio;
	uint16_t ctx_id;
	bool sq_mode;

	pthread_mutex_t submit_lock __attribute__((aligned(IOQ_CACHE_LINE)));
	pthread_cond_t no_runners; /* with submit_lock: nr_runners may have become 0 */
	uint32_t state;       /* enum ioq_state; atomic, changed under both locks */
	uint32_t nr_runners;  /* threads inside ops->run(); atomic */
	uint32_t reaper_asleep; /* the reaper must be woken for what is in flight; atomic */
	uint32_t nr_pollers;    /* threads that look out for completions; atomic */
	uint32_t nr_polls;    /* how often any of those has looked; atomic */
	uint32_t faults;      /* atomic */

	/* Protected by submit_lock. */
	struct ioq_cmd *free_cmds;
	struct ioq_list retries;
	struct ioq_list deferred;
	struct superpipe_io *fifo_head, *fifo_tail; /* ios with commands not yet made */
	struct ring_sq sq;
	uint64_t nr_credits; /* IOARRIN credits */
	uint32_t nr_busy;    /* commands the device has, and those collected but not settled */
	uint32_t peak_busy[2]; /* highest nr_busy of this stretch of rounds of the reaper, and the last */
	uint32_t nr_rounds;    /* of this stretch */
	uint64_t sequence;
	uint64_t nr_completed; /* ever */

	pthread_mutex_t reap_lock __attribute__((aligned(IOQ_CACHE_LINE)));
	struct ring_rrq rrq;

	/* Atomic; the first three change under submit_lock only. */
	uint64_t nr_commands __attribute__((aligned(IOQ_CACHE_LINE)));
	uint64_t nr_reads, nr_writes;
	uint64_t nr_retries, nr_errors, nr_bad_entries;
};

/* ---- ioq.c: life, submission ---- */

/**
 * ioq_init() - queues and locks, no device yet; HALTED
 * @depth: commands in flight, rounded up to a power of two; 0 for the default
 * Return: 0; -EINVAL depth above IOQ_MAX_DEPTH; -ENOMEM; -EMFILE.
 */
int ioq_init(struct ioq *q, const struct devport_ops *ops, unsigned depth);

/** ioq_fini() - nothing may be in flight. Of a queue never inited (all zeros) nothing. */
void ioq_fini(struct ioq *q);

/** ioq_drop_after_fork() - ioq_fini() in a forked child: queue memory and locks are not ours there.
 */
void ioq_drop_after_fork(struct ioq *q);

/** ioq_submit() - see superpipe_submit() */
void ioq_submit(struct ioq *q, struct superpipe_io *first);

/** ioq_issue_locked() - issue what can be issued, one doorbell; with submit_lock. */
void ioq_issue_locked(struct ioq *q);

/** ioq_report_fault() - report faults to the reaper thread and wake it. */
void ioq_report_fault(struct ioq *q, enum ioq_fault fault);

/** ioq_wake_reaper() - make the reaper thread look at everything. */
void ioq_wake_reaper(struct ioq *q);

/** ioq_now_ms() - the clock of issued_ms and due_ms: cheap, coarse, monotonic. */
uint64_t ioq_now_ms(void);

void ioq_list_append(struct ioq_list *list, struct ioq_cmd *cmd);
struct ioq_cmd *ioq_list_pop(struct ioq_list *list);

/* ---- ioq_reap.c: completion ---- */

/**
 * ioq_drain() - let the device work, reap, run callbacks, until there is nothing more to do
 * Called from a callback of the same queue it only tells the drain in progress to go round once
 * more. Context: no locks. Return: true if there was something to do.
 */
bool ioq_drain(struct ioq *q);

/**
 * ioq_run_deferred() - take commands whose time has come out of the deferred list
 * @verify: asks the driver about a unit attention; runs without locks
 * Context: reaper thread. Return: milliseconds until the next is due, -1 for none.
 */
int ioq_run_deferred(struct ioq *q, int (*verify)(struct superpipe_vlun *vlun,
						  const uint8_t *sense));

/** ioq_reap_halted() - collect and settle what the RRQ still holds although HALTED. */
void ioq_reap_halted(struct ioq *q);

/* ---- ioq_poll.c: looking out for completions ---- */

/**
 * ioq_busy_poll() - look out for completions of what is in flight instead of sleeping
 * Gives way to other threads all the time. Ends with a completion to reap, with nothing in flight,
 * with faults, or after busy_poll_us. Return: true for all but the last.
 */
bool ioq_busy_poll(struct ioq *q);

/** ioq_is_busy() - see superpipe_is_busy() */
bool ioq_is_busy(struct ioq *q);

/** ioq_start_polling() - see superpipe_start_polling(); ioq_poll() - what a watcher calls again and
 * again */
void ioq_start_polling(struct ioq *q);
void ioq_stop_polling(struct ioq *q);
bool ioq_poll(struct ioq *q);

/* ---- ioq_control.c: what recovery does with the engine; reaper thread ---- */

/** ioq_halt() - no new command, no run, no reaping; returns when nobody is inside run(). */
void ioq_halt(struct ioq *q);

/**
 * ioq_start() - give the queues to a freshly mapped context; stays HALTED
 * Return: 0; -EIO the mapping reads all ones.
 */
int ioq_start(struct ioq *q, struct devport_mmio *mmio, uint64_t context_id, bool sq_mode);

/** ioq_resume() - HALTED to RUNNING, and go on with what waits; ioq_drain() is to follow. */
void ioq_resume(struct ioq *q);

/** ioq_requeue_issued() - the context is a new one: issue all its commands again, in order. */
void ioq_requeue_issued(struct ioq *q);

/**
 * ioq_requeue_overdue() - the same after a context reset; commands on which the watchdog has run
 * out count a retry, and end with -ETIMEDOUT when it was the last.
 */
void ioq_requeue_overdue(struct ioq *q);

/**
 * ioq_reset_context() - have the AFU drop every command of the context
 * Return: 0; -EIO all ones; -ETIMEDOUT the AFU does not finish.
 */
int ioq_reset_context(struct ioq *q);

/** ioq_is_overdue() - has a command been out for longer than the watchdog allows? */
bool ioq_is_overdue(struct ioq *q);

/** ioq_fail() - HALTED to FAILED; everything there is ends with -EIO. */
void ioq_fail(struct ioq *q);

#endif
