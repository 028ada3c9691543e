/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_mmio - ways to the registers and the events behind fd2 of the Linux driver.
 *
 *     kernel_libcxl    IBM's libcxl (kernel_libcxl.c), where the program was built with it
 *     kernel_syscall     mmap(2), read(2) (kernel_syscall.c), where libcxl is not there or refuses
 *
 * kernel.c tries them in this order for each context. Whichever it is, fd2 is never closed here:
 * when it may be is a matter between the driver and superpipe/context.c.
 */
#ifndef CXLFS_DEVPORT_KERNEL_MMIO_H
#define CXLFS_DEVPORT_KERNEL_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "devport/devport.h"

struct kernel_access;

/** A mapped context. A way embeds it as the first member of its own type; kernel.c fills it in. */
struct kernel_mmio {
	struct devport_mmio mmio;
	const struct kernel_access *access;
	pid_t owner; /* a forked child does not have the mapping, see unmap() */
};

struct kernel_access {
	const char *name; /* for people, as in "through NAME" */

	/**
	 * map() - map the registers, in a way that forked children do not inherit
	 * @adap_fd: fd2, non-blocking; borrowed until unmap()
	 * @bytes:   as the driver said
	 * Return: 0; -errno, and nothing is left.
	 */
	int (*map)(int adap_fd, size_t bytes, struct kernel_mmio **ret_mmio);

	/**
	 * unmap() - undo map()
	 * @inherited: by a forked child, where something else may be at the address by now; only
	 *             descriptors are to be closed
	 */
	void (*unmap)(struct kernel_mmio *mmio, bool inherited);

	/** As in struct devport_ops. */
	uint64_t (*read64)(struct kernel_mmio *mmio, unsigned offset);
	void (*write64)(struct kernel_mmio *mmio, unsigned offset, uint64_t value);
	int (*event_fd)(struct kernel_mmio *mmio);
	ssize_t (*event_read)(struct kernel_mmio *mmio, void *buf, size_t bytes);
};

extern const struct kernel_access kernel_syscall;
extern const struct kernel_access kernel_libcxl; /* only where HAVE_LIBCXL is defined */

#endif
