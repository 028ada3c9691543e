/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd2 - process elements and their adapter fds: made, identified, and the last close noticed.
 *
 * An fd2 is a descriptor of the `mmio` file of its own open file description, which holds an
 * exclusive lock on the byte range of its PE. Copies by dup and fork and mappings all refer to
 * that description, so the lock disappears exactly when the kernel would call a driver's release
 * handler. The emulator queries the lock through another description: at once after a close or
 * unmap through this interface, otherwise at the next ioctl or housekeeping run. The file position
 * of the description encodes PE and generation.
 *
 *   last reference dropped by         context still attached       release handler does
 *   the owner, or the owner's end     yes                          1: detach all, free the PE
 *   a child of the living owner       yes                          2: nothing; all is leaked
 *   anybody else                      yes                          3: free the PE, context leaked
 *   anybody                           no (detached, recovered)     3: free the PE
 */
#ifndef CXLFS_EMUL_DRIVER_FD2_H
#define CXLFS_EMUL_DRIVER_FD2_H

#include <stdint.h>

#include "emul/adapter.h"

/**
 * emul_pe_new_locked() - a free PE with an fd2 for the calling process
 * @ctx: number of the context record it is for
 * Return: 0; -ENODEV no PE or no descriptor is free.
 */
int emul_pe_new_locked(struct emul_adapter *ad, unsigned ctx, unsigned *ret_pe, int *ret_fd);

/** emul_pe_disconnect_locked() - the PE's context is detached or recovered away */
void emul_pe_disconnect_locked(struct emul_adapter *ad, unsigned pe);

/** emul_pe_driver_close_locked() - close fd2 as a driver without APP_CLOSE_ADAP_FD does */
void emul_pe_driver_close_locked(struct emul_adapter *ad, unsigned pe, int fd);

/** emul_pe_reap_locked() - run the release handler of every fd2 whose last reference is gone */
void emul_pe_reap_locked(struct emul_adapter *ad);

/** emul_fd2_inherited() - in a forked child: note that it holds copies of the parent's fd2s */
void emul_fd2_inherited(struct emul_adapter *ad);

#endif
