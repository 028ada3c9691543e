/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events - what the adapter fd has to say.
 */
#ifndef CXLFS_SUPERPIPE_EVENTS_H
#define CXLFS_SUPERPIPE_EVENTS_H

#include "devport/devport.h"

/* What was among the events read; a mask. */
enum events_seen {
	EVENTS_COMPLETION = 1 << 0, /* look at the RRQ */
	EVENTS_AFU_ERROR = 1 << 1,  /* look at intr_status */
	EVENTS_CLOSED = 1 << 2,     /* the context is gone */
};

/**
 * events_read() - take everything that is pending
 * @ret_nr_interrupts: AFU interrupts among it
 * Context: one thread at a time. Return: mask of enum events_seen.
 */
unsigned events_read(const struct devport_ops *ops, struct devport_mmio *mmio,
		     unsigned *ret_nr_interrupts);

#endif
