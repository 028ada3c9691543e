/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetch, execute, complete.
 *
 * A batch is a consecutive run of queued commands. Neighbours that move the same way between one
 * LUN and memory, and that continue each other on the medium, become one transfer; nothing is
 * copied for that, and a command that fails takes only itself down: the ones before it in the
 * transfer have succeeded and the ones behind are executed anew, one by one.
 */
#include "emul/afu_engine.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- memory of the program --------------------------------------------------------------- */

static bool page_exists(uint64_t page)
{
	char byte;
	struct iovec local = { &byte, 1 };
	struct iovec remote = { (void *)(uintptr_t)(page << 12), 1 };

	/* Where the kernel does not allow the look, nothing can be said against the page. */
	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 || errno != EFAULT;
}

static __attribute__((noinline)) bool
probe_pages(struct emul_engine *engine, uint64_t ea, uint64_t bytes)
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

static inline bool good_ioasa(struct emul_engine *engine, uint64_t ea)
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
	batch->era = engine->era;
	batch->epoch = engine->epoch & 1;
	batch->swap = engine->swap;
	batch->reset.action = EMUL_FAULT_NONE;
	engine->running[batch->epoch]++;
	return true;
}

void emul_batch_end_locked(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;

	if (--engine->running[batch->epoch] == 0)
		pthread_cond_broadcast(&engine->drained);
}

void emul_engine_drain(struct emul_engine *engine)
{
	unsigned old;

	pthread_mutex_lock(&engine->sync_lock);
	pthread_mutex_lock(&engine->lock);
	old = engine->epoch++ & 1;
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
 * A status area belongs to the device from doorbell to completion. One that shares its slot of the
 * table with another may go unnoticed; a program that reuses one too early does so more than once.
 */
static inline uint32_t *owned_slot(struct emul_engine *engine, uint64_t ioasa_ea, uint32_t *ret_key)
{
	*ret_key = (uint32_t)(ioasa_ea >> 4);
	return &engine->owned[(ioasa_ea >> 6) % EMUL_OWNED_SLOTS];
}

static inline void own(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = owned_slot(engine, ioasa_ea, &key);

	if (__builtin_expect(*slot == key, 0))
		emul_audit_note(engine->ad, EMUL_IOARCB_OVERLAP, (int)engine->index, ioasa_ea);
	*slot = key;
}

static inline void disown(struct emul_engine *engine, uint64_t ioasa_ea)
{
	uint32_t key, *slot = owned_slot(engine, ioasa_ea, &key);

	if (*slot == key)
		*slot = 0;
}

/* Settle where a command's completion goes. */
static bool prepare_command(struct emul_batch *batch, unsigned i, uint64_t ioarcb_ea)
{
	struct sisl_ioarcb *ioarcb = &batch->ioarcb[i];
	struct emul_command *cmd = &batch->cmd[i];

	if (__builtin_expect(batch->swap, 0))
		swap_ioarcb(ioarcb);
	cmd->ioasa_ea = ioarcb_ea ? ioarcb_ea + sizeof(*ioarcb) : ioarcb->ioasa_ea;
	cmd->tag = ioarcb_ea ? ioarcb_ea : cmd->ioasa_ea;
	cmd->bytes = 0;
	cmd->msi = ioarcb->msi;
	cmd->fate = EMUL_FATE_COMPLETE;
	cmd->exempt = false;
	cmd->expired = false;
	own(batch->engine, cmd->ioasa_ea);
	return good_ioasa(batch->engine, cmd->ioasa_ea);
}

static void bad_address(struct emul_engine *engine, uint64_t status_bit, uint64_t ea)
{
	emul_regs_error_locked(engine, status_bit);
	emul_audit_note(engine->ad, EMUL_BAD_ADDRESS, (int)engine->index, ea);
}

/* Take a contiguous piece of the submission ring. */
static void fetch_sq(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	const unsigned slot_bytes = sizeof(struct sisl_ioarcb);
	uint64_t head = atomic_load_explicit(&engine->sq_head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&engine->sq_tail, memory_order_relaxed);
	uint64_t end = head <= tail ? tail : engine->sq_end + slot_bytes;
	uint64_t nr = (end - head) / slot_bytes;

	batch->nr = nr < EMUL_BATCH ? (unsigned)nr : EMUL_BATCH;
	if (!batch->nr)
		return;
	memcpy(batch->ioarcb, (void *)(uintptr_t)head, (size_t)batch->nr * slot_bytes);
	for (unsigned i = 0; i < batch->nr; i++)
		if (__builtin_expect(!prepare_command(batch, i, 0), 0)) {
			bad_address(engine, SISL_ISTATUS_IOASA_WRITE, batch->cmd[i].ioasa_ea);
			batch->nr = i;
		}
	head += (uint64_t)batch->nr * slot_bytes;
	atomic_store_explicit(&engine->sq_head,
			      head > engine->sq_end ? engine->sq_start : head,
			      memory_order_relaxed);
}

static bool good_ioarcb(struct emul_engine *engine, uint64_t ea)
{
	return probe(engine, ea, sizeof(struct sisl_ioarcb) + sizeof(struct sisl_ioasa));
}

/* Take what has been written to ioarrin. */
static void fetch_arrin(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	uint32_t nr = atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed);

	batch->nr = 0;
	nr = nr < EMUL_BATCH ? nr : EMUL_BATCH;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t ea = engine->arrin[engine->arrin_first];

		if (!good_ioarcb(engine, ea)) {
			bad_address(engine, SISL_ISTATUS_IOARCB_READ, ea);
			break;
		}
		memcpy(&batch->ioarcb[i], (void *)(uintptr_t)ea, sizeof(batch->ioarcb[i]));
		(void)prepare_command(batch, i, ea);
		batch->nr++;
		if (++engine->arrin_first == engine->cmd_room)
			engine->arrin_first = 0;
	}
	atomic_fetch_sub_explicit(&engine->nr_arrin, batch->nr, memory_order_relaxed);
}

