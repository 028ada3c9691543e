/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ioq - the command engine: splits ios into commands, issues them, and completes them.
 *
 * A command occupies a slot: an IOARCB and an IOASA for the device, and a struct ioq_cmd for us.
 * The states of a command, and who may access its slot and buffer:
 *
 *   state      | where                        | owner            | next
 *   -----------|------------------------------|------------------|---------------------------------
 *   FREE       | free list                    | engine           | ISSUED
 *   ISSUED     | in the device, or its queues | device           | COLLECTED; WAITING by recovery
 *   COLLECTED  | taken from the RRQ           | that thread      | FREE; WAITING; DEFERRED
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
 * Progress: a thread that rings a doorbell calls the device's run() and reaps, until both find
 * nothing. A command that completes later is reaped by a polling thread. If no thread polls, the
 * device interrupts and the reaper thread reaps. The thread that frees a slot issues the next io of
 * the FIFO. If nothing is in flight, the reaper does.
 *
 * Memory ordering without a lock; ring.h has that of the rings:
 *
 *   variable       | one side                   | the other side            | what it orders
 *   ---------------|----------------------------|---------------------------|----------------------
 *   cmd->state     | issue_locked(): release    | take_entry(): acquire     | fields of the command
 *   io->nr_pending | ioq_io_cmds_ended(): both  | itself                    | data, io->failure
 *   state,         | ioq_halt(): state, then    | run_device(): nr_runners, | use of the mapping
 *   nr_runners     | nr_runners                 | then state                |
 *   reaper_asleep, | wait_ms(): reaper_asleep,  | ioq_stop_polling():       | nothing: one of them
 *   nr_pollers     | then nr_pollers            | nr_pollers, reaper_asleep | sees the other
 *   faults         | ioq_report_fault(): or     | take_faults(): exchange   | nothing
 *
 * Where both sides store one variable and then load the other, all four are sequentially
 * consistent: acquire and release do not order a store before a later load. The other atomic
 * variables of struct ioq are relaxed, because they are counters, or submit_lock orders them too.
 */
#ifndef CXLFS_SUPERPIPE_IOQ_H
#define CXLFS_SUPERPIPE_IOQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/histogram.h"
#include "base/ticks.h"
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
 * What the device accesses. In IOARRIN mode the IOASA must follow the IOARCB; in SQ mode the IOARCB
 * is in the SQ instead.
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

/* What only we access; protected by submit_lock, or owned by the thread that collected it. */
struct ioq_cmd {
	uint32_t state;  /* enum ioq_cmd_state; atomic: a reaping thread and recovery may race */
	uint32_t io_lba; /* first LBA, relative to the io's first */
	uint32_t nr_lbas;
	uint8_t nr_retries;
	uint8_t nr_delays;
	bool write;                           /* of its io, also after that has ended */
	struct ioasa_disposition disposition; /* of the last completion */
	struct superpipe_io *io;
	struct ioq_cmd *next;
	uint64_t sequence;     /* order of issue */
	uint64_t issued_ticks; /* ticks_now(), for the watchdog and the latency */
	uint64_t due_ms;       /* ioq_now_ms(); DEFERRED: earliest time of the retry */
} __attribute__((aligned(64)));

struct ioq_list {
	struct ioq_cmd *head, *tail;
};

enum ioq_state {
	IOQ_HALTED,
	IOQ_RUNNING,
	IOQ_FAILED,
};

/* What the reaper thread has to handle; a mask. */
enum ioq_fault {
	IOQ_FAULT_LOST = 1 << 0,  /* registers read all ones, or fd2 reports the context closed */
	IOQ_FAULT_CHECK = 1 << 1, /* RECOVER_AFU must tell whether the context is valid */
	IOQ_FAULT_HUNG = 1 << 2,  /* a command timed out, or the AFU reports an error */
};

struct ioq {
	/* Set before threads start. */
	const struct devport_ops *ops;
	uint32_t nr_slots;
	struct ioq_slot *slots; /* first in one mapping with both rings */
	size_t mapping_bytes;
	struct ioq_cmd *cmds;
	struct ioq_cmd **requeued; /* nr_slots pointers; reaper thread only */
	int wake_fd;               /* eventfd that wakes the reaper thread */
	unsigned watchdog_ms;
	unsigned retry_delay_ms;

	/* Changed only while HALTED and nr_runners is 0; read under submit_lock or inside run(). */
	struct devport_mmio *mmio;
	uint16_t ctx_id;
	bool sq_mode;

	pthread_mutex_t submit_lock __attribute__((aligned(IOQ_CACHE_LINE)));
	pthread_cond_t no_runners; /* with submit_lock: nr_runners may have become 0 */
	uint32_t state;            /* enum ioq_state; atomic, changed under both locks */
	uint32_t nr_runners;       /* threads inside ops->run(); atomic */
	uint32_t reaper_asleep;    /* the reaper sleeps and must be woken for completions; atomic */
	uint32_t nr_pollers;       /* threads that poll for completions; atomic */
	uint32_t nr_polls;         /* calls of ioq_poll(); atomic */
	uint32_t faults;           /* atomic */

