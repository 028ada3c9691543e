/* SPDX-License-Identifier: Apache-2.0 */
/* standby_process - the main loop of the standby; see standby.h. */
#ifndef CXLFS_DAEMON_STANDBY_PROCESS_H
#define CXLFS_DAEMON_STANDBY_PROCESS_H

#include <sys/types.h>

#include "daemon/options.h"
#include "daemon/program.h"
#include "journal/journal.h"

struct standby_process_config {
	const struct options *options;
	const struct program *program;
	struct journal *journal;
	int report_fd; /* of background_fork(); -1: none */
};

/**
 * standby_process_run() - run the standby until the daemon, or its last successor, has ended
 * @daemon: a child of this process
 * @socket: to the daemon
 */
void __attribute__((noreturn))
standby_process_run(const struct standby_process_config *config, pid_t daemon, int socket);

#endif
