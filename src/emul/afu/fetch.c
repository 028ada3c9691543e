/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches commands from the queues and the memory of the program. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emul/afu/busy_ioasas.h"
#include "emul/afu/engine.h"

/* ---- memory of the program ---- */

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

void emul_bad_address_locked(struct emul_engine *engine, uint64_t status_bit, uint64_t ea)
{
	emul_regs_error_locked(engine, status_bit);
	emul_audit_note(engine->ad, EMUL_BAD_ADDRESS, (int)engine->index, ea);
}

/* ---- fetch ---- */

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
			emul_bad_address_locked(engine, SISL_ISTATUS_IOASA_WRITE, cmd->ioasa_ea);
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
			emul_bad_address_locked(engine, SISL_ISTATUS_IOARCB_READ, ea);
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

/* With more commands in flight than RRQ entries, completions can overwrite each other. */
static void check_room_in_rrq(struct emul_engine *engine)
{
	uint64_t entries = (engine->rrq_end - engine->rrq_start) / sizeof(uint64_t) + 1;

	if (engine->nr_inflight > entries)
		emul_audit_note(engine->ad, EMUL_RRQ_OVERRUN, (int)engine->index,
				engine->nr_inflight);
}

bool emul_batch_fetch(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	bool begun;

	/* No lock: a thread that queues a command calls this afterwards. */
	if (!emul_has_queued_commands(engine))
		return false;
	pthread_mutex_lock(&engine->lock);
	begun = emul_has_queued_commands(engine) && emul_batch_begin_locked(batch);
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
