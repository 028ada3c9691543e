/* SPDX-License-Identifier: Apache-2.0 */
/* place - where threads run, and may run. */
#ifndef CXLFS_FUSE_TRANSPORT_PLACE_H
#define CXLFS_FUSE_TRANSPORT_PLACE_H

#include <sys/types.h>

/** place_of() - the processor that thread @tid runs on, or ran on last; -1 when it is not there */
int place_of(pid_t tid);

/** place_nr_processors() - on how many processors this process may run; 1 at least */
unsigned place_nr_processors(void);

/** place_count() - how many numbers are in a list as in "0-3,8-11"; 0: it is none */
unsigned place_count(const char *list);

/** place_nr_possible() - how many processors the kernel has made room for, those to come included */
unsigned place_nr_possible(void);

#endif
