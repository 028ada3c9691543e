/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/events.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

/* Bounds the loop if a driver always has another event. */
#define MAX_READS 64

static unsigned parse_interrupt(unsigned lisn)
{
	switch (lisn) {
	case SISL_LISN_SYNC_ERROR:
		return EVENTS_AFU_ERROR;
	case SISL_LISN_RRQ:
		return EVENTS_COMPLETION;
	default:
		log_debug(LOGC_SUPERPIPE, "unknown interrupt %u", lisn);
		return 0;
	}
}

/* After a fault on a data address the command fails, so here it is only logged. */
static unsigned parse_event(const struct cxl_evt *event, unsigned *nr_interrupts)
{
	switch (event->header.type) {
	case CXL_EVT_AFU_INTERRUPT:
		++*nr_interrupts;
		return parse_interrupt(event->irq.irq);
	case CXL_EVT_DATA_STORAGE:
		log_debug(LOGC_SUPERPIPE, "the AFU cannot reach address %#llx, dsisr %#llx",
			  (unsigned long long)event->fault.addr,
			  (unsigned long long)event->fault.dsisr);
		return EVENTS_COMPLETION;
	case CXL_EVT_AFU_ERROR:
		log_debug(LOGC_SUPERPIPE, "AFU error %#llx",
			  (unsigned long long)event->afu_error.error);
		return EVENTS_AFU_ERROR;
	case CXL_EVT_RESERVED:
		return EVENTS_CLOSED;
	default:
		return 0;
	}
}

/* Today's drivers return one event for each read; their document allows several. */
static unsigned parse_events(const char *buf, size_t bytes, unsigned *nr_interrupts)
{
	unsigned seen = 0;

	while (bytes >= sizeof(struct cxl_evt_header)) {
		struct cxl_evt event = { .header.type = CXL_EVT_RESERVED };
		size_t size;

		memcpy(&event.header, buf, sizeof(event.header));
		size = event.header.size;
		/* Some drivers set no size in this header. */
		if (event.header.type == CXL_EVT_RESERVED)
			return seen | EVENTS_CLOSED;
		if (size < sizeof(struct cxl_evt_header) || size > bytes)
			break;
		memcpy(&event, buf, size < sizeof(event) ? size : sizeof(event));
		seen |= parse_event(&event, nr_interrupts);
		buf += size;
		bytes -= size;
	}
	return seen;
}

unsigned events_read(const struct devport_ops *ops, struct devport_mmio *mmio,
		     unsigned *ret_nr_interrupts)
{
	_Alignas(struct cxl_evt) char buf[CXL_EVENT_READ_MIN];
	unsigned seen = 0, nr_interrupts = 0;

	for (unsigned i = 0; i < MAX_READS; i++) {
		ssize_t bytes = ops->event_read(mmio, buf, sizeof(buf));

		if (bytes == -EINTR)
			continue;
		if (bytes == -EAGAIN || bytes == 0)
			break;
		if (bytes < 0) {
			seen |= EVENTS_CLOSED;
			break;
		}
		seen |= parse_events(buf, (size_t)bytes, &nr_interrupts);
		if (seen & EVENTS_CLOSED)
			break;
	}
	*ret_nr_interrupts = nr_interrupts;
	return seen;
}
