/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine - the engine of one process element, as the files of the AFU side share it.
 *
 *   afu.c        engines and the housekeeping thread of a process
 *   regs.c       register page
 *   run.c        fetch, complete
 *   transfer.c   execute: what a batch moves between memory and flash
 *   translate.c  one command: checks, translation
 *   inject.c     what fault rules do to it
 *   status.c     what goes into an IOASA
 *   event.c      interrupts and events
 *   delay.c      latency model, delayed commands and interrupts; delay_queue.c keeps them
 *
 * Life of a command: fetched from the SQ or the IOARRIN queue under engine->lock, translated and
 * executed in batches without a lock, completed (RRQ) under engine->lock. Between the two a batch
 * is "running", which is what a heavy sync and a context reset wait for.
 *
 * Lock order: afu->lock, engine->sync_lock, engine->lock, delay->lock, events->lock. The adapter
 * lock of the driver side is never taken with one of them held.
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

#define EMUL_BATCH 256 /* commands executed together */

/* ---- events ------------------------------------------------------------------------------ */

struct emul_events {
	pthread_mutex_t lock;
	/* protected by lock */
	uint32_t lisns; /* bit per pending LISN */
	bool fault;     /* data storage event pending */
	uint64_t fault_addr;
	bool closed;    /* the context is gone: -EIO behind what is pending */
	bool signalled; /* there is a byte in the socket */
	/* constant */
	int program_fd; /* what the program polls */
	int device_fd;  /* our end; -1 once closed (protected by lock) */
};

/* ---- engine ------------------------------------------------------------------------------ */

/** Pages of the program's memory that were seen to exist: see emul_probe(). */
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
	_Atomic uint64_t lost_seen_by; /* thread that has read all ones of the lost context */

	/* queue positions, readable without the lock to see whether there is anything to do */
	_Alignas(64) _Atomic uint64_t sq_head;
	_Atomic uint64_t sq_tail;
	_Atomic uint32_t nr_arrin;
	_Atomic bool halted; /* by an error that ends only with the context */
	_Atomic uint64_t intr_status;

	_Alignas(64) pthread_mutex_t lock;
	/* protected by lock */
	bool swap; /* the context's byte order is not the host's */
	bool resetting;
	uint64_t endian_ctrl, intr_mask, ctx_ctrl;
	uint64_t rrq_start, rrq_end, rrq_next, rrq_toggle;
	uint64_t sq_start, sq_end;
	uint64_t *arrin; /* IOARRIN queue, cmd_room entries */
	uint32_t cmd_room, arrin_first;
	uint32_t nr_resets;   /* of the context; completions from before the last one are dropped */
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

/** emul_engine_alive() - false once the PE is lost, closed or given to somebody else */
static inline bool emul_engine_alive(const struct emul_engine *engine)
{
	uint32_t flags = atomic_load_explicit(&engine->pe->flags, memory_order_acquire);
	uint64_t generation = atomic_load_explicit(&engine->pe->generation, memory_order_relaxed);

	return (flags & (EMUL_PE_USED | EMUL_PE_LOST)) == EMUL_PE_USED &&
	       generation == engine->generation;
}

/* ---- a command on its way ---------------------------------------------------------------- */

/** One command, fetched and then translated. */
struct emul_command {
	uint64_t ioasa_ea;
	uint64_t tag;    /* goes into the RRQ */
	uint64_t offset; /* on the medium, bytes */
	uint64_t lba;    /* as the CDB counts */
	uint32_t bytes;  /* to move; 0: nothing */
	uint32_t resid;  /* bytes the program offered beyond */
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
	bool delayed;            /* nobody waits in run(): completions interrupt */
	struct emul_fault reset; /* RESET or FAIL, to carry out when the batch has ended */
	struct sisl_ioarcb ioarcb[EMUL_BATCH]; /* host byte order */
	struct emul_command cmd[EMUL_BATCH];
};