	/* Protected by submit_lock. */
	struct ioq_cmd *free_cmds;
	struct ioq_list retries;
	struct ioq_list deferred;
	struct superpipe_io *fifo_head, *fifo_tail; /* ios not completely issued */
	struct ring_sq sq;
	uint64_t nr_credits; /* IOARRIN credits */
	uint32_t nr_busy;    /* commands ISSUED or COLLECTED */
	uint64_t sequence;
	uint64_t nr_completed; /* since the start */

	pthread_mutex_t reap_lock __attribute__((aligned(IOQ_CACHE_LINE)));
	struct ring_rrq rrq;

	/* Atomic; the first three change under submit_lock only. */
	uint64_t nr_commands __attribute__((aligned(IOQ_CACHE_LINE)));
	uint64_t nr_reads, nr_writes;
	uint64_t nr_retries[SUPERPIPE_NR_RETRIES], nr_errors, nr_bad_entries;

	/* From issue to completion, of commands that succeeded: reads, writes. One thread at a time
	 * adds, under submit_lock. */
	struct histogram latency[2];
	struct superpipe_ports ports; /* protected by submit_lock */
};

/* ---- ioq.c: allocation, submission ---- */

/**
 * ioq_init() - allocate queues and locks, without a device yet; the engine is HALTED
 * @depth: commands in flight, rounded up to a power of two; 0 for the default
 * Return: 0; -EINVAL depth above IOQ_MAX_DEPTH; -ENOMEM; -EMFILE.
 */
int ioq_init(struct ioq *q, const struct devport_ops *ops, unsigned depth);

/** ioq_fini() - free the queues; nothing may be in flight. Accepts all zeros. */
void ioq_fini(struct ioq *q);

/** ioq_drop_after_fork() - ioq_fini() in a forked child, which has neither queues nor locks. */
void ioq_drop_after_fork(struct ioq *q);

/** ioq_submit() - see superpipe_submit() */
void ioq_submit(struct ioq *q, struct superpipe_io *first);

/** ioq_issue_locked() - issue retries, then the FIFO, as far as slots and credits allow. */
void ioq_issue_locked(struct ioq *q);

/** ioq_report_fault() - have the reaper thread handle a fault. */
void ioq_report_fault(struct ioq *q, enum ioq_fault fault);

/** ioq_wake_reaper() - start a new round of the reaper thread. */
void ioq_wake_reaper(struct ioq *q);

/** ioq_now_ms() - monotonic milliseconds from a cheap, coarse clock. */
static inline uint64_t ioq_now_ms(void)
{
	return clock_read_ns(CLOCK_MONOTONIC_COARSE) / 1000000u;
}

void ioq_list_append(struct ioq_list *list, struct ioq_cmd *cmd);
struct ioq_cmd *ioq_list_pop(struct ioq_list *list);

/* ---- ioq_drain.c, ioq_reap.c, ioq_retry.c: completion ---- */

/**
 * ioq_drain() - call the device's run(), reap and run callbacks until nothing is left
 * A call from a callback of the same queue only makes the outer call do one more round.
 * Context: no locks. Return: true if it did anything.
 */
bool ioq_drain(struct ioq *q);

/** ioq_reap_halted() - complete what the RRQ still holds, although HALTED. */
void ioq_reap_halted(struct ioq *q);

/**
 * ioq_run_deferred() - retry the deferred commands that are due
 * @verify: handles a unit attention with the VERIFY ioctl; called without locks
 * Context: reaper thread. Return: milliseconds until the next one is due, -1 for none.
 */
int ioq_run_deferred(struct ioq *q,
		     int (*verify)(struct superpipe_vlun *vlun, const uint8_t *sense));

/* ---- ioq_poll.c: polling for completions ---- */

/** ioq_is_busy() - see superpipe_is_busy() */
bool ioq_is_busy(struct ioq *q);

/** See superpipe_start_polling(), superpipe_stop_polling() and superpipe_poll(). */
void ioq_start_polling(struct ioq *q);
void ioq_stop_polling(struct ioq *q);
bool ioq_poll(struct ioq *q);

/* ---- ioq_recovery.c: what recovery does with the engine; reaper thread only ---- */

/** ioq_halt() - stop issuing, run() and reaping; returns when no thread is inside run(). */
void ioq_halt(struct ioq *q);

/**
 * ioq_start() - program the queues into a newly mapped context; the engine stays HALTED
 * Return: 0; -EIO the registers read all ones.
 */
int ioq_start(struct ioq *q, struct devport_mmio *mmio, uint64_t context_id, bool sq_mode);

/** ioq_resume() - HALTED to RUNNING; issues what waits. Call ioq_drain() afterwards. */
void ioq_resume(struct ioq *q);

/** ioq_requeue_issued() - after a new context: issue every command again, in the same order. */
void ioq_requeue_issued(struct ioq *q);

/**
 * ioq_requeue_overdue() - the same after a context reset
 * For a command that timed out this counts as a retry; after the last one its io fails with
 * -ETIMEDOUT.
 */
void ioq_requeue_overdue(struct ioq *q);

/**
 * ioq_reset_context() - make the AFU drop every command of the context
 * Return: 0; -EIO the registers read all ones; -ETIMEDOUT the AFU does not finish.
 */
int ioq_reset_context(struct ioq *q);

/** ioq_is_overdue() - true if a command is in flight for longer than watchdog_ms. */
bool ioq_is_overdue(struct ioq *q);

/** ioq_fail() - HALTED to FAILED; every io fails with -EIO. */
void ioq_fail(struct ioq *q);

#endif
