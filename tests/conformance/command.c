/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/command.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES         16
#define SECONDS_TO_WAIT 8 /* the AFU itself gives a command up after AFU_SECONDS */
#define AFU_SECONDS     5

struct queue {
	_Alignas(128) struct sisl_ioarcb ioarcb;
	struct sisl_ioasa ioasa; /* adjoins, as IOARRIN mode wants it */
	_Alignas(128) uint64_t rrq[ENTRIES];
	_Alignas(4096) struct sisl_ioarcb sq[ENTRIES];
	struct devport_mmio *mmio;
	bool sq_mode;
	unsigned rrq_next, sq_next;
	uint64_t toggle;
};

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void write_reg(struct queue *queue, unsigned offset, uint64_t value)
{
	queue->mmio->ops->write64(queue->mmio, offset, value);
}

static void program(struct queue *queue)
{
#if __BYTE_ORDER == __BIG_ENDIAN
	write_reg(queue, SISL_ENDIAN_CTRL, SISL_ENDIAN_BIG);
#else
	write_reg(queue, SISL_ENDIAN_CTRL, SISL_ENDIAN_LITTLE);
#endif
	write_reg(queue, SISL_RRQ_START, address(&queue->rrq[0]));
	write_reg(queue, SISL_RRQ_END, address(&queue->rrq[ENTRIES - 1]));
	if (queue->sq_mode) {
		write_reg(queue, SISL_SQ_START, address(&queue->sq[0]));
		write_reg(queue, SISL_SQ_END, address(&queue->sq[ENTRIES - 1]));
	}
	write_reg(queue, SISL_CTX_CTRL, SISL_LISN_SYNC_ERROR);
	write_reg(queue, SISL_INTR_MASK, ~SISL_ISTATUS_MASK);
}

int queue_new(struct devport_mmio *mmio, bool sq_mode, struct queue **ret_queue)
{
	struct queue *queue = aligned_alloc(4096, (sizeof(*queue) + 4095) / 4096 * 4096);

	if (!queue)
		return -ENOMEM;
	memset(queue, 0, sizeof(*queue));
	queue->mmio = mmio;
	queue->sq_mode = sq_mode;
	queue->toggle = SISL_RRQ_TOGGLE;
	program(queue);
	*ret_queue = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	free(queue);
}

static void put_be(uint8_t *to, uint64_t value, unsigned bytes)
{
	while (bytes--) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

struct sisl_ioarcb *queue_fill(struct queue *queue, uint16_t ctx_id, uint32_t handle, bool write,
			       uint64_t lba, uint32_t block_bytes, void *data)
{
	uint32_t per_lba = SISL_LBA_BYTES / block_bytes;
	struct sisl_ioarcb *ioarcb = &queue->ioarcb;

	memset(ioarcb, 0, sizeof(*ioarcb));
	memset(&queue->ioasa, 0, sizeof(queue->ioasa));
	ioarcb->ctx_id = ctx_id;
	ioarcb->req_flags = SISL_REQ_RES_HNDL | (write ? SISL_REQ_HOST_WRITE : 0);
	ioarcb->res_hndl = handle;
	ioarcb->data_len = SISL_LBA_BYTES;
	ioarcb->data_ea = address(data);
	ioarcb->timeout = AFU_SECONDS;
	ioarcb->cdb[0] = write ? SISL_CDB_WRITE_16 : SISL_CDB_READ_16;
	put_be(&ioarcb->cdb[2], lba * per_lba, 8);
	put_be(&ioarcb->cdb[10], per_lba, 4);
	if (queue->sq_mode)
		ioarcb->ioasa_ea = address(&queue->ioasa);
	return ioarcb;
}

static void ring(struct queue *queue)
{
	if (!queue->sq_mode) {
		write_reg(queue, SISL_IOARRIN, address(&queue->ioarcb));
		return;
	}
	queue->sq[queue->sq_next] = queue->ioarcb;
	queue->sq_next = (queue->sq_next + 1) % ENTRIES;
	write_reg(queue, SISL_SQ_TAIL, address(&queue->sq[queue->sq_next]));
}

/** Take the next completion; false when there is none. */
static bool reap(struct queue *queue)
{
	uint64_t entry = __atomic_load_n(&queue->rrq[queue->rrq_next], __ATOMIC_ACQUIRE);

	if ((entry & SISL_RRQ_TOGGLE) != queue->toggle)
		return false;
	if (++queue->rrq_next == ENTRIES) {
		queue->rrq_next = 0;
		queue->toggle ^= SISL_RRQ_TOGGLE;
	}
	return true;
}

int queue_run(struct queue *queue, struct sisl_ioasa *ret_ioasa)
{
	time_t end = time(NULL) + SECONDS_TO_WAIT;

	ring(queue);
	while (queue->mmio->ops->run(queue->mmio), !reap(queue)) {
		if (queue->mmio->ops->read64(queue->mmio, SISL_INTR_STATUS) == SISL_ALL_ONES)
			return -EIO;
		if (time(NULL) > end)
			return -ETIMEDOUT;
		usleep(100);
	}
	*ret_ioasa = queue->ioasa;
	return 0;
}
