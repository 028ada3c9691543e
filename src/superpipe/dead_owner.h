/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead_owner - use the contexts of a process that has died, and clone its vLUNs.
 *
 * The driver destroys a context when its fd2 is closed for the last time, and a process that dies
 * closes it. So another process, the standby, holds duplicates. The driver identifies the owner of
 * a context by its pid. After the owner has died, a proxy, which is a process with the same pid,
 * can use the contexts, and a child of the proxy can clone them:
 *
 *   owner      sends its contexts to the standby: superpipe_send_contexts(), and after each
 *              recovery that replaces a context
 *   standby    keeps them; when a newer one arrives, it closes the descriptor of the older one.
 *              When the owner has died, it reaps it and forks a proxy (base/fork_with_pid.h)
 *   proxy      superpipe_dead_owner_recover(), because VLUN_CLONE refuses a context that was
 *              reset; then starts the successor as its child
 *   successor  superpipe_open(), superpipe_attach_clone(); superpipe_vlun_import() for every known
 *              vLUN; superpipe_reconcile(); superpipe_send_contexts()
 *   proxy      superpipe_dead_owner_detach(), and exits
 *   standby    closes the descriptors of the dead owner's contexts, then lets the successor serve
 *
 * If fd2 is closed for the last time before the DETACH, the vLUNs are destroyed (if a process with
 * the pid of the owner closes it), or the driver loses track of them until the next boot (if any
 * other process does). So the standby closes a descriptor only after superpipe_dead_owner_detach()
 * has succeeded or a newer one has arrived. A successor that dies after it has sent its contexts
 * needs a proxy of its own. If it dies earlier, its contexts end with it, and a new proxy of the
 * old owner starts another successor. If the adapter is reset meanwhile, the successor fails with
 * -EINVAL, and a new proxy starts again.
 *
 * The adapter may still execute commands of the dead process until superpipe_dead_owner_detach()
 * returns.
 *
 * Whole LUNs are refused, because the driver would corrupt its tables; so are drivers that close
 * fd2 themselves. The vLUNs are lost if standby and owner die together, and if the owner dies in
 * the microseconds between the end of RECOVER_AFU and the call of @send_context. The owner detaches
 * a context that fails permanently without a message to the standby; the process element stays in
 * use until the standby closes its descriptor.
 */
#ifndef CXLFS_SUPERPIPE_DEAD_OWNER_H
#define CXLFS_SUPERPIPE_DEAD_OWNER_H

#include "base/explain.h"
#include "superpipe/clone.h"

/** A context of a process, and the descriptor that keeps it alive. */
struct superpipe_context {
	struct superpipe_clone_source source; /* nr_handles is SUPERPIPE_HANDLES_UNKNOWN */
	int fd;                               /* fd2 */
};

/**
 * superpipe_send_contexts() - call superpipe_options.send_context for every context
 *
 * @send_context sends the values and a duplicate of the descriptor, which it borrows, to the
 * standby. From the attach on, recoveries call it too, in the reaper thread. Calls for the same LUN
 * are serialized, the newest context last. The caller holds a lock of this layer: @send_context
 * must not call functions of this layer, and must return soon.
 * Return: 0; -EOPNOTSUPP see above, explained; -EIO a context has failed; the first error of
 * @send_context.
 */
int superpipe_send_contexts(struct superpipe *sp);

/** The contexts of a dead process. */
struct superpipe_dead_owner {
	const char *const *devices;         /* as for superpipe_open() */
	unsigned nr_luns;                   /* of @devices and @contexts */
	struct superpipe_context *contexts; /* with descriptors of the proxy */
	explain_fn explain;
	void *explain_arg;
	int (*send_context)(void *arg, unsigned lun, const struct superpipe_context *context);
	void *send_context_arg;
	const struct devport_ops *ops; /* NULL: devport_find() */
};

/**
 * superpipe_dead_owner_recover() - in a proxy: replace contexts that an adapter reset has removed
 *
 * Updates dead->contexts, closes old descriptors, and calls @send_context for each new context. May
 * sleep for seconds, until a reset has ended.
 * Return: 0; -EINVAL there is no such context (any more); others as superpipe_open(). Every failure
 * is explained.
 */
int superpipe_dead_owner_recover(const struct superpipe_dead_owner *dead);

/**
 * superpipe_dead_owner_detach() - in a proxy: release the vLUNs and detach the contexts
 *
 * Clones in successors stay. A context that no longer exists counts as detached. May sleep for
 * seconds, until the driver has noticed an adapter reset. Does not call @send_context. On success,
 * closes the descriptors in dead->contexts and sets them to -1.
 * Return: 0; others as superpipe_open(); -errno of the driver. Every failure is explained; another
 * proxy may try again.
 */
int superpipe_dead_owner_detach(const struct superpipe_dead_owner *dead);

/**
 * superpipe_reconcile() - in a successor: make the vLUNs match those that were imported
 *
 * Call it after superpipe_vlun_import() of every known vLUN, before anything else. It releases
 * unknown vLUNs, which the dead process opened but did not report any more, and shrinks vLUNs that
 * are larger than imported. A vLUN that is missing or smaller is an error.
 * May sleep in ioctls, one for each possible handle.
 * Return: 0; -EINVAL superpipe_attach_clone() could not clone them; -EIO; both explained; -ENOMEM.
 */
int superpipe_reconcile(struct superpipe *sp);

#endif
