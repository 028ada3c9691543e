/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "fuse/transport/idle_sched.h"
#include "fuse/transport/internal.h"
#include "fuse/transport/uring.h"
#include "fuse/transport/uring_abi.h"

/* ---- shared slots ---- */

static void keep_in_memory(struct slot_region *region)
{
	int err = slot_region_lock(region);

	if (err)
		log_debug(LOGC_FS, "buffers of requests may be swapped out: %s", strerror(-err));
}

static int share_slots(struct transport *transport)
{
	int err = slot_region_share(&transport->region, dev_fuse_nr_slots(&transport->config));

	if (!err)
		keep_in_memory(&transport->region);
	return err;
}

int transport_slots_fd(const struct transport *transport)
{
	return transport->region.memory ? transport->region.fd : -1;
}

int transport_adopt_slots(struct transport *transport, int fd)
{
	int err;

	slot_region_fini(&transport->region);
	err = slot_region_map(&transport->region, fd);
	if (!err)
		keep_in_memory(&transport->region);
	return err;
}

uint64_t transport_alone(const struct transport *transport)
{
	return atomic_load(&transport->alone);
}

/* ---- life ---- */

int transport_new(const struct transport_config *config, struct transport **ret_transport)
{
	struct transport *transport = calloc(1, sizeof(*transport));
	int err;

	if (!transport)
		return -ENOMEM;
	transport->config = *config;
	transport->poll_us = config->poll_us;
	err = config->share_slots ? share_slots(transport) : 0;
	if (err) {
		free(transport);
		return err;
	}
	account_init(&transport->account);
	sem_init(&transport->over, 0, 0);
	pthread_mutex_init(&transport->dev_fuse_lock, NULL);
	*ret_transport = transport;
	return 0;
}

void transport_free(struct transport *transport)
{
	if (!transport)
		return;
	uring_free(atomic_load(&transport->uring));
	idle_sched_free(transport->idle_sched);
	slot_region_fini(&transport->ring_region);
	slot_region_fini(&transport->region);
	pthread_mutex_destroy(&transport->dev_fuse_lock);
	sem_destroy(&transport->over);
	account_fini(&transport->account);
	free(transport);
}

/* ---- io_uring or not ---- */

void transport_set_session(struct transport *transport, struct fuse_session *session)
{
	transport->session = session;
}

int transport_use_uring(struct transport *transport, const struct fuse_custom_io *io)
{
	struct fuse_session *session = transport->session;
	int err = FS_HAVE_IO_URING ? fuse_session_custom_io(session, io, fuse_session_fd(session))
				   : -ENOTSUP;

	transport->wants_uring = !err;
	return err;
}

ssize_t transport_send(struct transport *transport, int fd, struct iovec *iov, int count)
{
	return uring_send(atomic_load(&transport->uring), fd, iov, count);
}

static void start_idle_sched(struct transport *transport)
{
	int err = transport->config.idle_sched ? idle_sched_new(&transport->idle_sched) : 0;

	if (err)
		log_debug(LOGC_FS, "threads do not run with SCHED_IDLE: %s", strerror(-err));
}

static bool start_uring(struct transport *transport)
{
	struct uring *uring = NULL;
	int err;

	if (!transport->wants_uring || !transport->offers_uring)
		return false;
	start_idle_sched(transport);
	err = uring_new(transport, &uring);
	if (err)
		log_warning("FUSE over io_uring cannot be used: %s", strerror(-err));
	atomic_store(&transport->uring, uring);
	return uring;
}

void transport_negotiate(struct transport *transport, struct fuse_conn_info *conn)
{
	if (conn->max_write > SLOT_PAYLOAD_BYTES)
		conn->max_write = SLOT_PAYLOAD_BYTES;
	log_info("requests come over %s", start_uring(transport) ? "io_uring" : "/dev/fuse");
	transport->negotiated = true;
}

/* ---- INIT ---- */

/* libfuse does not report the offer unless it uses rings of its own. */
static void note_offer(struct transport *transport, const struct fuse_in_header *header)
{
	const struct fuse_init_in *in = (const void *)(header + 1);

	transport->offers_uring = header->len >= sizeof(*header) + sizeof(*in) &&
				  in->flags & URING_ABI_INIT_EXTENDED &&
				  in->flags2 & URING_ABI_INIT2_RING;
}

static void note_init(struct transport *transport, const struct fuse_buf *request)
{
	struct transport_init *init = &transport->init;

	if (request->size > sizeof(init->bytes))
		return;
	init->nr_bytes = (uint32_t)request->size;
	memcpy(init->bytes, request->mem, request->size);
}

void transport_serve_init(struct transport *transport, const struct fuse_buf *request)
{
	note_offer(transport, request->mem);
	note_init(transport, request);
	fuse_session_process_buf(transport->session, request);
	if (!transport->negotiated)
		transport_end(transport, -ENOMEM); /* libfuse had no memory for the request */
	else if (fuse_session_exited(transport->session))
		transport_end(transport, -EPROTO);
}

