/* SPDX-License-Identifier: Apache-2.0 */
/* cpus - the processors that programs can run on. */
#ifndef CXLFS_FUSE_TRANSPORT_CPUS_H
#define CXLFS_FUSE_TRANSPORT_CPUS_H

#include <stdbool.h>

/** cpus_usable() - return the number of processors that this process may run on; at least 1 */
unsigned cpus_usable(void);

/** cpus_is_online() - return true if programs can run on a processor */
bool cpus_is_online(unsigned number);

#endif
