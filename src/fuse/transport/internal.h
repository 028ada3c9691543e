/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of transport/ only. */
#ifndef CXLFS_FUSE_TRANSPORT_INTERNAL_H
#define CXLFS_FUSE_TRANSPORT_INTERNAL_H

#include <linux/fuse.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "data/data.h"
#include "fuse/transport/transport.h"

struct dev_fuse;
struct idle_sched;
struct uring;

struct transport {
	struct transport_config config; /* set before threads start, as are the next four */
	bool wants_uring;
	struct fuse_session *session;
	struct slot_region region;
	struct slot_region ring_region; /* none: there are no rings */
	struct slot_pool *slots;

	/* Set while INIT is being served. */
	bool offers_uring; /* the kernel has FUSE over io_uring */
	_Atomic bool negotiated;
	_Atomic(struct uring *) uring; /* NULL: all requests come over /dev/fuse */
	struct idle_sched *idle_sched; /* may be NULL */
	struct transport_init init;

	_Atomic uint64_t alone; /* unique of a recovered request that is served alone; 0: none */

	pthread_mutex_t dev_fuse_lock;
	struct dev_fuse *dev_fuse; /* protected by dev_fuse_lock; NULL: it does not serve */

	struct account account;
	_Atomic unsigned poll_us; /* at first that of config */
	sem_t over;               /* posted by transport_end() */
	_Atomic int error;        /* of transport_end() */
};

/* Bytes of a file that a request reads or writes. Both requests have the size in one place. */
static inline size_t request_data_bytes(const struct fuse_in_header *header)
{
	const struct fuse_read_in *in = (const void *)(header + 1);

	return header->opcode == FUSE_READ || header->opcode == FUSE_WRITE ? in->size : 0;
}

/* ---- transport.c ---- */

/** transport_serve_init() - answer an INIT request */
void transport_serve_init(struct transport *transport, const struct fuse_buf *request);
/** transport_serve_request() - serve the request in a slot of /dev/fuse; it may be answered later
 */
void transport_serve_request(struct transport *transport, struct slot *slot);

/* ---- dev_fuse.c ---- */

/** dev_fuse_nr_slots() - return the number of slots that dev_fuse_serve() needs */
size_t dev_fuse_nr_slots(const struct transport_config *config);
/** dev_fuse_serve() - serve /dev/fuse until the session is over
 *  @started, @arg: as for transport_serve(). Return: 0; -ENOMEM; -EAGAIN; that of @started. */
int dev_fuse_serve(struct transport *transport, int (*started)(void *arg), void *arg);
/** dev_fuse_pause(), dev_fuse_resume() - as transport_pause() and transport_resume() */
int dev_fuse_pause(struct transport *transport, uint64_t deadline_ns);
void dev_fuse_resume(struct transport *transport);

/* ---- polling for completions, by the thread that owns the poller ---- */

struct poller {
	struct transport *transport;
	bool on;
};

static inline void poller_init(struct poller *poller, struct transport *transport)
{
	*poller = (struct poller){ .transport = transport };
}

static inline unsigned transport_poll_us(const struct transport *transport)
{
	return atomic_load_explicit(&transport->poll_us, memory_order_relaxed);
}

static inline void poller_start(struct poller *poller)
{
	const struct transport *transport = poller->transport;

	if (poller->on || transport->config.synchronous || !transport_poll_us(transport))
		return;
	poller->on = true;
	data_volume_start_polling(transport->config.volume);
}

static inline void poller_stop(struct poller *poller)
{
	if (!poller->on)
		return;
	poller->on = false;
	data_volume_stop_polling(poller->transport->config.volume);
}

/* Return: true if anything has completed. */
static inline bool poller_poll(struct poller *poller)
{
	return poller->on && data_volume_poll(poller->transport->config.volume);
}

#endif
