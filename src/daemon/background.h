/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background - become a daemon whose parent stays until it is known whether the start succeeded.
 *
 * A superpipe context belongs to the process that attached it, so the fork comes first; errors of
 * what follows still reach the shell, for the parent waits for the verdict.
 */
#ifndef CXLFS_DAEMON_BACKGROUND_H
#define CXLFS_DAEMON_BACKGROUND_H

/**
 * background_fork() - go on in a child
 * @ret_report_fd: for background_ready()
 * The parent never returns: it exits with the child's verdict. Return: 0 in the child; -errno.
 */
int background_fork(int *ret_report_fd);

/**
 * background_ready() - all is well: let the parent go and leave the terminal
 * Return: 0; -EPIPE if the parent was killed: then the start is no longer wanted.
 */
int background_ready(int report_fd);

#endif
