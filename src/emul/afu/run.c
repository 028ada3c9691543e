/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetches, executes and completes commands in batches. A batch is a consecutive part of the queue.
 */
#include "emul/afu/engine.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- memory of the program --------------------------------------------------------------- */

static bool page_exists(uint64_t page)
{
	char byte;
	struct iovec local = { &byte, 1 };
	struct iovec remote = { (void *)(uintptr_t)(page << 12), 1 };

	/* If the kernel forbids this call, assume that the page exists. */
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 || errno != EFAULT;
}

static __attribute__((noinline)) bool probe_pages(struct emul_engine *engine, uint64_t ea,
						  uint64_t bytes)
{
	uint64_t last;

	if (ea < 4096 || __builtin_add_overflow(ea, bytes - 1, &last))
		return false;
	for (uint64_t page = ea >> 12; page <= last >> 12; page++) {
		uint64_t *slot = &engine->probed[page % EMUL_PROBE_SLOTS];

		if (*slot == page)
			continue;
		if (!page_exists(page))
			return false;
		*slot = page;
	}
	engine->last_probed = ea >> 12;
	return true;
}

static inline bool probe(struct emul_engine *engine, uint64_t ea, uint64_t bytes)
{
	return (ea >> 12 == engine->last_probed && (ea & 4095) + bytes <= 4096) ||
	       probe_pages(engine, ea, bytes);
}

bool emul_probe_locked(struct emul_engine *engine, uint64_t ea, uint64_t bytes)
{
	return probe(engine, ea, bytes);
}

static inline bool is_valid_ioasa(struct emul_engine *engine, uint64_t ea)
{
	return !(ea & (SISL_IOARCB_ALIGN - 1)) && probe(engine, ea, sizeof(struct sisl_ioasa));
}

/* ---- running batches --------------------------------------------------------------------- */

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

/* ---- fetch ------------------------------------------------------------------------------- */

static void swap_ioarcb(struct sisl_ioarcb *ioarcb)
{
	ioarcb->ctx_id = __builtin_bswap16(ioarcb->ctx_id);
	ioarcb->req_flags = __builtin_bswap16(ioarcb->req_flags);
	ioarcb->res_hndl = __builtin_bswap32(ioarcb->res_hndl);
	ioarcb->lun_id = __builtin_bswap64(ioarcb->lun_id);
	ioarcb->data_len = __builtin_bswap32(ioarcb->data_len);
	ioarcb->ioadl_len = __builtin_bswap32(ioarcb->ioadl_len);
	ioarcb->data_ea = __builtin_bswap64(ioarcb->data_ea);
	ioarcb->timeout = __builtin_bswap16(ioarcb->timeout);
	ioarcb->ioasa_ea = __builtin_bswap64(ioarcb->ioasa_ea);
}

/*
 * An IOASA belongs to the device from doorbell to completion. This finds most programs that reuse
 * one too early; it can miss a reuse if two IOASAs share a slot of the table.
 */
static inline uint32_t *ioasa_slot(struct emul_engine *engine, uint64_t ioasa_ea, uint32_t *ret_key)
{
	*ret_key = (uint32_t)(ioasa_ea >> 4);
	return &engine->busy_ioasas[(ioasa_ea >> 6) % EMUL_IOASA_SLOTS];
}

static inline void mark_ioasa_busy(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = ioasa_slot(engine, ioasa_ea, &key);

	if (__builtin_expect(*slot == key, 0))
		emul_audit_note(engine->ad, EMUL_IOARCB_OVERLAP, (int)engine->index, ioasa_ea);
	*slot = key;
}

static inline void clear_ioasa_busy(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = ioasa_slot(engine, ioasa_ea, &key);

	if (*slot == key)
		*slot = 0;
}

/* Copies a command. Return: false if its IOASA is invalid. */
static inline bool take_command(struct emul_engine *engine, const struct sisl_ioarcb *from,
				bool ioasa_follows, struct sisl_ioarcb *ioarcb,
				struct emul_command *cmd)
{
	uint64_t ea = (uint64_t)(uintptr_t)from;

	*ioarcb = *from;
	if (__builtin_expect(engine->swap, 0))
		swap_ioarcb(ioarcb);
	cmd->ioasa_ea = ioasa_follows ? ea + sizeof(*ioarcb) : ioarcb->ioasa_ea;
	cmd->tag = ioasa_follows ? ea : cmd->ioasa_ea;
	cmd->bytes = 0;
	cmd->msi = ioarcb->msi;
	cmd->outcome = EMUL_OUTCOME_COMPLETE;
	cmd->faults_applied = false;
	cmd->expired = false;
	mark_ioasa_busy(engine, cmd->ioasa_ea);
	return is_valid_ioasa(engine, cmd->ioasa_ea);
}

