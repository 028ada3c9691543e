/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - attach, recover and detach one context; the rules for closing fd2, the adapter fd.
 *
 * fd2 is closed in context.c and nowhere else: see the table at its top.
 *
 * The context of a session has one LUN. Several LUNs of an adapter can share a context (ATTACH with
 * REUSE_CONTEXT); superpipe_attach() does that for a moment, to see whether they are on one
 * adapter.
 *
 * Threads: @lock serialises the ioctls of a context, because the driver makes a second one spin
 * until the first is done. Only the reaper thread calls context_recover().
 */
#ifndef CXLFS_SUPERPIPE_CONTEXT_H
#define CXLFS_SUPERPIPE_CONTEXT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devport/devport.h"
#include "superpipe/superpipe.h"
#include "wire/cxlflash_abi.h"

struct context {
	/* Set before threads start. */
	const struct devport_ops *ops;
	unsigned nr_luns;
	pid_t opener; /* process that opened dp[]; a forked child must reopen them */
	struct devport *dp[SUPERPIPE_MAX_LUNS];
	char *names[SUPERPIPE_MAX_LUNS];
	struct superpipe_lun_info luns[SUPERPIPE_MAX_LUNS];
	struct explainer explainer;
	/* As in superpipe_options; for superpipe_send_contexts() and after each recovery. */
	int (*send_context)(void *arg, unsigned lun, const struct superpipe_context *context);
	void *send_context_arg;
	unsigned lun; /* of the volume; for @send_context */

	pthread_mutex_t lock;
	/* Protected by lock. */
	uint64_t id;         /* the driver's 64-bit context_id */
	uint64_t generation; /* changes whenever @id does */
	unsigned attached;   /* mask of LUNs */
	int adap_fd;         /* fd2, -1 for none */
	bool app_closes_fd;  /* we close fd2, not the driver (APP_CLOSE_ADAP_FD) */
	bool sq_mode;
	uint64_t mmio_bytes;
	struct devport_mmio *mmio; /* NULL while nothing is mapped */
};

/* ---- context_devices.c ---- */

/** context_init() - open the devices. Return: as superpipe_open(). */
int context_init(struct context *ctx, const char *const devices[], unsigned nr_devices,
		 const struct devport_ops *ops, explain_fn explain, void *explain_arg);

/** context_fini() - close every fd1. The context must be detached. Accepts all zeros. */
void context_fini(struct context *ctx);

/**
 * context_reopen_after_fork() - reopen the devices if the parent process opened them
 * Return: as superpipe_open(). After a failure call only context_fini().
 */
int context_reopen_after_fork(struct context *ctx);

/* ---- context.c ---- */

/** context_attach() - attach every LUN and map. Return: 0; -errno explained, nothing attached. */
int context_attach(struct context *ctx);

/** context_detach() - detach every LUN, unmap, close fd2, in the order the driver wants. */
void context_detach(struct context *ctx);

/**
 * context_recover() - ask the driver whether the context is still valid; replace it if not
 * @ret_renewed: the context has a new id, a new fd2 and a new mapping
 *
 * Context: may sleep while the adapter resets. No other thread may use the mapping.
 * Return: 0; -ENODEV the adapter has failed, or no process element is free. After any other error
 * call again: the next call also completes what this one left undone.
 */
int context_recover(struct context *ctx, bool *ret_renewed);

/**
 * context_renew() - as context_recover(), but without a mapping
 */
int context_renew(struct context *ctx, bool *ret_renewed);

/** context_send() - call @send_context. Return: what it returns; -EIO the context has failed. */
int context_send(struct context *ctx);

/** context_adopt() - in a proxy of the owner: use the context that the owner attached
 *  @adap_fd: becomes the context's */
void context_adopt(struct context *ctx, uint64_t id, int adap_fd);

/**
 * context_ioctl() - one ioctl on a context of one LUN
 * @id:             the context_id field in @arg; filled in here
 * @ret_generation: generation of the id that was used; may be NULL
 */
int context_ioctl(struct context *ctx, unsigned long request, void *arg, uint64_t *id,
		  uint64_t *ret_generation);

/**
 * context_is_lost() - true if the registers read all ones
 * Call it before an ioctl that ends in an AFU sync. If the adapter is frozen and the driver has not
 * noticed, the sync times out and the driver of Linux 6.1 gives up the adapter permanently.
 * RECOVER_AFU makes the driver notice.
 */
bool context_is_lost(struct context *ctx);

/** context_generation() - changes with every attach and recovery. */
uint64_t context_generation(struct context *ctx);

/**
 * context_drop_after_fork() - in a forked child: drop the inherited mapping
 * context_close_inherited_fd() - then close the inherited fd2, after VLUN_CLONE if one is made
 * @driver_closed: VLUN_CLONE has closed it, as drivers without APP_CLOSE_ADAP_FD do
 */
void context_drop_after_fork(struct context *ctx);
void context_close_inherited_fd(struct context *ctx, bool driver_closed);

#endif
