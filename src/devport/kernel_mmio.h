/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_mmio - access to the registers and events of a context of the Linux driver.
 *
 *     kernel_libcxl     IBM's libcxl (kernel_libcxl.c), if the program was built with it
 *     kernel_syscall    mmap(2) and read(2) (kernel_syscall.c), if libcxl is missing or fails
 *
 * kernel.c tries them in this order for each context. Neither closes fd2: superpipe/context.c does.
 */
#ifndef CXLFS_DEVPORT_KERNEL_MMIO_H
#define CXLFS_DEVPORT_KERNEL_MMIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "devport/devport.h"

struct kernel_access;

/** A mapped context; the first member of the type of an implementation. kernel.c fills it in. */
struct kernel_mmio {
	struct devport_mmio mmio;
	const struct kernel_access *access;
	pid_t owner; /* process that mapped it; a forked child does not inherit the mapping */
};

struct kernel_access {
	const char *name; /* for messages, as in "through NAME" */

	/**
	 * map() - map the registers so that forked children do not inherit the mapping
	 * @adap_fd: fd2, non-blocking; borrowed until unmap()
	 * @bytes:   mmio_size of the driver
	 * Return: 0; -errno, and nothing stays open.
	 */
	int (*map)(int adap_fd, size_t bytes, struct kernel_mmio **ret_mmio);

	/**
	 * unmap() - undo map()
	 * @inherited: called in a forked child: only close descriptors, because the child may have
	 *             mapped something else at this address
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
