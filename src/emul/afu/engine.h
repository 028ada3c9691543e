/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine - the engine of one process element; declarations that the AFU side shares.
 *
 *   afu.c        engines and the housekeeping thread of a process
 *   regs.c       register page
 *   run.c        fetch, complete
 *   transfer.c   move the data of a batch between memory and flash
 *   translate.c  check a command and translate its address
 *   inject.c     apply fault rules
 *   status.c     IOASA contents
 *   event.c      interrupts and events
 *   delay.c      takes commands and interrupts that come later; delay_queue.c stores them
 *   delay_run.c  executes them when they are due
 *   latency.c    latency model
 *
 * Commands are fetched from the SQ or the IOARRIN queue under engine->lock, translated and executed
 * in batches without a lock, and completed in the RRQ under engine->lock. From fetch to completion
 * a batch is "running". A heavy sync and a context reset wait for running batches.
 *
 * Lock order: afu->lock, engine->sync_lock, engine->lock, delay->lock, events->lock. Never take the
 * adapter lock of the driver side with one of them held.
 */
#ifndef CXLFS_EMUL_AFU_ENGINE_H
#define CXLFS_EMUL_AFU_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "emul/adapter.h"
#include "emul/afu/afu.h"
#include "emul/afu/event.h"
#include "emul/media/media.h"
#include "wire/sisl.h"

#define EMUL_BATCH 256 /* most commands in a batch */

/* ---- engine ---- */

/** Pages of the program's memory that are known to exist: see emul_probe_locked(). */
#define EMUL_PROBE_SLOTS 64

#define EMUL_IOASA_SLOTS 1024

struct emul_engine {
	/* constant */
	struct emul_afu *afu;
	struct emul_adapter *ad;
	struct emul_pe *pe;
	unsigned index;
	uint64_t generation;
	bool sq_mode, irq_all;
	uint8_t block_shift;

	unsigned nr_refs;    /* protected by afu->lock */
	unsigned nr_delayed; /* threads that execute delayed commands; protected by delay->lock */
	_Atomic uint64_t lost_seen_by; /* thread that last read all ones of the lost context */

	/* queue positions, written under lock, readable without it */
	_Alignas(64) _Atomic uint64_t sq_head;
	_Atomic uint64_t sq_tail;
	_Atomic uint32_t nr_arrin;
	_Atomic bool halted; /* after a fatal error of the context */
	_Atomic uint64_t intr_status;

	_Alignas(64) pthread_mutex_t lock;
	/* protected by lock */
	bool swap; /* the context and the host differ in byte order */
	bool resetting;
	uint64_t endian_ctrl, intr_mask, ctx_ctrl;
	uint64_t rrq_start, rrq_end, rrq_next, rrq_toggle;
	uint64_t sq_start, sq_end;
	uint64_t *arrin; /* IOARRIN queue, cmd_room entries */
	uint32_t cmd_room, arrin_first;
	uint32_t nr_resets;   /* context resets; a reset drops completions of older commands */
	uint32_t nr_inflight; /* fetched since the last reset and not completed */
	uint64_t last_probed; /* page */
	uint64_t probed[EMUL_PROBE_SLOTS];
	uint32_t busy_ioasas[EMUL_IOASA_SLOTS]; /* IOASAs of commands in flight, hashed; 0: free */
	unsigned nr_syncs; /* heavy syncs begun; new batches count in running[nr_syncs % 2] */
	unsigned running[2];
	pthread_cond_t drained;

	pthread_mutex_t sync_lock; /* one sync at a time */
	struct emul_events events;
};

/** emul_engine_alive() - false after the PE was lost, closed or reused */
static inline bool emul_engine_alive(const struct emul_engine *engine)
{
	uint32_t flags = atomic_load_explicit(&engine->pe->flags, memory_order_acquire);
	uint64_t generation = atomic_load_explicit(&engine->pe->generation, memory_order_relaxed);

	return (flags & (EMUL_PE_USED | EMUL_PE_LOST)) == EMUL_PE_USED &&
	       generation == engine->generation;
}

/* ---- commands ---- */

/** A fetched command; translation sets the fields from offset to port. */
struct emul_command {
	uint64_t ioasa_ea;
	uint64_t tag;    /* RRQ entry without the toggle bit */
	uint64_t offset; /* on the medium, bytes */
	uint64_t lba;    /* of the CDB */
	uint32_t bytes;  /* to move; 0: no data */
	uint32_t resid;  /* length of the data buffer beyond bytes */
	uint8_t write, lun, port;
	uint8_t msi;
	uint8_t outcome;        /* enum emul_outcome */
	uint8_t faults_applied; /* do not apply fault rules again */
	uint8_t expired;        /* the timeout comes before the completion */
};

