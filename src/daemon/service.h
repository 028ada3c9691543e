/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - the main process of a service whose volume outlives the daemon.
 *
 * systemd ends a service when its main process ends. With survive=crash the daemon and its standby
 * may each die, and the other goes on. So the process that systemd has started does nothing but
 * wait until both have ended.
 */
#ifndef CXLFS_DAEMON_SERVICE_H
#define CXLFS_DAEMON_SERVICE_H

/**
 * service_fork() - go on in a child, if this process is the main process of a service
 * Before any other thread starts. Does not return in the parent, which passes signals on and ends
 * as the last of its descendants does. Return: 0; -errno.
 */
int service_fork(void);

#endif
