/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latency - the latency model of an adapter: when a command completes.
 *
 * A command starts in the next free service slot of its LUN and direction (the rate limit) and is
 * due one latency later, plus or minus a sixteenth. Completions therefore come out of order, and
 * the rate does not depend on queue depth.
 *
 * Locks: struct emul_delay's lock protects the changing fields.
 */
#ifndef CXLFS_EMUL_AFU_LATENCY_H
#define CXLFS_EMUL_AFU_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/afu/engine.h"

struct latency {
	/* constant */
	uint64_t latency_ns[2]; /* read, write */
	uint64_t slot_ns[2];    /* between commands to one LUN; 0: no limit */
	/* protected by the lock of struct emul_delay */
	uint64_t next_slot_ns[EMUL_MAX_LUNS][2];
	uint64_t jitter; /* state of a generator */
};

void latency_init(struct latency *latency, const struct emul_geometry *geometry);

/** latency_is_set() - true if the adapter has a latency or a rate limit */
bool latency_is_set(const struct latency *latency);

/**
 * latency_due_ns() - when a command that is fetched at @now_ns completes
 * @cmd: translated; marked as expired if the timeout in @ioarcb comes first
 * Return: CLOCK_MONOTONIC, as @now_ns.
 */
uint64_t latency_due_ns(struct latency *latency, const struct sisl_ioarcb *ioarcb,
			struct emul_command *cmd, uint64_t now_ns);

#endif