static inline bool work_waits(const struct emul_engine *engine)
{
	if (engine->sq_mode)
		return atomic_load_explicit(&engine->sq_head, memory_order_relaxed) !=
		       atomic_load_explicit(&engine->sq_tail, memory_order_relaxed);
	return atomic_load_explicit(&engine->nr_arrin, memory_order_relaxed) != 0;
}

/* More commands on their way than the RRQ can tell of: completions would overwrite each other. */
static void check_room_in_rrq(struct emul_engine *engine)
{
	uint64_t entries = (engine->rrq_end - engine->rrq_start) / sizeof(uint64_t) + 1;

	if (engine->nr_inflight > entries)
		emul_audit_note(engine->ad, EMUL_RRQ_OVERRUN, (int)engine->index,
				engine->nr_inflight);
}

/* Begin a batch with what is queued. */
static bool fetch(struct emul_batch *batch)
{
	struct emul_engine *engine = batch->engine;
	bool begun;

	pthread_mutex_lock(&engine->lock);
	begun = work_waits(engine) && emul_batch_begin_locked(batch);
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

/* ---- execute ----------------------------------------------------------------------------- */

/** Commands that go to the medium together: first .. first + nr - 1 of the batch. */
struct burst {
	unsigned first, nr;
	uint64_t bytes;
	int nr_iov;
	struct iovec iov[EMUL_BATCH];
};

static void succeed(const struct emul_batch *batch, const struct emul_command *cmd,
		    uint16_t req_flags)
{
	struct emul_status status = { .port = cmd->port };

	if (__builtin_expect(cmd->resid != 0, 0)) {
		status.resid = cmd->resid;
		if (!(req_flags & SISL_REQ_SUPPRESS_UNDERRUN)) {
			status.flags = SISL_IOASA_UNDERRUN;
			status.fc_rc = SISL_FC_RC_RESIDUAL;
		}
	}
	emul_status_write(cmd->ioasa_ea, &status, batch->swap);
}

static void fail(const struct emul_batch *batch, unsigned i, int err, uint64_t done)
{
	const struct emul_command *cmd = &batch->cmd[i];
	struct emul_status status = emul_status_media(err, cmd->write);

	status.port = cmd->port;
	if (err == -EFAULT) {
		uint64_t ea = batch->ioarcb[i].data_ea + done;

		emul_events_data_storage(&batch->engine->events, ea);
		emul_audit_note(batch->engine->ad, EMUL_BAD_ADDRESS, (int)batch->engine->index, ea);
	}
	emul_status_write(cmd->ioasa_ea, &status, batch->swap);
}

static int transfer(struct emul_batch *batch, unsigned first, struct iovec *iov, int nr_iov,
		    uint64_t *ret_done)
{
	const struct emul_command *cmd = &batch->cmd[first];
	struct emul_media *media;
	int err = 0;

	*ret_done = 0;
	media = emul_afu_media(batch->engine->afu, cmd->lun, &err);
	return media ? emul_media_transfer(media, cmd->write, iov, nr_iov, cmd->offset, ret_done) :
		       err;
}

/* Execute the commands behind a failed one singly, so that each has a result of its own. */
static void execute_singly(struct emul_batch *batch, unsigned first, unsigned nr)
{
	for (unsigned i = first; i < first + nr; i++) {
		struct iovec iov = { (void *)(uintptr_t)batch->ioarcb[i].data_ea,
				     batch->cmd[i].bytes };
		uint64_t done;
		int err = transfer(batch, i, &iov, 1, &done);

		if (err)
			fail(batch, i, err, done);
		else
			succeed(batch, &batch->cmd[i], batch->ioarcb[i].req_flags);
	}
}

static void flush(struct emul_batch *batch, struct burst *burst)
{
	uint64_t done = 0;
	int err = 0;
	unsigned i = burst->first, end = burst->first + burst->nr;

	if (!burst->nr)
		return;
	if (burst->bytes)
		err = transfer(batch, i, burst->iov, burst->nr_iov, &done);
	for (; i < end && (!err || done >= batch->cmd[i].bytes); i++) {
		done -= batch->cmd[i].bytes;
		succeed(batch, &batch->cmd[i], batch->ioarcb[i].req_flags);
	}
	if (__builtin_expect(i < end, 0)) {
		fail(batch, i, err, done);
		execute_singly(batch, i + 1, end - i - 1);
	}
	burst->nr = 0;
}

static void start_burst(struct burst *burst, const struct emul_batch *batch, unsigned i)
{
	burst->first = i;
	burst->nr = 1;
	burst->bytes = batch->cmd[i].bytes;
	burst->nr_iov = 1;
	burst->iov[0].iov_base = (void *)(uintptr_t)batch->ioarcb[i].data_ea;
	burst->iov[0].iov_len = batch->cmd[i].bytes;
}

static bool extend_burst(struct burst *burst, const struct emul_batch *batch, unsigned i)
{
	const struct emul_command *cmd = &batch->cmd[i], *head = &batch->cmd[burst->first];
	struct iovec *last = &burst->iov[burst->nr_iov - 1];
	char *data = (char *)(uintptr_t)batch->ioarcb[i].data_ea;

	if (cmd->offset != head->offset + burst->bytes || cmd->write != head->write ||
	    cmd->lun != head->lun || burst->first + burst->nr != i)
		return false;
	if ((char *)last->iov_base + last->iov_len == data)
		last->iov_len += cmd->bytes;
	else
		burst->iov[burst->nr_iov++] = (struct iovec){ data, cmd->bytes };
	burst->bytes += cmd->bytes;
	burst->nr++;
	return true;
}

/* A command whose time was over before it could end; the reset of the target has aborted it. */
static bool expired(const struct emul_command *cmd, struct emul_status *status)
{
	if (!cmd->expired)
		return false;
	*status = emul_status_afu(SISL_AFU_RC_TIMED_OUT, 0);
	return true;
}

static void execute(struct emul_batch *batch)
{
	const struct emul_fault_table *faults = &batch->engine->ad->shm->fault;
	bool armed = emul_fault_armed(faults, EMUL_FAULT_AT_READ) ||
		     emul_fault_armed(faults, EMUL_FAULT_AT_WRITE);
	struct emul_xlate_cache cache;
	struct emul_status status;
	struct burst burst;

	burst.nr = 0;
	emul_xlate_begin(batch->engine, &cache);
	for (unsigned i = 0; i < batch->nr; i++) {
		struct emul_command *cmd = &batch->cmd[i];

		bool good = !expired(cmd, &status) && emul_xlate(batch, i, &cache, &status) &&
			    (!armed || emul_inject_command(batch, i, &cache, &status));

		if (__builtin_expect(!good, 0)) {
			cmd->bytes = 0;
			if (cmd->fate == EMUL_FATE_COMPLETE)
				emul_status_write(cmd->ioasa_ea, &status, batch->swap);
			continue;
		}
		if (burst.nr && extend_burst(&burst, batch, i))
			continue;
		flush(batch, &burst);
		start_burst(&burst, batch, i);
	}
	flush(batch, &burst);
}

/* ---- complete ---------------------------------------------------------------------------- */

static void rrq_put_locked(struct emul_engine *engine, uint64_t tag)
{
	_Atomic uint64_t *entry = (_Atomic uint64_t *)(uintptr_t)engine->rrq_next;
	uint64_t value = tag | engine->rrq_toggle;

	if (__builtin_expect(engine->swap, 0))
		value = __builtin_bswap64(value);
	/* the IOASA and the data must be visible before this */
	atomic_store_explicit(entry, value, memory_order_release);
	engine->rrq_next += sizeof(value);
	if (engine->rrq_next > engine->rrq_end) {
		engine->rrq_next = engine->rrq_start;
		engine->rrq_toggle ^= SISL_RRQ_TOGGLE;
	}
}

/* A heavy sync began while the batch ran: the program gave up blocks that it was still using. */
static void audit_tail_io(const struct emul_batch *batch)
{
	for (unsigned i = 0; i < batch->nr; i++)
		if (batch->cmd[i].bytes && !emul_xlate_still_good(batch, i))
			emul_audit_note(batch->engine->ad, EMUL_TAIL_IO, (int)batch->engine->index,
					batch->cmd[i].lba);
}

/* Post what has completed. Return: number; *ret_lisns gets a bit for each interrupt asked for. */
static unsigned post_locked(struct emul_batch *batch, uint64_t *ret_lisns)
{
	struct emul_engine *engine = batch->engine;
	unsigned nr = 0;

	*ret_lisns = 0;
	if (batch->era != engine->era || engine->resetting || !emul_engine_alive(engine))
		return 0;
	if (!engine->rrq_next) {
		bad_address(engine, SISL_ISTATUS_RRQ_WRITE, 0);
		return 0;
	}
	for (unsigned i = 0; i < batch->nr; i++) {
		const struct emul_command *cmd = &batch->cmd[i];

		if (__builtin_expect(cmd->fate != EMUL_FATE_COMPLETE, 0))
			continue;
		disown(engine, cmd->ioasa_ea);
		rrq_put_locked(engine, cmd->tag);
		*ret_lisns |= 1ull << (cmd->msi & 63);
		nr++;
	}
	engine->nr_inflight -= nr;
	if (__builtin_expect((engine->epoch & 1) != batch->epoch, 0))
		audit_tail_io(batch);
	return nr;
}

static void interrupt(struct emul_batch *batch, uint64_t lisns)
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

	execute(batch);
	pthread_mutex_lock(&engine->lock);
	nr = post_locked(batch, &lisns);
	lisns &= ~1ull; /* LISN 0 is none */
	if (lisns && (batch->by_clock || engine->irq_all)) {
		pthread_mutex_unlock(&engine->lock);
		interrupt(batch, lisns);
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
	struct emul_clock *clock = engine->afu->clock;
	struct emul_batch batch; /* large: only what is used of it gets a value */
	unsigned nr = 0;

	if (!work_waits(engine))
		return 0;
	batch.engine = engine;
	batch.by_clock = false;
	while (fetch(&batch)) {
		if (emul_clock_models(clock))
			emul_clock_take(clock, &batch);
		else
			nr += emul_batch_execute(&batch);
	}
	return nr;
}
