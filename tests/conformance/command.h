/* SPDX-License-Identifier: Apache-2.0 */
/* command - the least that it takes to run one AFU command at a time. */
#ifndef CXLFS_CONFORMANCE_COMMAND_H
#define CXLFS_CONFORMANCE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "devport/devport.h"
#include "wire/sisl.h"

struct queue;

/** queue_new() - set up the registers of a fresh mapping; 0 or -errno */
int queue_new(struct devport_mmio *mmio, bool sq_mode, struct queue **ret_queue);

/** queue_free() - after the mapping is gone, as the device may write until then */
void queue_free(struct queue *queue);

/**
 * queue_fill() - a correct one-command block for a read or write of 4 KiB
 * Return: the block, for the caller to spoil before queue_run().
 */
struct sisl_ioarcb *queue_fill(struct queue *queue, uint16_t ctx_id, uint32_t handle, bool write,
			       uint64_t lba, uint32_t block_bytes, void *data);

/**
 * queue_run() - run the block that queue_fill() gave
 * @ret_ioasa: what the device said
 * Return: 0; -ETIMEDOUT no completion came; -EIO the context is lost.
 */
int queue_run(struct queue *queue, struct sisl_ioasa *ret_ioasa);

#endif
