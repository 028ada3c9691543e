/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash - writes the last requests to the log when the daemon crashes.
 *
 * Then the process ends as it would without this, with a core dump if they are enabled.
 */
#ifndef CXLFS_DAEMON_CRASH_H
#define CXLFS_DAEMON_CRASH_H

struct account;

/** crash_prepare() - install the handlers; before the adapter installs its own */
void crash_prepare(void);

/** crash_set_account() - set where the requests are; NULL before that is freed */
void crash_set_account(struct account *account);

#endif
