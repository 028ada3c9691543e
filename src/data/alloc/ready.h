/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ready - vLUNs of one chunk that wait for new files.
 *
 * Opening a vLUN and growing it takes two ioctls and a visit to the worker, longer than a small
 * file takes to write. While new files come in quick succession the worker makes them ahead, twice
 * as many each time there was none, but no more than a small share of what is free then. They count
 * as free: they go back as soon as anybody else needs the flash, or when no new file has come for
 * a while.
 */
#ifndef CXLFS_DATA_ALLOC_READY_H
#define CXLFS_DATA_ALLOC_READY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "data/volume.h"

/** ready_init() - empty. Context: before the worker starts. */
void ready_init(struct ready_pool *ready);

/** ready_fini() - close what there is. Sleeps in ioctls. Context: after the worker has ended. */
void ready_fini(struct ready_pool *ready);

/** ready_stop() - make no more of them; for the end, when there are no files */
void ready_stop(struct ready_pool *ready);

/**
 * ready_take() - one on a LUN that is not much fuller than others; it is the caller's then
 * Any thread; a file's lock may be held. Return: false: there is none.
 */
bool ready_take(struct data_volume *vol, struct ready_vlun *ret_vlun);

/**
 * ready_note() - a new file has got a vLUN of one chunk
 * @found: it was ready
 * Decides how many there should be, and asks the worker for them. Any thread; a file's lock may be
 * held.
 */
void ready_note(struct data_volume *vol, bool found);

/** ready_reclaim() - worker: close those on @lun. Return: whether there was any. */
bool ready_reclaim(struct data_volume *vol, unsigned lun);

/** ready_give_back() - worker: close all. Return: whether there was any. */
bool ready_give_back(struct data_volume *vol);

/**
 * ready_tidy() - worker: close all when no new file has come for @quiet_ns
 * Return: when to look again, by clock_now_ns(); UINT64_MAX: there is none.
 */
uint64_t ready_tidy(struct data_volume *vol, uint64_t quiet_ns);

#endif
