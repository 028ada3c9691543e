/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserve - free blocks that only privileged operations may take.
 *
 * An operation that must take no blocks of it holds the lock while it compares what it needs
 * with what is free and takes it. Others do not need the lock: what they take, they may take.
 */
#ifndef CXLFS_DATA_ALLOC_RESERVE_H
#define CXLFS_DATA_ALLOC_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/alloc/allocator.h"

/**
 * reserve_enter() - begin to take blocks
 * @keep: take no blocks of the reserve
 * Return: how many blocks may be taken before reserve_leave(); UINT64_MAX: as many as there are.
 */
uint64_t reserve_enter(struct allocator *alloc, bool keep);

/** reserve_leave() - call it when the blocks have been taken. @keep: as for reserve_enter(). */
void reserve_leave(struct allocator *alloc, bool keep);

/** reserve_headroom() - return what reserve_enter() would return now */
uint64_t reserve_headroom(struct allocator *alloc, bool keep);

#endif
