/* SPDX-License-Identifier: Apache-2.0 */
/* memory - how much memory this process may use. */
#ifndef CXLFS_BASE_MEMORY_H
#define CXLFS_BASE_MEMORY_H

#include <stdint.h>

/**
 * memory_limit_bytes() - return the memory of the machine, or less if a control group allows less
 * Looks at the groups of the process, version 1 and 2, where systemd mounts them.
 */
uint64_t memory_limit_bytes(void);

#endif
