/* SPDX-License-Identifier: Apache-2.0 */
/* place - where another thread runs. */
#ifndef CXLFS_FS_PLACE_H
#define CXLFS_FS_PLACE_H

#include <sys/types.h>

/** place_of() - the processor that thread @tid runs on, or ran on last; -1 when it is not there */
int place_of(pid_t tid);

#endif
