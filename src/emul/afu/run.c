/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executes and completes commands in batches. A batch is a consecutive part of the queue.
 */
#include "emul/afu/busy_ioasas.h"
#include "emul/afu/delay.h"
#include "emul/afu/engine.h"
#include "emul/afu/event.h"
#include "emul/afu/inject.h"
#include "emul/afu/translate.h"

/* ---- running batches ---- */

bool emul_batch_begin_locked(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;

	if (engine->resetting && !emul_regs_finish_reset_locked(engine))
		return false;
	if (atomic_load_explicit(&engine->halted, memory_order_relaxed) ||
	    !emul_engine_alive(engine))
		return false;
	batch->nr_resets = engine->nr_resets;
	batch->sync_parity = engine->nr_syncs & 1;
	batch->swap = engine->swap;
	batch->reset.action = EMUL_FAULT_NONE;
	engine->running[batch->sync_parity]++;
	return true;
}

void emul_batch_end_locked(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;

	if (--engine->running[batch->sync_parity] == 0)
		pthread_cond_broadcast(&engine->drained);
}

void emul_engine_drain(struct emul_engine *engine)
{
	unsigned old;

	pthread_mutex_lock(&engine->sync_lock);
	pthread_mutex_lock(&engine->lock);
	old = engine->nr_syncs++ & 1;
	while (engine->running[old])
		pthread_cond_wait(&engine->drained, &engine->lock);
	pthread_mutex_unlock(&engine->lock);
	pthread_mutex_unlock(&engine->sync_lock);
}

/* ---- complete ---- */

/** A copy of the RRQ position, which lets the compiler use registers. */
struct rrq {
	uint64_t next, toggle, start, end;
	bool swap;
};

static inline void rrq_put(struct rrq *rrq, uint64_t tag)
{
	_Atomic uint64_t *entry = (_Atomic uint64_t *)(uintptr_t)rrq->next;
	uint64_t value = tag | rrq->toggle;

	if (__builtin_expect(rrq->swap, 0))
		value = __builtin_bswap64(value);
	/* The IOASA and the data must be visible before this. Pairs with the program's load of the
	 * entry, which is an acquire. */
	atomic_store_explicit(entry, value, memory_order_release);
	rrq->next += sizeof(value);
	if (rrq->next > rrq->end) {
		rrq->next = rrq->start;
		rrq->toggle ^= SISL_RRQ_TOGGLE;
	}
}

/* Return: number posted; *ret_lisns as in post_locked(). */
static unsigned put_completed_locked(struct emul_batch *batch, uint64_t *ret_lisns)
{
	struct emul_engine *engine = batch->engine;
	struct rrq rrq = { engine->rrq_next, engine->rrq_toggle, engine->rrq_start, engine->rrq_end,
			   engine->swap };
	const struct emul_command *end = batch->cmd + batch->nr;
	uint64_t lisns = 0;
	unsigned nr = 0;

	for (const struct emul_command *cmd = batch->cmd; cmd < end; cmd++) {
		if (__builtin_expect(cmd->outcome != EMUL_OUTCOME_COMPLETE, 0))
			continue;
		clear_ioasa_busy(engine, cmd->ioasa_ea);
		rrq_put(&rrq, cmd->tag);
		lisns |= 1ull << (cmd->msi & 63);
		nr++;
	}
	engine->rrq_next = rrq.next;
	engine->rrq_toggle = rrq.toggle;
	*ret_lisns = lisns;
	return nr;
}

/* A heavy sync began while the batch ran: the program released chunks that it still used. */
static void audit_tail_io(const struct emul_batch *batch)
{
	for (unsigned i = 0; i < batch->nr; i++)
		if (batch->cmd[i].bytes && !emul_xlate_is_valid(batch, i))
			emul_audit_note(batch->engine->ad, EMUL_TAIL_IO, (int)batch->engine->index,
					batch->cmd[i].lba);
}

/* Posts completions. Return: their number; *ret_lisns has a bit for each requested LISN. */
static unsigned post_locked(struct emul_batch *batch, uint64_t *ret_lisns)
{
	struct emul_engine *engine = batch->engine;
	unsigned nr;

	*ret_lisns = 0;
	if (batch->nr_resets != engine->nr_resets || engine->resetting ||
	    !emul_engine_alive(engine))
		return 0;
	if (!engine->rrq_next) {
		emul_bad_address_locked(engine, SISL_ISTATUS_RRQ_WRITE, 0);
		return 0;
	}
	nr = put_completed_locked(batch, ret_lisns);
	engine->nr_inflight -= nr;
	if (__builtin_expect((engine->nr_syncs & 1) != batch->sync_parity, 0))
		audit_tail_io(batch);
	return nr;
}

static void raise_interrupts(struct emul_batch *batch, uint64_t lisns)
{
	for (; lisns; lisns &= lisns - 1) {
		unsigned lisn = (unsigned)__builtin_ctzll(lisns);

		if (emul_inject_interrupt(batch, lisn))
			emul_events_raise(&batch->engine->events, lisn);
	}
}

unsigned emul_batch_execute(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	uint64_t lisns;
	unsigned nr;

	emul_batch_move(batch);
	pthread_mutex_lock(&engine->lock);
	nr = post_locked(batch, &lisns);
	lisns &= ~1ull; /* LISN 0 is none */
	if (lisns && (batch->delayed || engine->irq_all)) {
		pthread_mutex_unlock(&engine->lock);
		raise_interrupts(batch, lisns);
		pthread_mutex_lock(&engine->lock);
	}
	emul_batch_end_locked(batch);
	pthread_mutex_unlock(&engine->lock);
	if (__builtin_expect(batch->reset.action != EMUL_FAULT_NONE, 0))
		emul_inject_global(engine->afu, &batch->reset);
	return nr;
}

unsigned emul_run(struct emul_engine *engine)
{
	struct emul_delay *delay = engine->afu->delay;
	struct emul_batch batch; /* large: do not initialize it */
	unsigned nr = 0;

	batch.delayed = false;
	while (emul_has_queued_commands(engine)) {
		batch.engine = engine;
		if (!emul_batch_fetch(&batch))
			break;
		if (emul_delay_has_model(delay))
			emul_delay_batch(delay, &batch);
		else
			nr += emul_batch_execute(&batch);
	}
	if (emul_delay_has_model(delay))
		nr += emul_delay_run_due(delay, engine, &batch);
	return nr;
}
