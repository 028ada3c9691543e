/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devport table of the emulated adapter. The driver side implements open, ioctls and fd2; the
 * AFU side implements mappings, registers, execution and events.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul/afu/delay.h"
#include "emul/afu/engine.h"
#include "emul/afu/event.h"

struct emul_mapping {
	struct devport_mmio mmio;
	struct emul_engine *engine;
	void *area; /* a mapping of fd2's file, which keeps a reference to it */
	size_t bytes;
};

static struct emul_mapping *mapping_of(struct devport_mmio *mmio)
{
	return (struct emul_mapping *)mmio;
}

static struct emul_adapter *adapter_of(struct devport *dp)
{
	return ((struct emul_path *)dp)->ad;
}

static unsigned emul_max_handles(struct devport *dp)
{
	return emul_geometry(adapter_of(dp))->nr_handles;
}

static bool emul_is_synchronous(struct devport *dp)
{
	return !emul_delay_has_model(adapter_of(dp)->afu->delay);
}

/* The directory, and the targets of links in it. */
static void emul_each_file(struct devport *dp, devport_file_fn *fn, void *arg)
{
	struct emul_adapter *ad = adapter_of(dp);
	char name[16];

	fn(arg, ad->dir_fd);
	for (unsigned lun = 0; lun < emul_geometry(ad)->nr_luns; lun++) {
		int fd;

		snprintf(name, sizeof(name), "lun%u", lun);
		fd = openat(ad->dir_fd, name, O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;
		fn(arg, fd);
		close(fd);
	}
}

static int map_area(struct emul_mapping *mapping, int adap_fd, size_t bytes, unsigned pe)
{
	off_t offset = (off_t)pe * SISL_MMIO_BYTES;

	mapping->area = mmap(NULL, bytes, PROT_READ, MAP_SHARED, adap_fd, offset);
	if (mapping->area == MAP_FAILED)
		return -errno;
	mapping->bytes = bytes;
	return 0;
}

static int emul_map(struct devport *dp, int adap_fd, size_t bytes, struct devport_mmio **ret_mmio)
{
	struct emul_adapter *ad = adapter_of(dp);
	struct emul_mapping *mapping;
	uint64_t generation;
	unsigned pe;
	int ret = emul_fd2_check_map(ad, adap_fd, bytes, &pe, &generation);

	if (ret)
		return ret;
	mapping = calloc(1, sizeof(*mapping));
	if (!mapping)
		return -ENOMEM;
	mapping->mmio.ops = &devport_emul_ops;
	ret = emul_engine_get(ad->afu, pe, generation, &mapping->engine);
	if (ret)
		goto free_mapping;
	ret = map_area(mapping, adap_fd, bytes, pe);
	if (ret)
		goto put_engine;
	emul_fd2_mapped(ad, pe, generation);
	*ret_mmio = &mapping->mmio;
	return 0;

put_engine:
	emul_engine_put(mapping->engine);
free_mapping:
	free(mapping);
	return ret;
}

static void emul_unmap(struct devport_mmio *mmio)
{
	struct emul_mapping *mapping = mapping_of(mmio);
	struct emul_adapter *ad;
	uint64_t generation;
	unsigned pe;

	if (!mmio)
		return;
	ad = mapping->engine->ad;
	pe = mapping->engine->index;
	generation = mapping->engine->generation;
	emul_engine_put(mapping->engine);
	munmap(mapping->area, mapping->bytes);
	emul_fd2_unmapped(ad, pe, generation);
	free(mapping);
}

/* A child must not use the registers of an inherited mapping: they belong to its parent. */
static bool is_inherited(const struct emul_engine *engine, unsigned offset)
{
	if (__builtin_expect(!atomic_load_explicit(&engine->afu->dead, memory_order_relaxed), 1))
		return false;
	emul_audit_note(engine->ad, EMUL_MMIO_FOREIGN, (int)engine->index, offset);
	return true;
}

static uint64_t emul_read64(struct devport_mmio *mmio, unsigned offset)
{
	struct emul_engine *engine = mapping_of(mmio)->engine;

	return is_inherited(engine, offset) ? SISL_ALL_ONES : emul_regs_read(engine, offset);
}

static void emul_write64(struct devport_mmio *mmio, unsigned offset, uint64_t value)
{
	struct emul_engine *engine = mapping_of(mmio)->engine;

	if (!is_inherited(engine, offset))
		emul_regs_write(engine, offset, value);
}

static unsigned emul_run_queue(struct devport_mmio *mmio)
{
	struct emul_engine *engine = mapping_of(mmio)->engine;

	return atomic_load_explicit(&engine->afu->dead, memory_order_relaxed) ? 0
									      : emul_run(engine);
}

static void emul_add_pollers(struct devport *dp, int nr)
{
	emul_delay_add_pollers(adapter_of(dp)->afu->delay, nr);
}

static int emul_event_fd(struct devport_mmio *mmio)
{
	return mapping_of(mmio)->engine->events.program_fd;
}

static ssize_t emul_event_read(struct devport_mmio *mmio, void *buf, size_t bytes)
{
	struct emul_engine *engine = mapping_of(mmio)->engine;

	if (atomic_load(&engine->afu->dead))
		return -EIO;
	return emul_events_read(&engine->events, engine->index, buf, bytes);
}

const struct devport_ops devport_emul_ops = {
	.name = "emul",
	.open = emul_driver_open,
	.close = emul_driver_close,
	.each_file = emul_each_file,
	.ioctl = emul_driver_ioctl,
	.max_handles = emul_max_handles,
	.is_synchronous = emul_is_synchronous,
	.map = emul_map,
	.unmap = emul_unmap,
	.close_adap_fd = emul_driver_close_adap_fd,
	.read64 = emul_read64,
	.write64 = emul_write64,
	.run = emul_run_queue,
	.add_pollers = emul_add_pollers,
	.event_fd = emul_event_fd,
	.event_read = emul_event_read,
};