/** A handle and an LXT entry as the AFU has looked them up; good for one batch. */
struct emul_xlate_cache {
	bool valid; /* the handle's part */
	uint8_t fp;
	uint8_t lun, ports; /* of the LXT entry or of the physical handle */
	uint32_t handle, lxt_cnt;
	uint64_t lxt;   /* or SCSI LUN id */
	uint64_t index; /* of the LXT entry that follows; all ones: none */
	uint64_t entry;
	uint64_t lun_blocks;
	uint32_t capability;
	uint32_t links_down;
	/* The last chunk used, as most commands need it; see emul_xlate_run() */
	uint8_t port;
	uint32_t bytes;     /* of such a command */
	uint32_t blocks;    /* the same, as it stands in the CDB */
	uint64_t lengths;   /* the word of the IOARCB with data_len */
	uint64_t wanted[2]; /* first word of a read's and a write's IOARCB */
	uint64_t first_lba; /* of the chunk in the vLUN */
	uint64_t nr_lbas;   /* at which such a command may begin; 0: no chunk */
	uint64_t base;      /* of the chunk on the medium, bytes */
};

/* ---- status.c ------------------------------------------------------------------------ */

/** A status area in the making; all zeros is success. */
struct emul_status {
	uint8_t flags, afu_rc, scsi_rc, fc_rc;
	uint32_t resid;
	uint8_t port, afu_extra, scsi_extra, fc_extra;
	uint8_t sense[SISL_SENSE_LEN];
};

_Static_assert(sizeof(struct emul_status) == offsetof(struct sisl_ioasa, host_use), "emul_status");

/** emul_status_afu() - an error of the AFU itself */
struct emul_status emul_status_afu(uint8_t afu_rc, uint8_t afu_extra);

/** emul_status_check() - check condition with fixed-format sense data */
struct emul_status emul_status_check(uint8_t key, uint8_t asc, uint8_t ascq);

/** emul_status_media() - what an error of the host becomes; @err negative */
struct emul_status emul_status_media(int err, bool write);

/** emul_status_fault() - what a fault rule asks for; @bytes of the command's transfer */
struct emul_status emul_status_fault(const struct emul_fault *fault, bool write, uint32_t bytes);

static inline struct emul_status *emul_status_at(uint64_t ioasa_ea)
{
	return (struct emul_status *)(uintptr_t)ioasa_ea;
}

/** emul_status_write() - write an IOASA at @ioasa_ea, which was checked at fetch */
void emul_status_write(uint64_t ioasa_ea, const struct emul_status *status, bool swap);

/* ---- translate.c ------------------------------------------------------------------------- */

/** emul_xlate_begin() - an empty cache for a batch */
void emul_xlate_begin(const struct emul_engine *engine, struct emul_xlate_cache *cache);

/**
 * emul_xlate() - check a command and translate its address
 * @cache: of this batch; what has been looked up stays good until a heavy sync, and that waits
 *         for the batch
 * Return: true with cmd[i] filled in; false with *ret_status, the command has failed.
 */
bool emul_xlate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		struct emul_status *ret_status);

/**
 * emul_xlate_run() - the same for the commands from @i on, as long as each is like one that has
 * passed before, and its time is not over
 * Return: index of the first that is not; it is left to emul_xlate().
 */
unsigned emul_xlate_run(struct emul_batch *batch, unsigned i, const struct emul_xlate_cache *cache);

/** emul_xlate_is_valid() - would the command still be translated to a chunk of its handle? */
bool emul_xlate_is_valid(const struct emul_batch *batch, unsigned i);

/* ---- inject.c ------------------------------------------------------------------------ */

/**
 * emul_inject_command() - let the fault rules have their say on a translated command
 * Return: true: go on with it; false: it has failed with *ret_status, or its outcome is settled.
 */
bool emul_inject_command(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
			 struct emul_status *ret_status);

/** emul_inject_interrupt() - the same for a completion interrupt. Return: true: raise it now. */
bool emul_inject_interrupt(struct emul_batch *batch, unsigned lisn);

/** emul_inject_global() - carry out a fault that is about the whole adapter */
void emul_inject_global(struct emul_afu *afu, const struct emul_fault *fault);

/* ---- transfer.c ------------------------------------------------------------------------- */

/**
 * emul_batch_move() - translate the commands of a batch and move their data
 * Each has its status or its outcome then; none is completed. Locks: none held.
 */
void emul_batch_move(struct emul_batch *batch);

