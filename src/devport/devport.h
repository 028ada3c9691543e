/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devport - the interface between the program and a CXL Flash adapter.
 *
 * A const table of operations, chosen at run time by the form of the device name:
 *
 *     emul:PATH[,option...]     the emulated adapter in the directory PATH  (src/emul)
 *     anything else             a SCSI disk or sg node of the Linux driver  (devport/kernel.c)
 *
 * The layers above cannot tell a card from the emulator. Command blocks, queues and data buffers
 * are ordinary memory for both, because the card accesses memory coherently.
 *
 * Errors: 0 (or a count) on success, -errno on failure.
 * Threads: every operation may be called from any thread of the process that opened the object,
 * unless its comment says otherwise. After fork(2) the child may only unmap, close and reopen.
 */
#ifndef CXLFS_DEVPORT_DEVPORT_H
#define CXLFS_DEVPORT_DEVPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/explain.h"

struct devport_ops;

/** One open LUN path ("fd1"); the first member of the type of an implementation. */
struct devport {
	const struct devport_ops *ops;
};

/** The mapped MMIO area of a context; the first member of the type of an implementation. */
struct devport_mmio {
	const struct devport_ops *ops;
};

/** Receives a descriptor, which it borrows; see devport_ops.each_file. */
typedef void devport_file_fn(void *arg, int fd);

struct devport_ops {
	const char *name; /* "emul" or "kernel" */

	/**
	 * open() - open a LUN path for reading and writing
	 * @device:  the whole device name as the user gave it; borrowed
	 * @explain: receives one sentence if the call fails; may be NULL
	 * @ret_dp:  owned by the caller; give it to @close
	 * Return: 0; -ENOENT, -EACCES, -ENOTDIR, -EINVAL (bad option, damaged adapter), -ENODEV ...
	 */
	int (*open)(const char *device, explain_fn explain, void *explain_arg,
		    struct devport **ret_dp);

	/** close() - close fd1. Contexts attached through it stay attached. Accepts NULL. */
	void (*close)(struct devport *dp);

	/**
	 * each_file() - call @fn for each file and directory that is used or may be opened again
	 * @fn: borrows the descriptor; of a directory everything in it is meant
	 */
	void (*each_file)(struct devport *dp, devport_file_fn *fn, void *arg);

	/**
	 * ioctl() - one DK_CXLFLASH ioctl
	 * @request: a DK_IOCTL_ number of wire/cxlflash_abi.h
	 * @arg:     the matching structure, in and out as the driver defines it
	 * May sleep for many seconds. Return: 0 or -errno as the driver gives it.
	 */
	int (*ioctl)(struct devport *dp, unsigned long request, void *arg);

	/**
	 * max_handles() - how many resource handles a context can hold
	 * No ioctl returns it. kernel.c derives it from the page size of the host.
	 */
	unsigned (*max_handles)(struct devport *dp);

	/** is_synchronous() - true if commands execute only inside run() */
	bool (*is_synchronous)(struct devport *dp);

	/**
	 * map() - map the MMIO area of a context
	 * @adap_fd: fd2 as ATTACH or RECOVER_AFU returned it; remains the caller's
	 * @bytes:   mmio_size as returned with it
	 * The mapping holds a reference on fd2's open file, exactly as mmap(2) does.
	 * Return: 0; -EIO not the owner or the context is gone; -EINVAL too large.
	 */
	int (*map)(struct devport *dp, int adap_fd, size_t bytes, struct devport_mmio **ret_mmio);

	/** unmap() - undo map(). In a forked child: drops the inherited mapping. Accepts NULL. */
	void (*unmap)(struct devport_mmio *mmio);

	/**
	 * close_adap_fd() - close fd2
	 * Does what close(2) does. The emulator notices the last close here.
	 */
	int (*close_adap_fd)(struct devport *dp, int adap_fd);

	/**
	 * read64() / write64() - access a register
	 * @offset: from enum sisl_reg
	 * Values are in host byte order; the implementation converts them. write64() orders all
	 * earlier stores of the calling thread before the register store. A lost context reads as
	 * all ones and ignores stores.
	 */
	uint64_t (*read64)(struct devport_mmio *mmio, unsigned offset);
	void (*write64)(struct devport_mmio *mmio, unsigned offset, uint64_t value);

	/**
	 * run() - let a synchronous device execute queued commands
	 * Call it without locks, after a doorbell and before reading the RRQ. Completions during
	 * the call need not interrupt, because the caller reads the RRQ afterwards.
	 * Does nothing on a card. Return: number of commands completed during the call.
	 */
	unsigned (*run)(struct devport_mmio *mmio);

	/**
	 * add_pollers() - change the number of threads that call run() repeatedly by @nr
	 * While there are any, the emulator may leave its work to them. Does nothing on a card.
	 */
	void (*add_pollers)(struct devport *dp, int nr);

	/**
	 * event_fd() - descriptor to poll(2) for POLLIN (events pending) and POLLERR (context gone)
	 * Owned by the implementation, valid until unmap(). On a card it is fd2 or a duplicate.
	 */
	int (*event_fd)(struct devport_mmio *mmio);

	/**
	 * event_read() - read pending events; never blocks
	 * @buf, @bytes: at least CXL_EVENT_READ_MIN bytes, aligned for struct cxl_evt
	 * Return: bytes of whole events; -EAGAIN none; -EIO the context was closed by a reset.
	 */
	ssize_t (*event_read)(struct devport_mmio *mmio, void *buf, size_t bytes);
};

/** devport_find() - return the implementation for a device name; never NULL. */
const struct devport_ops *devport_find(const char *device);

/**
 * devport_kernel_access() - return how the program accesses registers and events of a card, for
 * messages: "IBM libcxl" if it was built with it, else "system calls".
 */
const char *devport_kernel_access(void);

extern const struct devport_ops devport_emul_ops;   /* emul/port.c */
extern const struct devport_ops devport_kernel_ops; /* devport/kernel.c */

#endif