static void bad_address(struct emul_engine *engine, uint64_t status_bit, uint64_t ea)
{
	emul_regs_error_locked(engine, status_bit);
	emul_audit_note(engine->ad, EMUL_BAD_ADDRESS, (int)engine->index, ea);
}

/* Fetches a contiguous part of the submission ring. */
static void fetch_sq(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	const unsigned slot_bytes = sizeof(struct sisl_ioarcb);
	uint64_t head = atomic_load_explicit(&engine->sq_head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&engine->sq_tail, memory_order_relaxed);
	uint64_t end = head <= tail ? tail : engine->sq_end + slot_bytes;
	uint64_t waiting = (end - head) / slot_bytes;
	unsigned nr = waiting < EMUL_BATCH ? (unsigned)waiting : EMUL_BATCH;
	const struct sisl_ioarcb *slot = (const struct sisl_ioarcb *)(uintptr_t)head;
	struct sisl_ioarcb *ioarcb = batch->ioarcb;
	struct emul_command *cmd = batch->cmd;

	for (; cmd < batch->cmd + nr; cmd++, ioarcb++, slot++)
		if (__builtin_expect(!take_command(engine, slot, false, ioarcb, cmd), 0)) {
			bad_address(engine, SISL_ISTATUS_IOASA_WRITE, cmd->ioasa_ea);
			break;
		}
	nr = (unsigned)(cmd - batch->cmd);
	batch->nr = nr;
	head += (uint64_t)nr * slot_bytes;
	atomic_store_explicit(&engine->sq_head, head > engine->sq_end ? engine->sq_start : head,
			      memory_order_relaxed);
}

static bool is_valid_ioarcb(struct emul_engine *engine, uint64_t ea)
{
	return probe(engine, ea, sizeof(struct sisl_ioarcb) + sizeof(struct sisl_ioasa));
}

static void fetch_arrin(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	uint32_t nr = atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed);

	batch->nr = 0;
	nr = nr < EMUL_BATCH ? nr : EMUL_BATCH;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t ea = engine->arrin[engine->arrin_first];

		if (!is_valid_ioarcb(engine, ea)) {
			bad_address(engine, SISL_ISTATUS_IOARCB_READ, ea);
			break;
		}
		(void)take_command(engine, (const struct sisl_ioarcb *)(uintptr_t)ea, true,
				   &batch->ioarcb[i], &batch->cmd[i]);
		batch->nr++;
		if (++engine->arrin_first == engine->cmd_room)
			engine->arrin_first = 0;
	}
	atomic_fetch_sub_explicit(&engine->nr_arrin, batch->nr, memory_order_relaxed);
}

static inline bool has_queued_commands(const struct emul_engine *engine)
{
	if (engine->sq_mode)
		return atomic_load_explicit(&engine->sq_head, memory_order_relaxed) !=
		       atomic_load_explicit(&engine->sq_tail, memory_order_relaxed);
	return atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed) != 0;
}

/* With more commands in flight than RRQ entries, completions can overwrite each other. */
static void check_room_in_rrq(struct emul_engine *engine)
{
	uint64_t entries = (engine->rrq_end - engine->rrq_start) / sizeof(uint64_t) + 1;

	if (engine->nr_inflight > entries)
		emul_audit_note(engine->ad, EMUL_RRQ_OVERRUN, (int)engine->index,
				engine->nr_inflight);
}

/* Begins a batch of queued commands. */
static bool fetch(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	bool begun;

	/* No lock: a thread that queues a command calls this afterwards. */
	if (!has_queued_commands(engine))
		return false;
	pthread_mutex_lock(&engine->lock);
	begun = has_queued_commands(engine) && emul_batch_begin_locked(batch);
	if (begun) {
		if (engine->sq_mode)
			fetch_sq(batch);
		else
			fetch_arrin(batch);
		engine->nr_inflight += batch->nr;
		check_room_in_rrq(engine);
		if (!batch->nr) {
			emul_batch_end_locked(batch);
			begun = false;
		}
	}
	pthread_mutex_unlock(&engine->lock);
	return begun;
}

/* ---- complete ---------------------------------------------------------------------------- */

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
		bad_address(engine, SISL_ISTATUS_RRQ_WRITE, 0);
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
	while (has_queued_commands(engine)) {
		batch.engine = engine;
		if (!fetch(&batch))
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
