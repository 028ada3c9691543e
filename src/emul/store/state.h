/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - initializes the volatile part of the shared state, and repairs it after a process has
 * died with the adapter lock in the middle of a change.
 */
#ifndef CXLFS_EMUL_STORE_STATE_H
#define CXLFS_EMUL_STORE_STATE_H

#include <stdbool.h>

#include "emul/store/shm.h"

/** emul_state_init() - set the state after power-on: LUNs in superpipe mode, no contexts */
void emul_state_init(struct emul_shm *shm);

/** emul_state_is_of_this_boot() - true if the state was initialized since this machine booted */
bool emul_state_is_of_this_boot(const struct emul_shm *shm);

/**
 * emul_state_check() - validate the state of an adapter without users
 * The caller has validated the head. After a reboot, checks only the parts that are kept.
 * Return: NULL; or the damaged part, such as "a LUN".
 */
const char *emul_state_check(struct emul_shm *shm);

/**
 * emul_state_prepare() - prepare a valid state for its first user
 * Clears the traces of processes that have ended, and repairs the state. After a reboot, sets the
 * state after power-on.
 * @file_fd: of the file that @shm maps
 */
void emul_state_prepare(struct emul_shm *shm, int file_fd);

/**
 * emul_state_repair() - recompute derived state
 * Computes chunk maps, clone counts, LUN users and the LXT heap from the handles. Handles are valid
 * at any time because of the order of their changes. Needs the adapter lock.
 */
void emul_state_repair(struct emul_shm *shm);

#endif
