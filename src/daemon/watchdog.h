/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog - tells systemd that a service works, if its unit has WatchdogSec=.
 *
 * The daemon and its standby both do, so that systemd ends the service only when neither answers.
 */
#ifndef CXLFS_DAEMON_WATCHDOG_H
#define CXLFS_DAEMON_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/** Of one thread. */
struct watchdog {
	uint64_t interval_ns; /* 0: nobody waits for messages */
	uint64_t next_ns;     /* clock_now_ns() of the next message */
};

/** watchdog_claim() - what systemd expects from this process, its children and successors may send
 * too. In main(), before any other thread starts. */
void watchdog_claim(void);

void watchdog_init(struct watchdog *ret_watchdog);

/** watchdog_is_due() - is it time for watchdog_tell()? */
bool watchdog_is_due(const struct watchdog *watchdog);

/** watchdog_timeout_ms() - the time until then, for poll(2); -1: never */
int watchdog_timeout_ms(const struct watchdog *watchdog);

/** watchdog_tell() - tell systemd that the service works */
void watchdog_tell(struct watchdog *watchdog);

#endif
