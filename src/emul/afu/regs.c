/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register page of a context.
 *
 * The behaviour of the card is not documented in these cases, so the emulator defines it:
 * endian_ctrl is little and all interrupts are masked at first. A write to rrq_start or rrq_end
 * resets the RRQ to its first entry and the toggle to 1. A write to sq_start or sq_end resets the
 * SQ to its first slot, empty. A context reset drops queued and running commands and skips the SQ
 * slots up to sq_tail. It keeps every register and the positions in SQ and RRQ. Fetching a command
 * returns its IOARRIN credit.
 */
#include "emul/afu/engine.h"

#include <string.h>

#include "emul/afu/delay.h"
#include "emul/afu/event.h"

void emul_regs_error_locked(struct emul_engine *engine, uint64_t bits)
{
	uint64_t status = atomic_fetch_or(&engine->intr_status, bits) | bits;
	unsigned lisn = engine->ctx_ctrl & SISL_CTX_CTRL_LISN_MASK;

	if (bits & SISL_ISTATUS_PERMANENT)
		atomic_store(&engine->halted, true);
	if (lisn && (status & ~engine->intr_mask))
		emul_events_raise(&engine->events, lisn);
}

/* ---- context reset ---- */

static void begin_reset(struct emul_engine *engine)
{
	uint32_t nr_resets;

	pthread_mutex_lock(&engine->lock);
	nr_resets = ++engine->nr_resets;
	engine->resetting = true;
	engine->nr_inflight = 0;
	memset(engine->busy_ioasas, 0, sizeof(engine->busy_ioasas));
	atomic_store(&engine->nr_arrin, 0);
	engine->arrin_first = 0;
	atomic_store(&engine->sq_head, atomic_load(&engine->sq_tail));
	pthread_mutex_unlock(&engine->lock);
	emul_delay_cancel(engine->afu->delay, engine, nr_resets);
}

bool emul_regs_finish_reset_locked(struct emul_engine *engine)
{
	if (engine->resetting && !engine->running[0] && !engine->running[1])
		engine->resetting = false;
	return !engine->resetting;
}

static uint64_t read_reset(struct emul_engine *engine)
{
	bool done;

	pthread_mutex_lock(&engine->lock);
	done = emul_regs_finish_reset_locked(engine);
	pthread_mutex_unlock(&engine->lock);
	return done ? 0 : SISL_CTX_RESET;
}

/* ---- queues ---- */

static void audit(struct emul_engine *engine, enum emul_breach breach, uint64_t detail)
{
	emul_audit_note(engine->ad, breach, (int)engine->index, detail);
}

static void set_rrq(struct emul_engine *engine)
{
	uint64_t bytes = engine->rrq_end - engine->rrq_start + sizeof(uint64_t);

	engine->rrq_next = 0;
	engine->rrq_toggle = SISL_RRQ_TOGGLE;
	if (!engine->rrq_start || !engine->rrq_end)
		return; /* the other register is not set yet */
	if (engine->rrq_end < engine->rrq_start || (engine->rrq_start | engine->rrq_end) & 7 ||
	    !emul_probe_locked(engine, engine->rrq_start, bytes)) {
		audit(engine, EMUL_BAD_ADDRESS, engine->rrq_start);
		emul_regs_error_locked(engine, SISL_ISTATUS_RRQ_WRITE);
		return;
	}
	engine->rrq_next = engine->rrq_start;
}

static void set_sq(struct emul_engine *engine)
{
	const uint64_t slot = sizeof(struct sisl_ioarcb);
	uint64_t bytes = engine->sq_end - engine->sq_start + slot;

	atomic_store(&engine->sq_head, engine->sq_start);
	atomic_store(&engine->sq_tail, engine->sq_start);
	if (!engine->sq_start || !engine->sq_end)
		return;
	if (engine->sq_end < engine->sq_start || (engine->sq_start & (SISL_IOARCB_ALIGN - 1)) ||
	    bytes % slot || !emul_probe_locked(engine, engine->sq_start, bytes)) {
		audit(engine, EMUL_BAD_ADDRESS, engine->sq_start);
		emul_regs_error_locked(engine, SISL_ISTATUS_IOARCB_READ);
	}
}

static void write_sq_tail(struct emul_engine *engine, uint64_t tail)
{
	if (!engine->sq_mode || tail < engine->sq_start || tail > engine->sq_end ||
	    (tail - engine->sq_start) % sizeof(struct sisl_ioarcb) || !engine->sq_start) {
		audit(engine, EMUL_BAD_ADDRESS, tail);
		emul_regs_error_locked(engine, SISL_ISTATUS_IOARCB_READ);
		return;
	}
	/* The lock orders the program's slots before it, and fetch() has the lock as well. */
	atomic_store_explicit(&engine->sq_tail, tail, memory_order_relaxed);
}

