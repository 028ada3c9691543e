/* SPDX-License-Identifier: Apache-2.0 */
/* event - interrupts and events of a context, which its program reads. */
#ifndef CXLFS_EMUL_AFU_EVENT_H
#define CXLFS_EMUL_AFU_EVENT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct emul_events {
	pthread_mutex_t lock;
	/* protected by lock */
	uint32_t lisns; /* bit per pending LISN */
	bool fault;     /* data storage event pending */
	uint64_t fault_addr;
	bool closed;    /* the context is gone: after pending events, reads return -EIO */
	bool signalled; /* the socket holds a byte */
	/* constant */
	int program_fd; /* the program polls this end */
	int device_fd;  /* other end; -1 once closed (protected by lock) */
};

int emul_events_init(struct emul_events *events);
void emul_events_fini(struct emul_events *events);

/** emul_events_raise() - make a LISN pending */
void emul_events_raise(struct emul_events *events, unsigned lisn);

/** emul_events_data_storage() - make a data storage event pending */
void emul_events_data_storage(struct emul_events *events, uint64_t addr);

/** emul_events_close() - report the end of the context */
void emul_events_close(struct emul_events *events);

/** emul_events_read() - see devport event_read() */
ssize_t emul_events_read(struct emul_events *events, unsigned pe, void *buf, size_t bytes);

#endif
