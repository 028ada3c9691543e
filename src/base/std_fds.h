/* SPDX-License-Identifier: Apache-2.0 */
/* std_fds - descriptors 0 to 2 belong to standard input, output and error, open or not. */
#ifndef CXLFS_BASE_STD_FDS_H
#define CXLFS_BASE_STD_FDS_H

/**
 * std_fds_fill() - take those of the three that the caller of the program closed
 * Call it before anything is opened: otherwise a file would get such a number, and messages would
 * be written into it. Reading and writing them still fails with EBADF. Return: 0; -errno.
 */
int std_fds_fill(void);

#endif
