/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CXLFS_TESTS_SUPPORT_OPEN_FDS_H
#define CXLFS_TESTS_SUPPORT_OPEN_FDS_H

#include <check.h>
#include <dirent.h>

/* Return: a number that grows by one with each descriptor of this process. */
static inline unsigned nr_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned nr_entries = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		nr_entries++;
	closedir(dir);
	return nr_entries;
}

#endif