static void write_ioarrin(struct emul_engine *engine, uint64_t ea)
{
	uint32_t nr = atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed);
	uint32_t at = engine->arrin_first + nr;

	if (engine->sq_mode || ea & (SISL_IOARCB_ALIGN - 1)) {
		audit(engine, EMUL_IOARCB_MISALIGNED, ea);
		emul_regs_error_locked(engine, SISL_ISTATUS_IOARCB_READ);
		return;
	}
	if (nr == engine->cmd_room) {
		audit(engine, EMUL_CMD_ROOM_EXCEEDED, ea);
		emul_regs_error_locked(engine, SISL_ISTATUS_CMD_ROOM);
		return;
	}
	engine->arrin[at >= engine->cmd_room ? at - engine->cmd_room : at] = ea;
	atomic_store_explicit(&engine->nr_arrin, nr + 1, memory_order_relaxed);
}

/* ---- registers ---- */

static void set_endian(struct emul_engine *engine, uint64_t value)
{
	bool big = value == SISL_ENDIAN_BIG;

	engine->endian_ctrl = value;
	engine->swap = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

/* Status bits that were masked interrupt when they are unmasked. */
static void set_mask(struct emul_engine *engine, uint64_t value)
{
	engine->intr_mask = value;
	emul_regs_error_locked(engine, 0);
}

static void write_locked(struct emul_engine *engine, unsigned offset, uint64_t value)
{
	switch (offset) {
	case SISL_ENDIAN_CTRL:
		set_endian(engine, value);
		break;
	case SISL_INTR_CLEAR:
		atomic_fetch_and(&engine->intr_status, ~value);
		break;
	case SISL_INTR_MASK:
		set_mask(engine, value);
		break;
	case SISL_CTX_CTRL:
		engine->ctx_ctrl = value & SISL_CTX_CTRL_LISN_MASK;
		break;
	case SISL_IOARRIN:
		write_ioarrin(engine, value);
		break;
	case SISL_SQ_TAIL:
		write_sq_tail(engine, value);
		break;
	case SISL_RRQ_START:
		engine->rrq_start = value;
		set_rrq(engine);
		break;
	case SISL_RRQ_END:
		engine->rrq_end = value;
		set_rrq(engine);
		break;
	case SISL_SQ_START:
		engine->sq_start = value;
		set_sq(engine);
		break;
	case SISL_SQ_END:
		engine->sq_end = value;
		set_sq(engine);
		break;
	default: /* read-only, mbox_w (not for users) or no register */
		break;
	}
}

static bool is_reset(const struct emul_engine *engine, unsigned offset, uint64_t value)
{
	return value == SISL_CTX_RESET &&
	       offset == (engine->sq_mode ? SISL_SQ_CTX_RESET : SISL_IOARRIN);
}

static bool misaligned(struct emul_engine *engine, unsigned offset)
{
	if (offset % sizeof(uint64_t) == 0 && offset < SISL_MMIO_BYTES)
		return false;
	audit(engine, EMUL_MMIO_MISALIGNED, offset);
	return true;
}

void emul_regs_write(struct emul_engine *engine, unsigned offset, uint64_t value)
{
	if (misaligned(engine, offset))
		return;
	if (!emul_engine_alive(engine)) {
		/* Only a thread that has read all ones knows that the context is lost. */
		if (atomic_load(&engine->lost_seen_by) == (uint64_t)pthread_self())
			audit(engine, EMUL_MMIO_WRITE_LOST, offset);
		return;
	}
	if (is_reset(engine, offset, value)) {
		begin_reset(engine);
		return;
	}
	pthread_mutex_lock(&engine->lock);
	write_locked(engine, offset, value);
	pthread_mutex_unlock(&engine->lock);
}

static uint64_t read_locked(const struct emul_engine *engine, unsigned offset)
{
	switch (offset) {
	case SISL_ENDIAN_CTRL:
		return engine->endian_ctrl;
	case SISL_INTR_MASK:
		return engine->intr_mask;
	case SISL_CTX_CTRL:
		return engine->ctx_ctrl;
	case SISL_RRQ_START:
		return engine->rrq_start;
	case SISL_RRQ_END:
		return engine->rrq_end;
	case SISL_SQ_START:
		return engine->sq_start;
	case SISL_SQ_END:
		return engine->sq_end;
	default: /* write-only or no register */
		return 0;
	}
}

static uint64_t read_alive(struct emul_engine *engine, unsigned offset)
{
	uint64_t value;

	switch (offset) {
	case SISL_INTR_STATUS:
		return atomic_load(&engine->intr_status);
	case SISL_CMD_ROOM:
		return engine->sq_mode ? 0 : engine->cmd_room - atomic_load(&engine->nr_arrin);
	case SISL_SQ_HEAD:
		return atomic_load(&engine->sq_head);
	case SISL_SQ_TAIL:
		return atomic_load(&engine->sq_tail);
	case SISL_IOARRIN:
	case SISL_SQ_CTX_RESET:
		return read_reset(engine);
	default:
		pthread_mutex_lock(&engine->lock);
		value = read_locked(engine, offset);
		pthread_mutex_unlock(&engine->lock);
		return value;
	}
}

uint64_t emul_regs_read(struct emul_engine *engine, unsigned offset)
{
	if (misaligned(engine, offset))
		return 0;
	if (emul_engine_alive(engine))
		return read_alive(engine, offset);
	atomic_store(&engine->lost_seen_by, (uint64_t)pthread_self());
	return SISL_ALL_ONES;
}
