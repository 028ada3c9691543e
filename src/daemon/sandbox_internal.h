/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_internal - the parts of the sandbox. */
#ifndef CXLFS_DAEMON_SANDBOX_INTERNAL_H
#define CXLFS_DAEMON_SANDBOX_INTERNAL_H

#include "superpipe/superpipe.h"

/* Sanitizers need more than the sandbox leaves. */
#ifdef CXLFS_SANITIZED
#define SANDBOX_IS_OFF 1
#else
#define SANDBOX_IS_OFF 0
#endif

/** sandbox_limit_files() - limit access to files with Landlock. Return: 0; -errno: the kernel
 * cannot. */
int sandbox_limit_files(struct superpipe *sp, const char *sockets);

#endif
