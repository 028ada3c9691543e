/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport - how requests arrive from the kernel and how answers leave.
 *
 * Workers read requests from /dev/fuse (worker.c). Where the kernel has FUSE over io_uring, a
 * ring for each processor takes them instead, and one more ring helps with large ones (uring.c,
 * ring.c); /dev/fuse then carries only INIT and requests without an answer.
 *
 * A request stays in a slot until it is answered (slot.h). A thread that serves requests never
 * waits for a command of the adapter: it takes the next request, and between requests it polls for
 * the completions of all commands.
 */
#ifndef CXLFS_FUSE_TRANSPORT_TRANSPORT_H
#define CXLFS_FUSE_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "fuse/transport/libfuse.h"
#include "fuse/transport/slot.h"

struct data_volume;
struct transport;

/** Of poll_us. */
#define TRANSPORT_MAX_POLL_US 1000000u

struct transport_config {
	struct data_volume *volume; /* polled for completions; borrowed */
	unsigned nr_workers;        /* for /dev/fuse; 0: one for each processor, at most 16 */
	unsigned ring_depth;        /* concurrent requests of each processor, over io_uring */
	unsigned poll_us;           /* how long a thread polls before it sleeps; 0: not at all */
	bool synchronous;           /* commands complete on the thread that submits them */
	bool idle_sched;            /* control the threads of rings: see idle_sched.h */
	bool share_slots; /* another process can find requests of this one: see pending.h */
};

/** The INIT request of the kernel. */
struct transport_init {
	uint32_t nr_bytes; /* 0: there was none, or it was too long */
	_Alignas(8) unsigned char bytes[256];
};

/** transport_new() - make a transport. Return: 0; -ENOMEM; -errno no memory can be shared. */
int transport_new(const struct transport_config *config, struct transport **ret_transport);
/** transport_free() - free a transport, after transport_serve(). Accepts NULL. */
void transport_free(struct transport *transport);

/** transport_set_session() - set the session to serve; call it first */
void transport_set_session(struct transport *transport, struct fuse_session *session);

/**
 * transport_use_uring() - use FUSE over io_uring if the kernel offers it
 * Once the session is mounted, before transport_serve().
 * @io: its writev must be transport_send()
 * Return: 0; -ENOTSUP this libfuse or this build cannot; -ENOMEM.
 */
int transport_use_uring(struct transport *transport, const struct fuse_custom_io *io);

/** transport_send() - send an answer; libfuse calls it instead of writev(2) */
ssize_t transport_send(struct transport *transport, int fd, struct iovec *iov, int count);

/**
 * transport_negotiate() - choose the transport; called while INIT is being served
 * Limits requests to the size of a slot.
 */
void transport_negotiate(struct transport *transport, struct fuse_conn_info *conn);

/** transport_uses_uring() - true if requests come over io_uring; after INIT */
bool transport_uses_uring(const struct transport *transport);

/** Rings that another process can take over, as plain values. */
struct transport_rings {
	uint64_t address; /* of their memory; 0: there are no rings */
	uint32_t nr_slots;
	uint32_t depth; /* of each */
};

/** transport_get_rings() - describe the rings; after INIT
 *  Return: the descriptor of their memory, borrowed; -1: there are none. */
int transport_get_rings(const struct transport *transport, struct transport_rings *ret_rings);

/**
 * transport_adopt_rings() - use the rings of another process; before transport_replay_init()
 * @fd: of their memory; taken also after a failure. Instead of transport_use_uring().
 * Return: 0; -EADDRINUSE the address is in use; -EINVAL the number of processors has changed;
 * -ENOTSUP; -errno.
 */
int transport_adopt_rings(struct transport *transport, const struct fuse_custom_io *io,
			  const struct transport_rings *rings, int fd);

/** transport_slots_fd() - return the memory of slots that are shared; before and during
 * transport_serve() Return: its descriptor, borrowed; -1: they are not shared. */
int transport_slots_fd(const struct transport *transport);

/**
 * transport_adopt_slots() - use the slots of a process that has died, with the requests in them
 * Before transport_serve(), which serves those requests first.
 * @fd: transport_slots_fd() there; taken also after a failure
 * Return: 0; -EINVAL it does not consist of slots; -errno.
 */
int transport_adopt_slots(struct transport *transport, int fd);

/** transport_alone() - tell which of those requests is being served; all others wait for it
 *  Any thread. Return: its unique; 0: none. */
uint64_t transport_alone(const struct transport *transport);

/** transport_init_request() - return the INIT request that started the session; after INIT */
const struct transport_init *transport_init_request(const struct transport *transport);

/**
 * transport_replay_init() - serve an INIT request that another process has answered
 * Once the session has its descriptor, before transport_serve(). The kernel refuses the second
 * answer, and libfuse ignores that.
 * Return: 0; -EPROTO libfuse rejects the request; -ENOMEM.
 */
int transport_replay_init(struct transport *transport, const struct transport_init *init);

/** transport_set_poll_us() - change config.poll_us. Any thread. */
void transport_set_poll_us(struct transport *transport, unsigned poll_us);
unsigned transport_get_poll_us(const struct transport *transport);

/** transport_account() - return the counts of requests; valid as long as @transport */
struct account *transport_account(struct transport *transport);

/**
 * transport_serve() - serve the mounted session until transport_end() or its end
 * @started: called when all threads exist and before any takes a request; an error ends serving;
 *           may be NULL
 * @quiesce: called when no more requests are taken; returns when all have been answered
 * @arg: of both
 * Return: 0; -ENOMEM; -EAGAIN no thread; -errno of the device or of @started; what transport_end()
 * was given.
 */
int transport_serve(struct transport *transport, int (*started)(void *arg),
		    void (*quiesce)(void *arg), void *arg);

/**
 * transport_pause() - take no more requests: they wait in the kernel until transport_resume()
 * Requests that were taken before are still under way when it returns, but none over io_uring. Any
 * thread that does not serve requests.
 * @ask, @arg: see uring_pause()
 * @deadline_ns: by clock_now_ns()
 * Return: 0; -ETIMEDOUT; -ENODEV nothing is served; as uring_pause(). After an error serving goes
 * on.
 */
int transport_pause(struct transport *transport, void (*ask)(void *arg), void *arg,
		    uint64_t deadline_ns);

/** transport_resume() - end transport_pause() */
void transport_resume(struct transport *transport);

/** transport_end() - make transport_serve() return @err, or 0. Any thread. */
void transport_end(struct transport *transport, int err);

#endif
