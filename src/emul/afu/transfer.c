/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Move what the commands of a batch ask for, and say in their status areas how that went.
 *
 * Neighbours that move the same way between one LUN and memory, and that continue each other on the
 * medium, become one transfer; nothing is copied for that, and a command that fails takes only
 * itself down: the ones before it in the transfer have succeeded and the ones behind are executed
 * anew, one by one.
 */
#include "emul/afu/engine.h"

#include <errno.h>
#include <sys/uio.h>

/** Commands that go to the medium together: first .. next - 1 of the batch. */
struct burst {
	unsigned first, next;
	uint8_t write, lun;
	uint64_t offset, next_offset; /* on the medium */
	uint64_t next_data;           /* in memory, behind the last iov, which has no length yet */
	int nr_iov;                   /* 0: no burst */
	struct iovec iov[EMUL_BATCH];
};

/* A command that moved less than the program offered. */
static __attribute__((noinline)) void succeed_short(const struct emul_batch *batch,
						    const struct emul_command *cmd)
{
	uint16_t req_flags = batch->ioarcb[cmd - batch->cmd].req_flags;
	struct emul_status status = { .port = cmd->port, .resid = cmd->resid };

	if (!(req_flags & SISL_REQ_SUPPRESS_UNDERRUN)) {
		status.flags = SISL_IOASA_UNDERRUN;
		status.fc_rc = SISL_FC_RC_RESIDUAL;
	}
	emul_status_write(cmd->ioasa_ea, &status, batch->swap);
}

static inline void succeed(const struct emul_batch *batch, const struct emul_command *cmd)
{
	if (__builtin_expect(cmd->resid == 0, 1))
		*emul_status_at(cmd->ioasa_ea) = (struct emul_status){ .port = cmd->port };
	else
		succeed_short(batch, cmd);
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
	return media ? emul_media_transfer(media, cmd->write, iov, nr_iov, cmd->offset, ret_done)
		     : err;
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
			succeed(batch, &batch->cmd[i]);
	}
}

/* The medium stopped in the midst of a burst, after @done bytes. */
static __attribute__((noinline)) void end_short(struct emul_batch *batch, unsigned i, unsigned end,
						int err, uint64_t done)
{
	for (; i < end && done >= batch->cmd[i].bytes; i++) {
		done -= batch->cmd[i].bytes;
		succeed(batch, &batch->cmd[i]);
	}
	if (i < end) {
		fail(batch, i, err, done);
		execute_singly(batch, i + 1, end - i - 1);
	}
}

/* The last iov is as long as the burst goes on behind it. */
static inline void end_iov(struct burst *burst)
{
	struct iovec *last = &burst->iov[burst->nr_iov - 1];

	last->iov_len = burst->next_data - (uint64_t)(uintptr_t)last->iov_base;
}

static void flush(struct emul_batch *batch, struct burst *burst)
{
	uint64_t done;
	int err = 0;

	if (!burst->nr_iov)
		return;
	end_iov(burst);
	if (burst->next_offset != burst->offset)
		err = transfer(batch, burst->first, burst->iov, burst->nr_iov, &done);
	if (__builtin_expect(err, 0)) {
		end_short(batch, burst->first, burst->next, err, done);
	} else {
		const struct emul_command *end = batch->cmd + burst->next;

		for (const struct emul_command *cmd = batch->cmd + burst->first; cmd < end; cmd++)
			succeed(batch, cmd);
	}
	burst->nr_iov = 0;
}

static inline void add_iov(struct burst *burst, uint64_t data)
{
	burst->iov[burst->nr_iov++].iov_base = (void *)(uintptr_t)data;
	burst->next_data = data;
}

static void start_burst(struct burst *burst, const struct emul_batch *batch, unsigned i)
{
	const struct emul_command *cmd = &batch->cmd[i];

	burst->first = i;
	burst->next = i + 1;
	burst->write = cmd->write;
	burst->lun = cmd->lun;
	burst->offset = cmd->offset;
	burst->next_offset = cmd->offset + cmd->bytes;
	add_iov(burst, batch->ioarcb[i].data_ea);
	burst->next_data += cmd->bytes;
}

static inline bool extend_burst(struct burst *burst, const struct emul_batch *batch, unsigned i)
{
	const struct emul_command *cmd = &batch->cmd[i];
	uint64_t data = batch->ioarcb[i].data_ea;

	if (cmd->offset != burst->next_offset || cmd->write != burst->write ||
	    cmd->lun != burst->lun || burst->next != i)
		return false;
	if (data != burst->next_data) {
		end_iov(burst);
		add_iov(burst, data);
	}
	burst->next_data += cmd->bytes;
	burst->next_offset += cmd->bytes;
	burst->next++;
	return true;
}

static inline void add_to_burst(struct emul_batch *batch, struct burst *burst, unsigned i)
{
	if (burst->nr_iov && extend_burst(burst, batch, i))
		return;
	flush(batch, burst);
	start_burst(burst, batch, i);
}

/* A command whose time was over before it could end; the reset of the target has aborted it. */
static bool expired(const struct emul_command *cmd, struct emul_status *status)
{
	if (!cmd->expired)
		return false;
	*status = emul_status_afu(SISL_AFU_RC_TIMED_OUT, 0);
	return true;
}

/* Return: true when the command goes to the medium; else it has its status, or its fate. */
static bool translate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		      bool armed)
{
	struct emul_command *cmd = &batch->cmd[i];
	struct emul_status status;

	if (!expired(cmd, &status) && emul_xlate(batch, i, cache, &status) &&
	    (!armed || emul_inject_command(batch, i, cache, &status)))
		return true;
	cmd->bytes = 0;
	if (cmd->fate == EMUL_FATE_COMPLETE)
		emul_status_write(cmd->ioasa_ea, &status, batch->swap);
	return false;
}

void emul_batch_move(struct emul_batch *batch)
{
	const struct emul_fault_table *faults = &batch->engine->ad->shm->fault;
	bool armed = emul_fault_armed(faults, EMUL_FAULT_AT_READ) ||
		     emul_fault_armed(faults, EMUL_FAULT_AT_WRITE);
	struct emul_xlate_cache cache;
	struct burst burst;

	burst.nr_iov = 0;
	emul_xlate_begin(batch->engine, &cache);
	for (unsigned i = 0, end; i < batch->nr; i = end) {
		end = i + 1;
		if (translate(batch, i, &cache, armed))
			add_to_burst(batch, &burst, i);
		if (armed || end >= batch->nr)
			continue;
		end = emul_xlate_run(batch, end, &cache);
		while (++i < end)
			add_to_burst(batch, &burst, i);
	}
	flush(batch, &burst);
}
