/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delay - commands and interrupts that come later: by the latency model, or by a fault rule.
 *
 * With a latency model, a fetched command waits here. It is executed when it is due, so it uses the
 * tables of the moment at which a card would complete it.
 */
#ifndef CXLFS_EMUL_AFU_DELAY_H
#define CXLFS_EMUL_AFU_DELAY_H

#include "emul/afu/engine.h"

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

#endif
