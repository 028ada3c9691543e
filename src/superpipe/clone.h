/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone - a child process takes over the vLUNs of its parent.
 *
 * VLUN_CLONE gives a context of the child the parent's vLUNs under the same handle numbers. Both
 * share the chunks, without copy-on-write: each sees the other's writes. Growth after the clone is
 * private.
 *
 * Clones only contexts without a physical handle: for others the driver would corrupt its tables.
 * The caller must be a direct child of the owner, the owner must be alive, and the child's own
 * contexts must not hold a handle yet.
 *
 * Two ways:
 *
 *   fork          the parent waits for its ios, keeps other threads out of this layer, and forks;
 *                 the child calls superpipe_takeover(), or superpipe_drop_after_fork() to leave the
 *                 vLUNs to the parent
 *   fork + exec   the parent passes the results of superpipe_clone_export() and, for every vLUN,
 *                 superpipe_vlun_export() to the new program. That program calls superpipe_open(),
 *                 superpipe_attach_clone(), and superpipe_vlun_import() for every vLUN. The exec
 *                 closes fd2
 *
 * A parent that exits before the child must call superpipe_close() first, or wait until the child
 * has closed its copy of fd2: superpipe_takeover() and superpipe_drop_after_fork() do that.
 */
#ifndef CXLFS_SUPERPIPE_CLONE_H
#define CXLFS_SUPERPIPE_CLONE_H

#include <stdint.h>

#include "superpipe/superpipe.h"

/* Instead of a number of handles. If the driver refuses to clone, superpipe_attach_clone() succeeds
 * without handles, and superpipe_reconcile() fails if vLUNs were imported. */
#define SUPERPIPE_HANDLES_UNKNOWN UINT32_MAX

/** A context of the parent, as plain values that can be sent through a pipe. */
struct superpipe_clone_source {
	uint64_t context_id;
	int32_t adap_fd; /* the descriptor number of fd2 in the parent */
	/* Those to clone; 0: the driver refuses to clone such a context. A whole LUN has none: the
	 * child opens it itself. */
	uint32_t nr_handles;
};

/** One vLUN of the parent, as plain values. */
struct superpipe_vlun_source {
	uint32_t lun; /* of the volume */
	uint32_t res_hndl;
	uint64_t nr_chunks;
};

/**
 * superpipe_clone_export() - describe the contexts for a child
 * @ret_sources: room for one for each LUN
 * Recovers a context that was lost. The next recovery makes the description invalid; a child that
 * gets -EINVAL needs a new one. Return: 0; -EIO a context has failed.
 */
int superpipe_clone_export(struct superpipe *sp, struct superpipe_clone_source ret_sources[]);

void superpipe_vlun_export(const struct superpipe_vlun *vlun,
			   struct superpipe_vlun_source *ret_source);

/**
 * superpipe_attach_clone() - superpipe_attach(), then clone the parent's vLUNs, if it has any
 * @sources: one for each LUN, in the order of the parent
 * Return: 0; -EINVAL not a child of the owner, or the description is out of date; -EIO a chunk has
 * too many owners, or the adapter has failed; -ENOMEM; others as superpipe_attach(). Every failure
 * is explained and leaves nothing attached.
 */
int superpipe_attach_clone(struct superpipe *sp, const struct superpipe_clone_source sources[]);

/**
 * superpipe_vlun_import() - make a handle for a vLUN that superpipe_attach_clone() cloned
 * Return: 0; -ENOMEM; -EINVAL no such LUN.
 */
int superpipe_vlun_import(struct superpipe *sp, const struct superpipe_vlun_source *source,
			  struct superpipe_vlun **ret_vlun);

/**
 * superpipe_takeover() - in a forked child: make the inherited @sp and its vLUNs the child's own
 *
 * Unmaps the inherited mapping, reopens the devices, attaches, clones and closes the inherited fd2,
 * in this order. Every superpipe_vlun pointer stays valid.
 * Return: as superpipe_attach_clone(); -EOPNOTSUPP a physical handle, explained. After a failure
 * @sp holds nothing: call only superpipe_close().
 */
int superpipe_takeover(struct superpipe *sp);

/** superpipe_drop_after_fork() - in a forked child: free @sp and leave the vLUNs to the parent. */
void superpipe_drop_after_fork(struct superpipe *sp);

#endif
