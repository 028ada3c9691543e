/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio_guard - register accesses that survive the mapping's death.
 *
 * A mapping whose context was closed under it faults, and the kernel answers with SIGBUS. A guarded
 * access that meets this has the dead page replaced by one of all ones, which is what a lost
 * context reads as elsewhere, and goes on. The page stays so until it is unmapped; a store to it
 * is seen by later loads, as it is on the page that the driver gives to lost contexts. A SIGBUS
 * that comes from anything else goes to whoever handled it before.
 */
#ifndef CXLFS_DEVPORT_MMIO_GUARD_H
#define CXLFS_DEVPORT_MMIO_GUARD_H

#include <stdint.h>

/** mmio_guard_install() - take SIGBUS; repeated calls do nothing. Return: 0; -errno. */
int mmio_guard_install(void);

/**
 * mmio_guard_enter(), mmio_guard_leave() - guard an access that somebody else's function makes
 * @address: of the register, 64 bits wide; the calling thread guards no other one meanwhile
 */
void mmio_guard_enter(const volatile uint64_t *address);
void mmio_guard_leave(void);

/** mmio_guard_read() - one 64-bit load. No byte order, no barrier. */
uint64_t mmio_guard_read(const volatile uint64_t *address);

/** mmio_guard_write() - one 64-bit store. */
void mmio_guard_write(volatile uint64_t *address, uint64_t value);

#endif
