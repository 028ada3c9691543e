/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_with_pid - fork a process that has the pid of a dead one.
 *
 * The driver of the adapter identifies the owner of a context by its pid alone. A process with the
 * pid of a dead owner, its proxy, can therefore use the contexts of the owner, and a child of the
 * proxy can clone them: see superpipe/dead_owner.h.
 *
 * A pid is free once its process has been reaped and is not the id of a process group or session.
 * So the owner must not be the leader of a session or process group in which other processes remain
 * when it dies.
 *
 * Needs CAP_CHECKPOINT_RESTORE (before Linux 5.9: CAP_SYS_ADMIN), and before Linux 5.5 a kernel
 * with CONFIG_CHECKPOINT_RESTORE.
 */
#ifndef CXLFS_BASE_FORK_WITH_PID_H
#define CXLFS_BASE_FORK_WITH_PID_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/explain.h"

/**
 * fork_with_pid() - as fork(2), but the child has the pid @pid
 *
 * May skip the handlers of pthread_atfork(3). The caller must have one thread, no open devices
 * (devport.h), and no robust mutex locked. The child may start threads and fork.
 * Return: 0 in the child; @pid in the caller, which must wait for the child; -EEXIST the pid is in
 * use: try again; -EPERM no privilege; -ENOSYS the kernel does not support it; -EAGAIN, -ENOMEM as
 * fork(2).
 */
pid_t fork_with_pid(pid_t pid);

/**
 * fork_with_pid_check() - fork a child with the pid of a dead process, to see whether that works
 *
 * @for_driver: the kernel's driver must take the child for the dead process
 * The conditions are those of fork_with_pid(). May take some milliseconds.
 * Return: 0; -EOPNOTSUPP not in the initial pid namespace, where the driver sees other pids; others
 * as fork_with_pid(). Every failure is explained.
 */
int fork_with_pid_check(bool for_driver, explain_fn explain, void *explain_arg);

#endif
