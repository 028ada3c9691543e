/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies fault rules on the AFU side. Resets and failures need the adapter lock, so they wait for
 * the end of the batch. Commands before the one that was hit complete; it and later ones are lost.
 */
#include "emul/afu/inject.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "emul/afu/delay.h"
#include "emul/afu/event.h"
#include "emul/afu/status.h"
#include "emul/afu/translate.h"

/* Minimum time of an injected reset: long enough for an ioctl to notice it. */
#define RESET_MS 5

void emul_inject_global(struct emul_afu *afu, const struct emul_fault *fault)
{
	struct emul_fault_table *table = &afu->ad->shm->fault;

	switch (fault->action) {
	case EMUL_FAULT_RESET:
		emul_reset(afu->ad, fault->kind, RESET_MS);
		break;
	case EMUL_FAULT_FAIL:
		emul_fail(afu->ad);
		break;
	case EMUL_FAULT_LINK_DOWN:
	case EMUL_FAULT_LINK_UP:
		emul_fault_link(table, fault, clock_now_ns());
		break;
	case EMUL_FAULT_SPURIOUS_INTERRUPT:
		emul_afu_raise_spurious(afu);
		break;
	default:
		break;
	}
}

static void truncate_batch(struct emul_batch *batch, unsigned i, const struct emul_fault *fault)
{
	batch->reset = *fault;
	batch->nr = i;
}

static void delay_or_lose(struct emul_batch *batch, unsigned i, uint32_t ms)
{
	struct emul_command *cmd = &batch->cmd[i];

	cmd->faults_applied = true;
	cmd->outcome = EMUL_OUTCOME_DELAYED;
	if (!emul_delay_command(batch->engine->afu->delay, batch, i, ms))
		cmd->outcome = EMUL_OUTCOME_LOST; /* out of memory */
}

/* Return: true if the command is to be executed. */
static bool apply(struct emul_batch *batch, unsigned i, const struct emul_fault *fault,
		  struct emul_xlate_cache *cache, struct emul_status *status)
{
	struct emul_engine *engine = batch->engine;
	struct emul_command *cmd = &batch->cmd[i];

	switch (fault->action) {
	case EMUL_FAULT_RESET:
	case EMUL_FAULT_FAIL:
		truncate_batch(batch, i, fault);
		cmd->outcome = EMUL_OUTCOME_LOST;
		return false;
	case EMUL_FAULT_KILL:
		(void)kill(getpid(), SIGKILL);
		return false;
	case EMUL_FAULT_LOSE:
		cmd->outcome = EMUL_OUTCOME_LOST;
		return false;
	case EMUL_FAULT_LATE:
		delay_or_lose(batch, i, fault->ms);
		return false;
	case EMUL_FAULT_LINK_DOWN:
	case EMUL_FAULT_LINK_UP:
		emul_inject_global(engine->afu, fault);
		emul_xlate_begin(engine, cache);
		return true; /* takes effect with the next command */
	case EMUL_FAULT_SPURIOUS_INTERRUPT:
		emul_events_raise(&engine->events, SISL_LISN_RRQ);
		return true;
	default:
		*status = emul_status_fault(fault, cmd->write, cmd->bytes);
		return false;
	}
}

bool emul_inject_command(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
			 struct emul_status *status)
{
	struct emul_engine *engine = batch->engine;
	struct emul_command *cmd = &batch->cmd[i];
	struct emul_fault_event event = {
		.ctx = engine->index,
		.handle = batch->ioarcb[i].res_hndl,
		.lun = cmd->lun,
		.lba = cmd->lba,
		.media = cmd->offset >> engine->block_shift,
		.nr_blocks = cmd->bytes >> engine->block_shift,
	};
	struct emul_fault fault;

	if (cmd->faults_applied)
		return true;
	if (!emul_fault_take(&engine->ad->shm->fault,
			     cmd->write ? EMUL_FAULT_AT_WRITE : EMUL_FAULT_AT_READ, &event, &fault))
		return true;
	return apply(batch, i, &fault, cache, status);
}

bool emul_inject_interrupt(struct emul_batch *batch, unsigned lisn)
{
	struct emul_engine *engine = batch->engine;
	struct emul_fault_event event = { .ctx = engine->index, .handle = -1, .lun = -1 };
	struct emul_fault fault;

	if (!emul_fault_armed(&engine->ad->shm->fault, EMUL_FAULT_AT_INTERRUPT) ||
	    !emul_fault_take(&engine->ad->shm->fault, EMUL_FAULT_AT_INTERRUPT, &event, &fault))
		return true;
	switch (fault.action) {
	case EMUL_FAULT_DROP_INTERRUPT:
		return false;
	case EMUL_FAULT_LATE:
		/* dropped if out of memory */
		(void)emul_delay_interrupt(engine->afu->delay, engine, lisn, fault.ms);
		return false;
	case EMUL_FAULT_RESET:
	case EMUL_FAULT_FAIL:
		batch->reset = fault;
		return false;
	default:
		emul_inject_global(engine->afu, &fault);
		return true;
	}
}