enum emul_outcome {
	EMUL_OUTCOME_COMPLETE,
	EMUL_OUTCOME_LOST,    /* never completes */
	EMUL_OUTCOME_DELAYED, /* in struct emul_delay */
};

struct emul_batch {
	struct emul_engine *engine;
	unsigned nr;
	uint32_t nr_resets;
	unsigned sync_parity; /* index in engine->running */
	bool swap;
	bool delayed;                          /* no thread polls for its completions: interrupt */
	struct emul_fault reset;               /* RESET or FAIL, applied when the batch has ended */
	struct sisl_ioarcb ioarcb[EMUL_BATCH]; /* host byte order */
	struct emul_command cmd[EMUL_BATCH];
};

/* ---- transfer.c ---- */

/**
 * emul_batch_move() - translate the commands of a batch and move their data
 * Writes the IOASAs, but does not complete the commands. Locks: none held.
 */
void emul_batch_move(struct emul_batch *batch);

/* ---- fetch.c ---- */

/** emul_has_queued_commands() - without the lock it may be out of date */
static inline bool emul_has_queued_commands(const struct emul_engine *engine)
{
	if (engine->sq_mode)
		return atomic_load_explicit(&engine->sq_head, memory_order_relaxed) !=
		       atomic_load_explicit(&engine->sq_tail, memory_order_relaxed);
	return atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed) != 0;
}

/** emul_batch_fetch() - begin a batch of queued commands, as many as fit. Return: false: none. */
bool emul_batch_fetch(struct emul_batch *batch);

/** emul_bad_address_locked() - report and count an address that the program must not use */
void emul_bad_address_locked(struct emul_engine *engine, uint64_t status_bit, uint64_t ea);

/**
 * emul_probe_locked() - true if an address range of the program is mapped
 * Checks each page once and caches the result; engine->lock held.
 */
bool emul_probe_locked(struct emul_engine *engine, uint64_t ea, uint64_t bytes);

/* ---- run.c ---- */

/** emul_run() - execute queued commands in the calling thread. Return: number completed. */
unsigned emul_run(struct emul_engine *engine);

/** emul_batch_execute() - execute, complete and end a running batch. Return: number completed. */
unsigned emul_batch_execute(struct emul_batch *batch);

/**
 * emul_batch_begin_locked() - count a batch as running; engine->lock held
 * Return: false if the engine may not execute commands now.
 */
bool emul_batch_begin_locked(struct emul_batch *batch);

/** emul_batch_end_locked() - stop counting it; engine->lock held */
void emul_batch_end_locked(struct emul_batch *batch);

/** emul_engine_drain() - wait for the batches that are running now */
void emul_engine_drain(struct emul_engine *engine);

/* ---- regs.c ---- */

uint64_t emul_regs_read(struct emul_engine *engine, unsigned offset);
void emul_regs_write(struct emul_engine *engine, unsigned offset, uint64_t value);

/** emul_regs_error_locked() - set bits of intr_status, and interrupt if unmasked */
void emul_regs_error_locked(struct emul_engine *engine, uint64_t bits);

/** emul_regs_finish_reset_locked() - end a context reset once no batch runs; true if ended */
bool emul_regs_finish_reset_locked(struct emul_engine *engine);

/* ---- afu.c ---- */

struct emul_delay;

struct emul_afu {
	struct emul_adapter *ad;
	struct emul_delay *delay;
	_Atomic bool dead; /* inherited by fork */
	_Atomic(struct emul_media *) media[EMUL_MAX_LUNS];

	pthread_mutex_t lock;
	/* protected by lock */
	struct emul_engine *engine[EMUL_MAX_PES];
	bool housekeeping; /* the thread runs */
	pthread_t housekeeper;
	_Atomic bool stop;
};

/**
 * emul_engine_get() - get the engine of a PE in this process; creates it if needed
 * Return: 0; -ENOMEM, -EMFILE, -EAGAIN (no thread) ...
 */
int emul_engine_get(struct emul_afu *afu, unsigned pe, uint64_t generation,
		    struct emul_engine **ret_engine);

/** emul_engine_put() - drop a reference; the last one frees the engine and drops its commands */
void emul_engine_put(struct emul_engine *engine);

/** emul_afu_media() - get the medium of a LUN, opened at first use; NULL with *ret_err */
struct emul_media *emul_afu_media(struct emul_afu *afu, unsigned lun, int *ret_err);

/** emul_afu_raise_spurious() - raise a spurious completion interrupt on every engine of this
 * process
 */
void emul_afu_raise_spurious(struct emul_afu *afu);

#endif
