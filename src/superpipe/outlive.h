/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outlive - the vLUNs of a process that was killed stay, and a successor takes them over.
 *
 * The driver destroys a context when its fd2 is closed for the last time, also by the end of its
 * owner. So another process, the standby, has duplicates. The driver recognizes the owner by its
 * pid number. So after the owner has died, a ghost, a process with the same number, can use the
 * contexts, and a child of the ghost can clone them:
 *
 *   owner      superpipe_lend() gives its contexts to the standby, and so does every recovery that
 *              replaces one
 *   standby    has them; when a new one comes, it closes the descriptor of the old one. When the
 *              owner has died it waits for it, then makes a ghost (base/ghost.h)
 *   ghost      superpipe_dead_recover(), because VLUN_CLONE refuses a context that was reset;
 *              then starts the successor as its child
 *   successor  superpipe_open(), superpipe_attach_clone(); superpipe_vlun_import() for every vLUN
 *              that is known; superpipe_reconcile(); superpipe_lend()
 *   ghost      superpipe_dead_detach(), and ends
 *   standby    closes the descriptors of the dead owner's contexts, then lets the successor serve
 *
 * Whoever closes fd2 for the last time before the DETACH either destroys the vLUNs (a process with
 * the number of the owner), or makes the driver lose track of them until the next boot (anybody
 * else). So the standby closes a descriptor only after superpipe_dead_detach() has succeeded, or
 * after it got a newer one. A successor that has lent its contexts and dies needs a ghost of its
 * own; one that dies before that takes its contexts with it, and a new ghost of the old owner
 * starts another one. A reset meanwhile makes the successor fail with -EINVAL: again a new ghost.
 *
 * A command that the dead process has given may be executed until superpipe_dead_detach() returns.
 *
 * Not possible, and refused: whole LUNs, because the driver would corrupt its tables; drivers that
 * close fd2 themselves. The vLUNs are lost if standby and owner die together, and if the owner dies
 * in the microseconds between the end of RECOVER_AFU and the call of @lend. The owner detaches a
 * context that fails permanently; the standby is not told, and the process element stays in use
 * until it closes the descriptor.
 */
#ifndef CXLFS_SUPERPIPE_OUTLIVE_H
#define CXLFS_SUPERPIPE_OUTLIVE_H

#include "base/explain.h"
#include "superpipe/clone.h"

/** A context of a process, with what keeps it. */
struct superpipe_context {
	struct superpipe_clone_source source; /* nr_handles is SUPERPIPE_HANDLES_UNKNOWN */
	int fd;                               /* fd2 */
};

/**
 * superpipe_lend() - call superpipe_options.lend for every context
 *
 * @lend sends the values and a duplicate of the descriptor, which it borrows, to the standby.
 * Recoveries call it too, in the reaper thread, from the attach on; calls for the same LUN come one
 * after the other, the newest context last. A lock of this layer is held meanwhile: it must not
 * call functions of this layer, and must soon return.
 * Return: 0; -EOPNOTSUPP see above, explained; -EIO a context has failed; the first error of @lend.
 */
int superpipe_lend(struct superpipe *sp);

/** The contexts of a dead process. */
struct superpipe_dead {
	const char *const *devices;         /* as for superpipe_open() */
	unsigned nr_luns;                   /* of @devices and @contexts */
	struct superpipe_context *contexts; /* with descriptors of the ghost */
	explain_fn explain;
	void *explain_arg;
	int (*lend)(void *arg, unsigned lun, const struct superpipe_context *context);
	void *lend_arg;
	const struct devport_ops *ops; /* NULL: devport_find() */
};

/**
 * superpipe_dead_recover() - in a ghost: replace contexts that a reset of the adapter has removed
 *
 * Updates dead->contexts, closes old descriptors, and calls @lend for each new context. May sleep
 * for seconds, until a reset has ended.
 * Return: 0; -EINVAL there is no such context (any more); others as superpipe_open(). Every failure
 * is explained.
 */
int superpipe_dead_recover(const struct superpipe_dead *dead);

/**
 * superpipe_dead_detach() - in a ghost: release the vLUNs and detach the contexts
 *
 * What successors have cloned stays. A context that does not exist any more counts as detached. The
 * driver notices a reset of the adapter first, which may take seconds; @lend is not called. If it
 * succeeds the descriptors in dead->contexts are closed and -1.
 * Return: 0; others as superpipe_open(); -errno of the driver. Every failure is explained; another
 * ghost may try again.
 */
int superpipe_dead_detach(const struct superpipe_dead *dead);

/**
 * superpipe_reconcile() - in a successor: make the vLUNs be what the caller knows
 *
 * After superpipe_vlun_import() of every vLUN that is known, before anything else. A vLUN that is
 * not known was opened by a dead process that had no time to say so: it is released. One that is
 * larger than known is made smaller. A vLUN that is gone or smaller than known is an error.
 * May sleep in ioctls, one for each possible handle.
 * Return: 0; -EINVAL superpipe_attach_clone() could not clone them; -EIO; both explained; -ENOMEM.
 */
int superpipe_reconcile(struct superpipe *sp);

#endif
