/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clone - a child process takes over the vLUNs of its parent.
 *
 * VLUN_CLONE gives the child's own context the parent's vLUNs, under the same handle numbers: the
 * same chunks, counted, not copied on write. Both sides see each other's writes until one of them
 * ends. Growth after the clone is private.
 *
 * Sound only for a context with one LUN and nothing but vLUNs; all else is refused here, for the
 * driver would corrupt its tables. The caller must be a direct child of the owner, who must be
 * alive, and the child's own context must not hold a handle yet.
 *
 * Two ways:
 *
 *   fork          the parent lets its ios end, keeps every other thread out of this layer, forks;
 *                 the child calls superpipe_takeover(), or superpipe_drop_after_fork() to
 *                 leave the vLUNs to the parent
 *   fork + exec   the parent hands superpipe_clone_export() and superpipe_vlun_export() of every
 *                 vLUN over; the new program calls superpipe_open(), superpipe_attach_clone(), and
 *                 superpipe_vlun_import() for every vLUN. fd2 is closed by the exec
 *
 * A parent that ends before the child does has to superpipe_close() first, or to stay until the
 * child has closed its copy of fd2, which takeover and disown do.
 */
#ifndef CXLFS_SUPERPIPE_CLONE_H
#define CXLFS_SUPERPIPE_CLONE_H

#include <stdint.h>

#include "superpipe/superpipe.h"

/** What a child has to know of its parent's context; plain values, fit for a pipe. */
struct superpipe_clone_source {
	uint64_t context_id;
	int32_t adap_fd; /* the number that fd2 has in the parent */
};

/** What it has to know of a vLUN. */
struct superpipe_vlun_source {
	uint32_t res_hndl;
	uint64_t nr_chunks;
};

/**
 * superpipe_clone_export() - describe the context for a child
 * The description is void after the next recovery; a child that gets -EINVAL asks for a new one.
 * Return: 0; -EOPNOTSUPP several LUNs, or physical handles, explained; -EIO the adapter has failed.
 */
int superpipe_clone_export(struct superpipe *sp, struct superpipe_clone_source *ret_source);

void superpipe_vlun_export(const struct superpipe_vlun *vlun,
			   struct superpipe_vlun_source *ret_source);

/**
 * superpipe_attach_clone() - superpipe_attach(), then clone the parent's vLUNs
 * Return: 0; -EINVAL not a child of the owner, or the source is another context by now; -EIO a
 * chunk has no room for one more owner, or the adapter has failed; -ENOMEM; others as
 * superpipe_attach(). Explained; nothing stays attached on failure.
 */
int superpipe_attach_clone(struct superpipe *sp, const struct superpipe_clone_source *source);

/**
 * superpipe_vlun_import() - a vLUN that came with the clone
 * Return: 0; -ENOMEM.
 */
int superpipe_vlun_import(struct superpipe *sp, const struct superpipe_vlun_source *source,
			  struct superpipe_vlun **ret_vlun);

/**
 * superpipe_takeover() - in a forked child: make the inherited @sp and its vLUNs the child's own
 *
 * Unmaps what was inherited, opens the devices anew, attaches, clones, closes the inherited fd2;
 * in this order. Every superpipe_vlun pointer stays valid.
 * Return: as superpipe_attach_clone(); -EOPNOTSUPP as superpipe_clone_export(). On failure the
 * inherited side is dropped all the same, and superpipe_close() is the only call left.
 */
int superpipe_takeover(struct superpipe *sp);

/** superpipe_drop_after_fork() - in a forked child that wants nothing of @sp: drop and free it. */
void superpipe_drop_after_fork(struct superpipe *sp);

#endif
