/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/takeover/pending.h"

#include <errno.h>
#include <unistd.h>

/* In the unique of an INTERRUPT; the rest is that of the request to interrupt. Since Linux 4.20. */
#define INTERRUPT_BIT 1u

int pending_open(struct pending *pending, int slots_fd, int fuse_fd)
{
	*pending = (struct pending){ .fuse_fd = fuse_fd };
	return slot_region_map(&pending->region, slots_fd);
}

void pending_close(struct pending *pending)
{
	slot_region_fini(&pending->region);
}

static char *payload_of(const struct pending *pending, uint32_t slot)
{
	return pending->region.memory + slot * SLOT_BYTES + SLOT_FRONT_BYTES;
}

static struct slot_front *front_of(struct pending *pending, const struct pending_request *request)
{
	return slot_front(payload_of(pending, request->slot));
}

bool pending_next(const struct pending *pending, uint32_t *from, struct pending_request *request)
{
	for (uint32_t slot = *from; slot < pending->region.nr_slots; slot++) {
		const struct fuse_in_header *header = slot_header(payload_of(pending, slot));

		if (!header->len)
			continue;
		*request = (struct pending_request){
			.slot = slot,
			.opcode = header->opcode,
			.unique = header->unique,
			.inode = header->nodeid,
			.pid = header->pid,
			.is_damaged = !slot_has_request(header),
		};
		*from = slot + 1;
		return true;
	}
	return false;
}

bool pending_has_answer(const struct pending_request *request)
{
	switch (request->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_NOTIFY_REPLY:
		return false;
	default:
		return true;
	}
}

static int answer(int fd, uint64_t unique, int error)
{
	const struct fuse_out_header header = { sizeof(header), error, unique };

	return write(fd, &header, sizeof(header)) < 0 ? -errno : 0;
}

int pending_is_awaited(const struct pending *pending, const struct pending_request *request)
{
	int err = answer(pending->fuse_fd, request->unique | INTERRUPT_BIT, 0);

	return err == -ENOENT ? 0 : err ? err : 1;
}

void pending_clear(struct pending *pending, const struct pending_request *request)
{
	slot_header(payload_of(pending, request->slot))->len = 0;
}

int pending_answer(struct pending *pending, const struct pending_request *request, int error)
{
	int err = answer(pending->fuse_fd, request->unique, error);

	if (!err)
		pending_clear(pending, request);
	return err;
}

void pending_set_outcome(struct pending *pending, const struct pending_request *request,
			 const struct replica_outcome *outcome)
{
	front_of(pending, request)->outcome = outcome ? *outcome : (struct replica_outcome){ 0 };
}

uint64_t pending_blame(struct pending *pending, const struct pending_request *request,
		       bool is_guilty)
{
	struct slot_front *front = front_of(pending, request);

	if (front->suspect != request->unique) {
		front->suspect = request->unique;
		front->nr_deaths = 0;
	}
	if (is_guilty && front->executing == request->unique)
		front->nr_deaths++;
	front->executing = 0;
	return front->nr_deaths;
}
