/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves the data of a batch and writes the IOASAs.
 *
 * Consecutive commands with the same LUN and direction that are contiguous on the medium become one
 * transfer, without copying. If a command in it fails, the ones before it have succeeded, and the
 * ones after it are executed again, one by one.
 */
#include "emul/afu/engine.h"

#include <errno.h>
#include <sys/uio.h>

#include "emul/afu/event.h"
#include "emul/afu/inject.h"
#include "emul/afu/status.h"
#include "emul/afu/translate.h"

/** One transfer, of the commands first .. next - 1 of the batch. */
struct media_io {
	unsigned first, next;
	uint8_t write, lun;
	uint64_t offset, next_offset; /* on the medium */
	uint64_t next_data;           /* in memory, end of the last iov, which has no length yet */
	int nr_iov;                   /* 0: no transfer */
	struct iovec iov[EMUL_BATCH];
};

/* The data buffer was longer than the transfer. */
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

/* Executes the commands after a failed one singly, so that each has its own result. */
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

/* The transfer failed after @done bytes. */
static __attribute__((noinline)) void end_partial(struct emul_batch *batch, unsigned i,
						  unsigned end, int err, uint64_t done)
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

static inline void end_iov(struct media_io *io)
{
	struct iovec *last = &io->iov[io->nr_iov - 1];

	last->iov_len = io->next_data - (uint64_t)(uintptr_t)last->iov_base;
}

static void submit_io(struct emul_batch *batch, struct media_io *io)
{
	uint64_t done;
	int err = 0;

	if (!io->nr_iov)
		return;
	end_iov(io);
	if (io->next_offset != io->offset)
		err = transfer(batch, io->first, io->iov, io->nr_iov, &done);
	if (__builtin_expect(err, 0)) {
		end_partial(batch, io->first, io->next, err, done);
	} else {
		const struct emul_command *end = batch->cmd + io->next;

		for (const struct emul_command *cmd = batch->cmd + io->first; cmd < end; cmd++)
			succeed(batch, cmd);
	}
	io->nr_iov = 0;
}

static inline void add_iov(struct media_io *io, uint64_t data)
{
	io->iov[io->nr_iov++].iov_base = (void *)(uintptr_t)data;
	io->next_data = data;
}

static void start_io(struct media_io *io, const struct emul_batch *batch, unsigned i)
{
	const struct emul_command *cmd = &batch->cmd[i];

	io->first = i;
	io->next = i + 1;
	io->write = cmd->write;
	io->lun = cmd->lun;
	io->offset = cmd->offset;
	io->next_offset = cmd->offset + cmd->bytes;
	add_iov(io, batch->ioarcb[i].data_ea);
	io->next_data += cmd->bytes;
}

static inline bool extend_io(struct media_io *io, const struct emul_batch *batch, unsigned i)
{
	const struct emul_command *cmd = &batch->cmd[i];
	uint64_t data = batch->ioarcb[i].data_ea;

	if (cmd->offset != io->next_offset || cmd->write != io->write || cmd->lun != io->lun ||
	    io->next != i)
		return false;
	if (data != io->next_data) {
		end_iov(io);
		add_iov(io, data);
	}
	io->next_data += cmd->bytes;
	io->next_offset += cmd->bytes;
	io->next++;
	return true;
}

static inline void add_to_io(struct emul_batch *batch, struct media_io *io, unsigned i)
{
	if (io->nr_iov && extend_io(io, batch, i))
		return;
	submit_io(batch, io);
	start_io(io, batch, i);
}

/* The timeout of the command was shorter than its latency. */
static bool expired(const struct emul_command *cmd, struct emul_status *status)
{
	if (!cmd->expired)
		return false;
	*status = emul_status_afu(SISL_AFU_RC_TIMED_OUT, 0);
	return true;
}

/* Return: true if data is to be moved; false if the command failed, is lost or is delayed. */
static bool translate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		      bool armed)
{
	struct emul_command *cmd = &batch->cmd[i];
	struct emul_status status;

	if (!expired(cmd, &status) && emul_xlate(batch, i, cache, &status) &&
	    (!armed || emul_inject_command(batch, i, cache, &status)))
		return true;
	cmd->bytes = 0;
	if (cmd->outcome == EMUL_OUTCOME_COMPLETE)
		emul_status_write(cmd->ioasa_ea, &status, batch->swap);
	return false;
}

void emul_batch_move(struct emul_batch *batch)
{
	const struct emul_fault_table *faults = &batch->engine->ad->shm->fault;
	bool armed = emul_fault_armed(faults, EMUL_FAULT_AT_READ) ||
		     emul_fault_armed(faults, EMUL_FAULT_AT_WRITE);
	struct emul_xlate_cache cache;
	struct media_io io;

	io.nr_iov = 0;
	emul_xlate_begin(batch->engine, &cache);
	for (unsigned i = 0, end; i < batch->nr; i = end) {
		end = i + 1;
		if (translate(batch, i, &cache, armed))
			add_to_io(batch, &io, i);
		if (armed || end >= batch->nr)
			continue;
		end = emul_xlate_run(batch, end, &cache);
		while (++i < end)
			add_to_io(batch, &io, i);
	}
	submit_io(batch, &io);
}
