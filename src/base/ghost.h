/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ghost - a process with the pid number of one that has died.
 *
 * The driver of the adapter recognizes the owner of a context by its pid number alone. A process
 * with the number of a dead owner can therefore use its contexts, and its child can clone them: see
 * superpipe/outlive.h.
 *
 * A number is free once the process has been waited for and no process group or session has it as
 * its id. So the owner must not be the leader of a session or process group in which others are
 * left when it dies.
 *
 * Needs CAP_CHECKPOINT_RESTORE (before Linux 5.9: CAP_SYS_ADMIN), and before Linux 5.5 a kernel
 * with CONFIG_CHECKPOINT_RESTORE.
 */
#ifndef CXLFS_BASE_GHOST_H
#define CXLFS_BASE_GHOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/explain.h"

/**
 * ghost_fork() - as fork(2), but the child has the pid @number
 *
 * May run no handlers of pthread_atfork(3). The caller must have one thread, no open devices
 * (devport.h), and no robust mutex locked. The ghost may start threads and fork.
 * Return: 0 in the ghost; @number in the caller, which must wait for the ghost; -EEXIST the number
 * is in use: try again; -EPERM no privilege; -ENOSYS the kernel cannot; -EAGAIN, -ENOMEM as fork.
 */
pid_t ghost_fork(pid_t number);

/**
 * ghost_is_possible() - make a ghost of a process that ends at once, to see whether that works
 *
 * @for_driver: the driver of the kernel is to take the ghost for the dead process
 * The caller must be as for ghost_fork(). May take some milliseconds.
 * Return: 0; -EOPNOTSUPP not in the initial pid namespace, where the driver sees other numbers;
 * others as ghost_fork(). Every failure is explained.
 */
int ghost_is_possible(bool for_driver, explain_fn explain, void *explain_arg);

#endif
