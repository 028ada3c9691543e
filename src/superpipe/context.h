/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context - the life of one context: attach, recover, detach, and who closes fd2 when.
 *
 * Knows the ioctls that make and end a context and nothing of commands. context.c is headed by the
 * table of the rules.
 *
 * Threads: ioctls of one context are serialised by @lock, because the driver makes a second one
 * spin until the first is done. context_recover() and context_abandon() belong to the one thread
 * that recovers.
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
	pid_t opener; /* of dp[]: a child must open anew */
	struct devport *dp[SUPERPIPE_MAX_LUNS];
	char *names[SUPERPIPE_MAX_LUNS];
	struct superpipe_lun_info luns[SUPERPIPE_MAX_LUNS];
	struct explainer explainer;

	pthread_mutex_t lock;
	uint64_t id;            /* the cookie; protected by lock, as all that follows */
	uint64_t generation;    /* of the cookie: counts attach and recoveries */
	unsigned attached;      /* mask of LUNs */
	int adap_fd;            /* fd2, -1 for none */
	bool app_closes_fd;     /* closing fd2 is ours, not the driver's */
	bool sq_mode;
	uint64_t mmio_bytes;
	struct devport_mmio *mmio; /* NULL between losing one and mapping the next */
};

/** context_init() - open the devices. Return: as superpipe_open(). */
int context_init(struct context *ctx, const char *const devices[], unsigned nr_devices,
		 const struct devport_ops *ops, explain_fn explain, void *explain_arg);

/** context_fini() - close fd1s; the context must be detached. Accepts all zeros. */
void context_fini(struct context *ctx);

/**
 * context_reopen_after_fork() - open the devices anew if it was the parent who opened them
 * Return: as superpipe_open(); on failure the context is fit for context_fini() only.
 */
int context_reopen_after_fork(struct context *ctx);

/** context_attach() - attach every LUN and map. Return: 0; -errno explained, nothing attached. */
int context_attach(struct context *ctx);

/** context_detach() - detach every LUN, unmap, close fd2, in the order the driver wants. */
void context_detach(struct context *ctx);

/**
 * context_recover() - ask the driver whether the context is still good, and renew it if not
 * @ret_renewed: there is a new cookie, a new fd2 and a new mapping; the old ones are gone
 *
 * Context: may sleep as long as the adapter resets. Nobody may use the mapping meanwhile.
 * Return: 0; -ENODEV the adapter has failed, or there is no process element left; other errors
 * are worth another call, which also takes up what this one left undone.
 */
int context_recover(struct context *ctx, bool *ret_renewed);

/**
 * context_ioctl() - one ioctl through the fd1 of a LUN
 * @id:             where in @arg the cookie belongs; filled in here
 * @ret_generation: of the cookie that was used; may be NULL
 */
int context_ioctl(struct context *ctx, unsigned lun, unsigned long request, void *arg,
		  uint64_t *id, uint64_t *ret_generation);

/**
 * context_is_lost() - do the registers read all ones?
 * Call it before an ioctl that ends in an AFU sync: if the adapter is frozen and the driver has not
 * noticed, the sync is never answered, and the driver of Linux 6.1 then gives up the adapter for
 * good. RECOVER_AFU makes the driver notice.
 */
bool context_is_lost(struct context *ctx);

/** context_generation() - changes with every renewal. */
uint64_t context_generation(struct context *ctx);

/**
 * context_drop_after_fork() - in a forked child: drop the inherited mapping, which is not ours
 * context_close_inherited_fd() - then, after the clone if one is made: close the inherited fd2
 * @driver_closed: the clone has done it, as drivers without APP_CLOSE_ADAP_FD do
 */
void context_drop_after_fork(struct context *ctx);
void context_close_inherited_fd(struct context *ctx, bool driver_closed);

#endif
