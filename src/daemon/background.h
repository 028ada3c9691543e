/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background - forks the daemon. The parent waits until the daemon has started or failed.
 *
 * A superpipe context belongs to the process that attached it, so cxlfs forks before it attaches.
 * The parent's exit status tells the shell whether the start succeeded.
 */
#ifndef CXLFS_DAEMON_BACKGROUND_H
#define CXLFS_DAEMON_BACKGROUND_H

/**
 * background_fork() - continue in a child process
 * @ret_report_fd: pass it to background_ready()
 * Does not return in the parent, which waits and exits with the status of the start.
 * Return: 0 in the child; -errno if there is no child.
 */
int background_fork(int *ret_report_fd);

/**
 * background_ready() - report success to the parent and detach from the terminal
 * Closes @report_fd. Return: 0; -EPIPE if the parent was killed, so the daemon should exit.
 */
int background_ready(int report_fd);

/** background_detach() - detach from the terminal; another process reports */
void background_detach(void);

#endif
