/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state - the volatile part of the shared state: made as after power-on, and put right after the
 * holder of the adapter lock has died in the middle of a change.
 */
#ifndef CXLFS_EMUL_STORE_STATE_H
#define CXLFS_EMUL_STORE_STATE_H

#include <stdbool.h>

#include "emul/store/shm.h"

/** emul_state_init() - power on: lock, driver, LUNs in superpipe mode, no contexts */
void emul_state_init(struct emul_shm *shm);

/** emul_state_is_of_this_boot() - was the state made since this machine started? */
bool emul_state_is_of_this_boot(const struct emul_shm *shm);

/**
 * emul_state_check() - may the state of an adapter that nobody uses be used?
 * The head is good already. A state from before a reboot is looked at where it outlives the reboot.
 * Return: NULL; else what is damaged, as "a LUN".
 */
const char *emul_state_check(struct emul_shm *shm);

/**
 * emul_state_prepare() - make a checked state that nobody uses fit for its first user
 * Whoever held locks or was in the middle of something is gone. After a reboot it powers on.
 */
void emul_state_prepare(struct emul_shm *shm);

/**
 * emul_state_repair() - recompute what can be derived
 * Chunk maps, clone counts, LUN users and the LXT heap follow from the handles; the handles are
 * changed in an order that keeps each of them whole. Called with the adapter lock.
 */
void emul_state_repair(struct emul_shm *shm);

#endif
