/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release - the driver's release handler of fd2; fd2.h has a table of what it does.
 * Private to fd2.c and release.c. All functions need the adapter lock.
 */
#ifndef CXLFS_EMUL_DRIVER_RELEASE_H
#define CXLFS_EMUL_DRIVER_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/adapter.h"

/* PE 0 is the driver's own context. */
#define EMUL_FIRST_USER_PE 1

/** The process that dropped the last reference to an fd2; zeros if unknown. */
struct emul_closer {
	uint32_t tgid, parent;
	bool exiting; /* it ended, instead of a close or unmap */
};

/** emul_pe_is_referenced() - true while a process has a descriptor or mapping of the PE's fd2 */
bool emul_pe_is_referenced(struct emul_adapter *ad, unsigned pe);

/**
 * emul_pe_is_busy() - true while an ioctl uses the PE's context
 * The release handler must not run meanwhile.
 */
bool emul_pe_is_busy(struct emul_adapter *ad, unsigned pe);

/** emul_pe_release_locked() - run the release handler of the PE's fd2 */
void emul_pe_release_locked(struct emul_adapter *ad, unsigned pe, const struct emul_closer *closer);

#endif
