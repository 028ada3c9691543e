/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/safe_open.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_writable_by_others(const struct stat *st)
{
	return (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) && st->st_mode & (S_IWGRP | S_IWOTH);
}

static int check(int fd, char why[EMUL_SAFE_OPEN_WHY])
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		snprintf(why, EMUL_SAFE_OPEN_WHY, "belongs to user %u; it must be yours or root's",
			 (unsigned)st.st_uid);
		return -EPERM;
	}
	if (is_writable_by_others(&st)) {
		snprintf(why, EMUL_SAFE_OPEN_WHY,
			 "can be changed by other users; 'chmod go-w' prevents that");
		return -EPERM;
	}
	return 0;
}

static int read_link(int link_fd, char target[PATH_MAX], char why[EMUL_SAFE_OPEN_WHY])
{
	struct stat st;
	ssize_t bytes;

	if (fstat(link_fd, &st))
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -ENOTDIR; /* O_DIRECTORY makes a link and a file look the same */
	if (check(link_fd, why))
		return -EPERM;
	bytes = readlinkat(link_fd, "", target, PATH_MAX - 1);
	if (bytes < 0)
		return -errno;
	target[bytes] = '\0';
	return 0;
}

/* The owner of the link is trusted, so the path that it holds is trusted as well. */
static int follow(int dir_fd, const char *name, int flags, char why[EMUL_SAFE_OPEN_WHY])
{
	int link_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[PATH_MAX];
	int fd, rc;

	if (link_fd < 0)
		return -errno;
	rc = read_link(link_fd, target, why);
	close(link_fd);
	if (rc)
		return rc;
	fd = openat(dir_fd, target, (flags & ~O_CREAT) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int emul_safe_open(int dir_fd, const char *name, int flags, char why[EMUL_SAFE_OPEN_WHY])
{
	int fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600), rc;

	why[0] = '\0';
	if (fd < 0) {
		fd = -errno;
		if (fd == -ELOOP || (fd == -ENOTDIR && flags & O_DIRECTORY))
			fd = follow(dir_fd, name, flags, why);
	}
	if (fd < 0)
		return fd;
	rc = check(fd, why);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int emul_safe_open_parent(const char *path, char **ret_base)
{
	size_t end = strlen(path), start;
	char *parent;
	int fd;

	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;
	parent = start ? strndup(path, start) : strdup(".");
	*ret_base = start == end ? strdup(".") : strndup(path + start, end - start);
	fd = parent && *ret_base ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0) {
		fd = parent && *ret_base ? -errno : -ENOMEM;
		free(*ret_base);
		*ret_base = NULL;
	}
	free(parent);
	return fd;
}
