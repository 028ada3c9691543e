/* SPDX-License-Identifier: Apache-2.0 */
/* cpus - how many processors there are. */
#ifndef CXLFS_FUSE_TRANSPORT_CPUS_H
#define CXLFS_FUSE_TRANSPORT_CPUS_H

#include <stdbool.h>

/** cpus_usable() - return the number of processors that this process may run on; at least 1 */
unsigned cpus_usable(void);

/** cpus_possible() - return the number that the kernel can ever have, with those not plugged in yet
 */
unsigned cpus_possible(void);

/** cpus_is_online() - return true if programs can run on a processor */
bool cpus_is_online(unsigned number);

/** cpus_count() - return how many numbers are in a list such as "0-3,8-11"; 0 for anything else */
unsigned cpus_count(const char *list);

#endif
