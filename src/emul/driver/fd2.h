/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd2 - process elements (PEs) and their adapter descriptors (fd2).
 *
 * Each fd2 is a separate open file description of the `mmio` file. It holds an exclusive lock on
 * the byte range of its PE. Copies made by dup and fork, and mappings, share the description, so
 * the lock disappears exactly when the kernel would call a driver's release handler. The emulator
 * queries the lock through another description: at once after a close or unmap through this
 * interface, otherwise in the next ioctl or housekeeping run. The file position of the description
 * encodes the PE and its generation.
 *
 *   last reference dropped by         context still attached       release handler
 *   the owner, also by its exit       yes                          detaches all, frees the PE
 *   a child of the living owner       yes                          does nothing: both are leaked
 *   another process                   yes                          frees the PE, leaks the context
 *   any process                       no (detached, recovered)     frees the PE
 */
#ifndef CXLFS_EMUL_DRIVER_FD2_H
#define CXLFS_EMUL_DRIVER_FD2_H

#include <stdint.h>

#include "emul/adapter.h"

/**
 * emul_pe_new_locked() - allocate a PE and open an fd2 in the calling process
 * @ctx: number of its context record
 * Return: 0; -ENODEV no PE or no descriptor is free.
 */
int emul_pe_new_locked(struct emul_adapter *ad, unsigned ctx, unsigned *ret_pe, int *ret_fd);

/** emul_pe_disconnect_locked() - clear a PE's link to its context, and its permissions */
void emul_pe_disconnect_locked(struct emul_adapter *ad, unsigned pe);

/** emul_pe_driver_close_locked() - close fd2 as a driver without APP_CLOSE_ADAP_FD does */
void emul_pe_driver_close_locked(struct emul_adapter *ad, unsigned pe, int fd);

/** emul_pe_reap_locked() - run the release handler of every fd2 without a reference */
void emul_pe_reap_locked(struct emul_adapter *ad);

/** emul_fd2_end() - the process closes the adapter: record which fd2s it should have closed */
void emul_fd2_end(struct emul_adapter *ad);

/** emul_fd2_inherited() - in a forked child: record that it holds copies of the parent's fd2s */
void emul_fd2_inherited(struct emul_adapter *ad);

#endif
