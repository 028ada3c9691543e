/* SPDX-License-Identifier: Apache-2.0 */
/* process - is a process still the one that was seen before, and alive? */
#ifndef CXLFS_EMUL_DRIVER_PROCESS_H
#define CXLFS_EMUL_DRIVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/** process_start() - when a process started, in clock ticks since boot; 0 when there is none */
uint64_t process_start(uint32_t pid);

/**
 * process_alive() - false for one that has ended, is a zombie, or is on its way out
 * @start: from process_start(), tells a reused pid; 0 to accept any
 */
bool process_alive(uint32_t pid, uint64_t start);

/**
 * process_gone() - true once a process has let go of its memory and its descriptors
 * Between alive and gone it is on its way out and may still hold some.
 */
bool process_gone(uint32_t pid, uint64_t start);

#endif
