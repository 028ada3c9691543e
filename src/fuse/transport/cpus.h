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

/** cpus_is_online() - return true if a processor is online, or if the kernel does not say */
bool cpus_is_online(unsigned number);

/** cpus_list_has() - return true if a number is in a list such as "0-3,8-11" */
bool cpus_list_has(const char *list, unsigned number);

/** cpus_count() - return how many numbers are in a list such as "0-3,8-11"; 0 for anything else */
unsigned cpus_count(const char *list);

#endif