void transport_serve_request(struct transport *transport, struct slot *slot)
{
	struct fuse_in_header *header = slot_header(slot->payload);
	const struct fuse_buf request = { .mem = header, .size = header->len };

	slot_begin(slot, &transport->account, header);
	if (header->opcode == FUSE_INIT)
		transport_serve_init(transport, &request);
	else
		fuse_session_process_buf(transport->session, &request);
	slot_end(slot);
}

const struct transport_init *transport_init_request(const struct transport *transport)
{
	return &transport->init;
}

int transport_replay_init(struct transport *transport, const struct transport_init *init)
{
	struct transport_init copy = *init;
	const struct fuse_buf request = { .mem = copy.bytes, .size = copy.nr_bytes };

	transport_serve_init(transport, &request);
	return transport->error;
}

bool transport_uses_uring(const struct transport *transport)
{
	return atomic_load_explicit(&transport->uring, memory_order_relaxed);
}

unsigned transport_get_poll_us(const struct transport *transport)
{
	return transport_poll_us(transport);
}

void transport_set_poll_us(struct transport *transport, unsigned poll_us)
{
	atomic_store(&transport->poll_us, poll_us);
}

struct account *transport_account(struct transport *transport)
{
	return &transport->account;
}

/* ---- serving ---- */

void transport_end(struct transport *transport, int err)
{
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&transport->error, &none, err);
	fuse_session_exit(transport->session);
	sem_post(&transport->over);
}

static int make_slots(struct transport *transport)
{
	size_t nr_of_rings = transport->wants_uring ? uring_nr_slots(transport) : 0;
	int err = 0;

	if (!transport->region.memory)
		err = slot_region_init(&transport->region, dev_fuse_nr_slots(&transport->config));

	/* Memory of another process's rings is there already. */
	if (!err && nr_of_rings && !transport->ring_region.memory)
		err = slot_region_share(&transport->ring_region, nr_of_rings);
	if (err)
		return err;
	transport->slots = slot_pool_new(&transport->region, transport->region.nr_slots);
	return transport->slots ? 0 : -ENOMEM;
}

struct starting {
	struct transport *transport;
	int (*started)(void *arg);
	void *arg;
};

/* Rings that exist before the session is served come from another process, which has answered INIT.
 */
static int start(void *arg)
{
	const struct starting *starting = arg;
	struct uring *uring = atomic_load(&starting->transport->uring);
	int err = starting->started ? starting->started(starting->arg) : 0;

	if (!err && uring)
		uring_open(uring);
	return err;
}

int transport_serve(struct transport *transport, int (*started)(void *arg),
		    void (*quiesce)(void *arg), void *arg)
{
	struct starting starting = { transport, started, arg };
	int err = make_slots(transport);

	if (!err)
		err = dev_fuse_serve(transport, start, &starting);
	/* Requests in progress need the rings for their answers, even if the session is over. */
	quiesce(arg);
	uring_free(atomic_exchange(&transport->uring, NULL));
	slot_pool_free(transport->slots);
	slot_region_fini(&transport->ring_region);
	slot_region_fini(&transport->region);
	return err ? err : transport->error;
}

int transport_pause(struct transport *transport, void (*ask)(void *arg), void *arg,
		    uint64_t deadline_ns)
{
	struct uring *uring = atomic_load(&transport->uring);
	int err = uring ? uring_pause(uring, ask, arg, deadline_ns) : 0;

	if (err)
		return err;
	err = dev_fuse_pause(transport, deadline_ns);
	if (err && uring)
		uring_resume(uring);
	return err;
}

void transport_resume(struct transport *transport)
{
	struct uring *uring = atomic_load(&transport->uring);

	dev_fuse_resume(transport);
	if (uring)
		uring_resume(uring);
}

/* ---- rings move to another process ---- */

int transport_get_rings(const struct transport *transport, struct transport_rings *ret_rings)
{
	const struct slot_region *region = &transport->ring_region;

	*ret_rings = (struct transport_rings){ .address = 0 };
	if (!transport_uses_uring(transport))
		return -1;
	*ret_rings = (struct transport_rings){
		.address = (uintptr_t)region->memory,
		.nr_slots = (uint32_t)region->nr_slots,
		.depth = transport->config.ring_depth,
	};
	return region->fd;
}

int transport_adopt_rings(struct transport *transport, const struct fuse_custom_io *io,
			  const struct transport_rings *rings, int fd)
{
	int err = slot_region_adopt(&transport->ring_region, rings->nr_slots,
				    (void *)(uintptr_t)rings->address, fd);

	if (err)
		return err;
	transport->config.ring_depth = rings->depth;
	if (uring_nr_slots(transport) != rings->nr_slots)
		return -EINVAL;
	return transport_use_uring(transport, io);
}
