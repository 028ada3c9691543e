/* SPDX-License-Identifier: Apache-2.0 */
/* std_fds - keeps descriptors 0 to 2 for standard input, output and error. */
#ifndef CXLFS_BASE_STD_FDS_H
#define CXLFS_BASE_STD_FDS_H

/**
 * std_fds_fill() - open /dev/null for each of the three that is closed
 * Call it before opening anything: otherwise a file could get such a number, and messages would be
 * written into it. Reading and writing them still fails with EBADF. Return: 0; -errno.
 */
int std_fds_fill(void);

/** std_fds_to_null() - replace the three by /dev/null, if that can be opened */
void std_fds_to_null(void);

#endif
