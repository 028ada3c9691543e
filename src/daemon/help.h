/* SPDX-License-Identifier: Apache-2.0 */
/* help - what --help and --version print. */
#ifndef CXLFS_DAEMON_HELP_H
#define CXLFS_DAEMON_HELP_H

void help_print(void);
void help_print_version(void);

#endif
