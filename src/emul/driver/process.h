/* SPDX-License-Identifier: Apache-2.0 */
/* process - whether a process, identified by pid and start time, still exists. */
#ifndef CXLFS_EMUL_DRIVER_PROCESS_H
#define CXLFS_EMUL_DRIVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/** process_start() - start time in clock ticks since boot; 0 if there is no such process */
uint64_t process_start(uint32_t pid);

/**
 * process_alive() - false if the process has ended, is a zombie or is exiting
 * @start: from process_start(), detects a reused pid; 0 accepts any
 */
bool process_alive(uint32_t pid, uint64_t start);

/**
 * process_gone() - true once a process has freed its memory and closed its descriptors
 * A process that is exiting is neither alive nor gone, and may still hold some.
 */
bool process_gone(uint32_t pid, uint64_t start);

#endif
