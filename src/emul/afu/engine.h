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
 *   delay.c      delayed commands and interrupts; delay_queue.c stores them
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
#include "emul/media/media.h"
#include "wire/sisl.h"

#define EMUL_BATCH 256 /* most commands in a batch */

/* ---- events ---- */

struct emul_events {
	pthread_mutex_t lock;
	/* protected by lock */
	uint32_t lisns; /* bit per pending LISN */
	bool fault;     /* data storage event pending */
	uint64_t fault_addr;
	bool closed;    /* the context is gone: after pending events, reads return -EIO */
	bool signalled; /* the socket holds a byte */
	/* constant */
	int program_fd; /* the program polls this end */
	int device_fd;  /* other end; -1 once closed (protected by lock) */
};

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

/** Results of RHT and LXT lookups, valid for one batch. */
struct emul_xlate_cache {
	bool valid; /* the fields of the handle */
	uint8_t fp;
	uint8_t lun, ports; /* of the LXT entry or of the physical handle */
	uint32_t handle, lxt_cnt;
	uint64_t lxt;   /* or SCSI LUN id */
	uint64_t index; /* of the LXT entry below; all ones: none */
	uint64_t entry;
	uint64_t lun_blocks;
	uint32_t capability;
	uint32_t links_down;
	/* The last chunk, for the fast path; see emul_xlate_run() */
	uint8_t port;
	uint32_t bytes;     /* transfer length */
	uint32_t blocks;    /* the same in the format of the CDB */
	uint64_t lengths;   /* the IOARCB word with data_len */
	uint64_t wanted[2]; /* first IOARCB word of a read and of a write */
	uint64_t first_lba; /* of the chunk in the vLUN */
	uint64_t nr_lbas;   /* LBAs at which the transfer may begin; 0: no chunk */
	uint64_t base;      /* of the chunk on the medium, bytes */
};

/* ---- status.c ---- */

/** The device part of an IOASA; all zeros is success. */
struct emul_status {
	uint8_t flags, afu_rc, scsi_rc, fc_rc;
	uint32_t resid;
	uint8_t port, afu_extra, scsi_extra, fc_extra;
	uint8_t sense[SISL_SENSE_LEN];
};

_Static_assert(sizeof(struct emul_status) == offsetof(struct sisl_ioasa, host_use), "emul_status");

/** emul_status_afu() - set an error of the AFU itself */
struct emul_status emul_status_afu(uint8_t afu_rc, uint8_t afu_extra);

/** emul_status_check() - check condition with fixed-format sense data */
struct emul_status emul_status_check(uint8_t key, uint8_t asc, uint8_t ascq);

/** emul_status_media() - status for an -errno of the media files */
struct emul_status emul_status_media(int err, bool write);

/** emul_status_fault() - status of a fault rule; @bytes: transfer length of the command */
struct emul_status emul_status_fault(const struct emul_fault *fault, bool write, uint32_t bytes);

static inline struct emul_status *emul_status_at(uint64_t ioasa_ea)
{
	return (struct emul_status *)(uintptr_t)ioasa_ea;
}

/** emul_status_write() - write an IOASA; @ioasa_ea was validated at fetch */
void emul_status_write(uint64_t ioasa_ea, const struct emul_status *status, bool swap);

/* ---- translate.c ---- */

/** emul_xlate_begin() - initialize the cache of a batch */
void emul_xlate_begin(const struct emul_engine *engine, struct emul_xlate_cache *cache);

/**
 * emul_xlate() - check a command and translate its address
 * @cache: of this batch; cached entries stay valid because a heavy sync waits for the batch
 * Return: true with cmd[i] filled in; false with *ret_status if the command failed.
 */
bool emul_xlate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		struct emul_status *ret_status);

/**
 * emul_xlate_run() - translate commands from @i on that resemble an earlier one
 * Return: index of the first command that needs emul_xlate().
 */
unsigned emul_xlate_run(struct emul_batch *batch, unsigned i, const struct emul_xlate_cache *cache);

/** emul_xlate_is_valid() - true if the handle still has the chunk of a translated command */
bool emul_xlate_is_valid(const struct emul_batch *batch, unsigned i);

/* ---- inject.c ---- */

/**
 * emul_inject_command() - apply the fault rules to a translated command
 * Return: true to execute it; false if it failed with *ret_status, is lost or is delayed.
 */
bool emul_inject_command(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
			 struct emul_status *ret_status);

/** emul_inject_interrupt() - apply them to a completion interrupt. Return: true to raise it. */
bool emul_inject_interrupt(struct emul_batch *batch, unsigned lisn);

/** emul_inject_global() - apply a fault that concerns the whole adapter */
void emul_inject_global(struct emul_afu *afu, const struct emul_fault *fault);

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

/* ---- event.c ---- */

int emul_events_init(struct emul_events *events);
void emul_events_fini(struct emul_events *events);

/** emul_events_raise() - make a LISN pending */
void emul_events_raise(struct emul_events *events, unsigned lisn);

/** emul_events_data_storage() - make a data storage event pending */
void emul_events_data_storage(struct emul_events *events, uint64_t addr);

/** emul_events_close() - report the end of the context */
void emul_events_close(struct emul_events *events);

/** emul_events_read() - see devport event_read() */
ssize_t emul_events_read(struct emul_events *events, unsigned pe, void *buf, size_t bytes);

/* ---- delay.c ---- */

struct emul_delay;

int emul_delay_new(struct emul_afu *afu, struct emul_delay **ret_delay);

/** emul_delay_free() - ends its thread. Accepts NULL. */
void emul_delay_free(struct emul_delay *delay);

/** emul_delay_has_model() - true if the adapter has a latency model */
bool emul_delay_has_model(const struct emul_delay *delay);

/** emul_delay_batch() - delay the commands of a batch by the latency model, and end the batch */
void emul_delay_batch(struct emul_delay *delay, struct emul_batch *batch);

/**
 * emul_delay_run_due() - execute due commands and interrupts, if threads poll
 * @engine: the caller polls for its completions; those of other engines interrupt
 * @batch:  memory for a batch
 * Return: number of commands completed.
 */
unsigned emul_delay_run_due(struct emul_delay *delay, const struct emul_engine *engine,
			    struct emul_batch *batch);

/** emul_delay_add_pollers() - see add_pollers() of devport.h */
void emul_delay_add_pollers(struct emul_delay *delay, int nr);

/** emul_delay_command() - execute command @i of a batch after @ms */
bool emul_delay_command(struct emul_delay *delay, struct emul_batch *batch, unsigned i,
			uint32_t ms);

/** emul_delay_interrupt() - raise a LISN after @ms */
bool emul_delay_interrupt(struct emul_delay *delay, struct emul_engine *engine, unsigned lisn,
			  uint32_t ms);

/**
 * emul_delay_cancel() - drop delayed commands and interrupts of an engine
 * @older_than: only commands from before this context reset; UINT32_MAX drops everything, and
 *              waits for threads that execute delayed commands of the engine
 */
void emul_delay_cancel(struct emul_delay *delay, struct emul_engine *engine, uint32_t older_than);

/* ---- afu.c ---- */

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
