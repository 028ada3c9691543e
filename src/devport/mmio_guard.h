/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio_guard - register accesses that survive the loss of the context.
 *
 * If the kernel closes a context, accesses to its mapping raise SIGBUS. The handler then replaces
 * the page by one of all ones, which is what a lost context reads as elsewhere, and the access
 * continues. The page stays until it is unmapped. Later loads see stores to it, as on the page that
 * the driver maps for lost contexts. Any other SIGBUS goes to the previous handler.
 */
#ifndef CXLFS_DEVPORT_MMIO_GUARD_H
#define CXLFS_DEVPORT_MMIO_GUARD_H

#include <stdint.h>

/** mmio_guard_install() - install the handler; further calls do nothing. Return: 0; -errno. */
int mmio_guard_install(void);

/**
 * mmio_guard_enter(), mmio_guard_leave() - guard an access inside a library function
 * @address: of the 64-bit register; a thread can guard one address at a time
 */
void mmio_guard_enter(const volatile uint64_t *address);
void mmio_guard_leave(void);

/** mmio_guard_read() - load 64 bits. No byte order, no barrier. */
uint64_t mmio_guard_read(const volatile uint64_t *address);

/** mmio_guard_write() - store 64 bits. */
void mmio_guard_write(volatile uint64_t *address, uint64_t value);

#endif
