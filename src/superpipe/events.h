/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events - read and decode the events of the adapter fd (fd2).
 */
#ifndef CXLFS_SUPERPIPE_EVENTS_H
#define CXLFS_SUPERPIPE_EVENTS_H

#include "devport/devport.h"

/* The kinds of events that were read; a mask. */
enum events_seen {
	EVENTS_COMPLETION = 1 << 0, /* the RRQ may have entries */
	EVENTS_AFU_ERROR = 1 << 1,  /* intr_status says more */
	EVENTS_CLOSED = 1 << 2,     /* the context is gone */
};

/**
 * events_read() - read all pending events
 * @ret_nr_interrupts: number of AFU interrupts
 * Context: one thread at a time. Return: mask of enum events_seen.
 */
unsigned events_read(const struct devport_ops *ops, struct devport_mmio *mmio,
		     unsigned *ret_nr_interrupts);

#endif
