/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts and events of a context.
 *
 * The program polls one end of a socket pair; it is readable while an event is pending. The device
 * end always holds one unread byte. When the context is closed, closing that end with an unread
 * byte makes the program's end report POLLERR, as fd2 of a closed context does.
 */
#include "emul/afu/event.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

int emul_events_init(struct emul_events *events)
{
	int fds[2], err;

	memset(events, 0, sizeof(*events));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	events->program_fd = fds[0];
	events->device_fd = fds[1];
	if (send(fds[0], "", 1, MSG_NOSIGNAL) != 1) {
		err = errno;
		close(fds[0]);
		close(fds[1]);
		return -err;
	}
	pthread_mutex_init(&events->lock, NULL);
	return 0;
}

void emul_events_fini(struct emul_events *events)
{
	close(events->program_fd);
	if (events->device_fd >= 0)
		close(events->device_fd);
	pthread_mutex_destroy(&events->lock);
}

/* Makes the program's end readable exactly while an event is pending. */
static void signal_locked(struct emul_events *events)
{
	bool pending = events->lisns || events->fault;
	char byte = 0;

	if (events->device_fd < 0 || pending == events->signalled)
		return;
	/* The socket holds at most one byte, so neither call can fail. */
	if (pending)
		(void)!send(events->device_fd, &byte, 1, MSG_NOSIGNAL);
	else
		(void)!recv(events->program_fd, &byte, 1, 0);
	events->signalled = pending;
}

void emul_events_raise(struct emul_events *events, unsigned lisn)
{
	if (lisn == SISL_LISN_NONE || lisn >= 32)
		return;
	pthread_mutex_lock(&events->lock);
	if (!events->closed)
		events->lisns |= 1u << lisn;
	signal_locked(events);
	pthread_mutex_unlock(&events->lock);
}

void emul_events_data_storage(struct emul_events *events, uint64_t addr)
{
	pthread_mutex_lock(&events->lock);
	if (!events->closed && !events->fault) {
		events->fault = true;
		events->fault_addr = addr;
	}
	signal_locked(events);
	pthread_mutex_unlock(&events->lock);
}

void emul_events_close(struct emul_events *events)
{
	pthread_mutex_lock(&events->lock);
	if (!events->closed) {
		events->closed = true;
		close(events->device_fd); /* the last copy: a forked child closes its own at once */
		events->device_fd = -1;
	}
	pthread_mutex_unlock(&events->lock);
}

static void take_interrupt_locked(struct emul_events *events, struct cxl_evt *evt)
{
	unsigned lisn = (unsigned)__builtin_ctz(events->lisns);

	events->lisns &= events->lisns - 1;
	evt->header.type = CXL_EVT_AFU_INTERRUPT;
	evt->header.size = sizeof(evt->header) + sizeof(evt->irq);
	evt->irq.irq = (uint16_t)lisn;
}

static void take_fault_locked(struct emul_events *events, struct cxl_evt *evt)
{
	events->fault = false;
	evt->header.type = CXL_EVT_DATA_STORAGE;
	evt->header.size = sizeof(evt->header) + sizeof(evt->fault);
	evt->fault.addr = events->fault_addr;
}

ssize_t emul_events_read(struct emul_events *events, unsigned pe, void *buf, size_t bytes)
{
	struct cxl_evt evt = { .header.process_element = (uint16_t)pe };
	ssize_t ret;

	if (bytes < CXL_EVENT_READ_MIN)
		return -EINVAL;
	pthread_mutex_lock(&events->lock);
	if (events->lisns)
		take_interrupt_locked(events, &evt);
	else if (events->fault)
		take_fault_locked(events, &evt);
	ret = evt.header.size ? evt.header.size : events->closed ? -EIO : -EAGAIN;
	signal_locked(events);
	pthread_mutex_unlock(&events->lock);
	if (ret > 0)
		memcpy(buf, &evt, (size_t)ret);
	return ret;
}
