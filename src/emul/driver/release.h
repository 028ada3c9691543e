/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release - what the driver does when the last reference to an fd2 is dropped; see the table in
 * fd2.h. Private to fd2.c and release.c. All functions want the adapter lock.
 */
#ifndef CXLFS_EMUL_DRIVER_RELEASE_H
#define CXLFS_EMUL_DRIVER_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/adapter.h"

/* The kernel's own contexts come first. */
#define EMUL_FIRST_USER_PE 1

/** The process that dropped the last reference to an fd2; zeros when it is unknown. */
struct emul_closer {
	uint32_t tgid, parent;
	bool exiting; /* by ending, not by a close or unmap */
};

/** emul_pe_is_referenced() - true while a process has a descriptor or mapping of the PE's fd2 */
bool emul_pe_is_referenced(struct emul_adapter *ad, unsigned pe);

/**
 * emul_pe_is_busy() - true while an ioctl works on the PE's context
 * Its release has to wait: the ioctl still uses the context.
 */
bool emul_pe_is_busy(struct emul_adapter *ad, unsigned pe);

/** emul_pe_release_locked() - run the release handler of the PE's fd2 */
void emul_pe_release_locked(struct emul_adapter *ad, unsigned pe, const struct emul_closer *closer);

#endif