/* ---- run.c --------------------------------------------------------------------------- */

/** emul_run() - execute what is queued, in the calling thread. Return: commands completed. */
unsigned emul_run(struct emul_engine *engine);

/** emul_batch_execute() - execute and complete a batch that has begun, and end it */
unsigned emul_batch_execute(struct emul_batch *batch);

/**
 * emul_batch_begin_locked() - make a batch running; engine->lock held
 * Return: false when nothing may run now.
 */
bool emul_batch_begin_locked(struct emul_batch *batch);

/** emul_batch_end_locked() - the opposite */
void emul_batch_end_locked(struct emul_batch *batch);

/** emul_engine_drain() - wait until no batch that runs now runs any more */
void emul_engine_drain(struct emul_engine *engine);

/**
 * emul_probe_locked() - is there memory at an address of the program?
 * Looks at a page once and remembers; engine->lock held.
 */
bool emul_probe_locked(struct emul_engine *engine, uint64_t ea, uint64_t bytes);

/* ---- regs.c -------------------------------------------------------------------------- */

uint64_t emul_regs_read(struct emul_engine *engine, unsigned offset);
void emul_regs_write(struct emul_engine *engine, unsigned offset, uint64_t value);

/** emul_regs_error_locked() - set bits of intr_status and interrupt if unmasked */
void emul_regs_error_locked(struct emul_engine *engine, uint64_t bits);

/** emul_regs_finish_reset_locked() - end a context reset when the last old batch has ended */
bool emul_regs_finish_reset_locked(struct emul_engine *engine);

/* ---- event.c ------------------------------------------------------------------------- */

int emul_events_init(struct emul_events *events);
void emul_events_fini(struct emul_events *events);

/** emul_events_raise() - make a LISN pending */
void emul_events_raise(struct emul_events *events, unsigned lisn);

/** emul_events_data_storage() - make a data storage event pending */
void emul_events_data_storage(struct emul_events *events, uint64_t addr);

/** emul_events_close() - the context is gone for good */
void emul_events_close(struct emul_events *events);

/** emul_events_read() - see devport event_read() */
ssize_t emul_events_read(struct emul_events *events, unsigned pe, void *buf, size_t bytes);

/* ---- delay.c ------------------------------------------------------------------------- */

struct emul_delay;

int emul_delay_new(struct emul_afu *afu, struct emul_delay **ret_delay);

/** emul_delay_free() - ends its thread. Accepts NULL. */
void emul_delay_free(struct emul_delay *delay);

/** emul_delay_has_model() - true when the adapter has a latency model */
bool emul_delay_has_model(const struct emul_delay *delay);

/** emul_delay_batch() - hand over the commands of a batch to the latency model, and end it */
void emul_delay_batch(struct emul_delay *delay, struct emul_batch *batch);

/**
 * emul_delay_run_due() - carry out what is due, if there are threads that poll
 * @engine: whose completions the caller looks for himself; others interrupt
 * @batch:  the caller's memory
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
 * emul_delay_cancel() - drop what is due later for an engine
 * @older_than: only commands from before this context reset; UINT32_MAX for everything;
 *              then also wait until no thread executes its delayed commands
 */
void emul_delay_cancel(struct emul_delay *delay, struct emul_engine *engine, uint32_t older_than);

/* ---- afu.c ------------------------------------------------------------------------------- */

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
 * emul_engine_get() - the engine of a PE in this process, made if there is none
 * Return: 0; -ENOMEM, -EMFILE, -EAGAIN (no thread) ...
 */
int emul_engine_get(struct emul_afu *afu, unsigned pe, uint64_t generation,
		    struct emul_engine **ret_engine);

/** emul_engine_put() - give it back; the last one ends it and drops its commands */
void emul_engine_put(struct emul_engine *engine);

/** emul_afu_media() - the medium of a LUN, opened at its first use; NULL with *ret_err */
struct emul_media *emul_afu_media(struct emul_afu *afu, unsigned lun, int *ret_err);

/** emul_afu_raise_spurious() - a completion interrupt for nothing, on every engine of this process
 */
void emul_afu_raise_spurious(struct emul_afu *afu);

#endif
