/* SPDX-License-Identifier: Apache-2.0 */
/* Registers and events with mmap(2) and read(2). */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devport/kernel_mmio.h"
#include "devport/mmio_guard.h"

struct syscall_mmio {
	struct kernel_mmio mmio;
	volatile uint64_t *registers;
	size_t bytes;
	int adap_fd;
};

static struct syscall_mmio *syscall_of(struct kernel_mmio *mmio)
{
	return (struct syscall_mmio *)mmio;
}

/* Children must not inherit the mapping, because they could access our registers through it. */
static int syscall_map(int adap_fd, size_t bytes, struct kernel_mmio **ret_mmio)
{
	int rc = mmio_guard_install();
	struct syscall_mmio *mine;
	void *registers;

	if (rc)
		return rc;
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	registers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, adap_fd, 0);
	if (registers == MAP_FAILED) {
		rc = -errno;
		free(mine);
		return rc;
	}
	(void)madvise(registers, bytes, MADV_DONTFORK);
	mine->registers = registers;
	mine->bytes = bytes;
	mine->adap_fd = adap_fd;
	*ret_mmio = &mine->mmio;
	return 0;
}

static void syscall_unmap(struct kernel_mmio *mmio, bool inherited)
{
	struct syscall_mmio *mine = syscall_of(mmio);

	if (!inherited)
		(void)munmap((void *)(uintptr_t)mine->registers, mine->bytes);
	free(mine);
}

/*
 * Registers are big-endian. The barrier keeps later loads after this one: what the register says is
 * true of the memory that the device wrote before.
 */
static uint64_t syscall_read64(struct kernel_mmio *mmio, unsigned offset)
{
	uint64_t value = mmio_guard_read(&syscall_of(mmio)->registers[offset / sizeof(uint64_t)]);

	__sync_synchronize();
	return be64toh(value);
}

/*
 * The barrier makes earlier stores to queues and data visible to the device first. It is a full one
 * (sync on POWER), because a release (lwsync) does not order them before a store to a register.
 */
static void syscall_write64(struct kernel_mmio *mmio, unsigned offset, uint64_t value)
{
	__sync_synchronize();
	mmio_guard_write(&syscall_of(mmio)->registers[offset / sizeof(uint64_t)], htobe64(value));
}

static int syscall_event_fd(struct kernel_mmio *mmio)
{
	return syscall_of(mmio)->adap_fd;
}

static ssize_t syscall_event_read(struct kernel_mmio *mmio, void *buf, size_t bytes)
{
	ssize_t nr_read = read(syscall_of(mmio)->adap_fd, buf, bytes);

	return nr_read < 0 ? -errno : nr_read;
}

const struct kernel_access kernel_syscall = {
	.name = "system calls",
	.map = syscall_map,
	.unmap = syscall_unmap,
	.read64 = syscall_read64,
	.write64 = syscall_write64,
	.event_fd = syscall_event_fd,
	.event_read = syscall_event_read,
};
