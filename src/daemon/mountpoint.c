/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mountpoint.h"

#include <errno.h>
#include <libgen.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/explain.h"
#include "base/log.h"
#include "daemon/mount_table.h"

static bool our_mount_is_on(const char *path)
{
	struct mount_entry mount;
	bool ours;

	if (mount_table_top(path, &mount))
		return false;
	ours = mount_entry_is_ours(&mount);
	mount_entry_free(&mount);
	return ours;
}

static int ask_fusermount(const char *path)
{
	char *argv[] = { "fusermount3", "-u", "-z", "-q", "--", (char *)(uintptr_t)path, NULL };
	int status, err;
	pid_t child;

	err = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
	if (err)
		return -err;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPERM;
}

int mountpoint_detach(const char *path)
{
	if (!umount2(path, MNT_DETACH))
		return 0;
	return errno == EPERM ? ask_fusermount(path) : -errno;
}

/* realpath(3) stops at a dead mount; its parent directory can still be resolved. */
static char *resolve(const char *path)
{
	char *full = realpath(path, NULL), *dir, *base, *parent;

	if (full || errno != ENOTCONN)
		return full;
	dir = strdup(path);
	base = strdup(path);
	parent = dir && base ? realpath(dirname(dir), NULL) : NULL;
	if (!parent ||
	    asprintf(&full, "%s/%s", strcmp(parent, "/") ? parent : "", basename(base)) < 0)
		full = NULL;
	free(parent);
	free(base);
	free(dir);
	return full;
}

static int repair_dead_mount(const char *path, const struct explainer *to)
{
	int err;

	if (!our_mount_is_on(path))
		return explain_error(
			to, -ENOTCONN,
			"%s holds a dead mount of another file system; unmount it first", path);
	err = mountpoint_detach(path);
	if (err)
		return explain_error(to, err, "cannot remove the dead mount on %s: %s", path,
				     strerror(-err));
	log_notice("removed a dead mount on %s", path);
	return 0;
}

/* A request that is on its way when the connection ends gets ECONNABORTED, later ones ENOTCONN. The
 * kernel ends the connection a moment after the process if there are rings. */
static bool says_dead(int err)
{
	return err == ENOTCONN || err == ECONNABORTED;
}

/* The kernel may answer stat(2) of the root from its cache; statfs(2) always asks the daemon. */
static bool is_dead(const char *path)
{
	struct statfs fs;
	struct stat st;

	if (stat(path, &st))
		return says_dead(errno);
	return our_mount_is_on(path) && statfs(path, &fs) && says_dead(errno);
}

static int check(const char *path, const struct explainer *to)
{
	struct stat st;
	int err;

	if (is_dead(path)) {
		err = repair_dead_mount(path, to);
		if (err)
			return err;
		return check(path, to);
	}
	if (stat(path, &st))
		return explain_error(to, -errno, "mountpoint %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return explain_error(to, -ENOTDIR, "mountpoint %s is not a directory", path);
	if (our_mount_is_on(path))
		return explain_error(to, -EBUSY, "a cxlfs volume is already mounted on %s", path);
	return 0;
}

int mountpoint_prepare(const char *path, explain_fn explain, void *explain_arg, char **ret_path)
{
	const struct explainer to = { explain, explain_arg };
	char *full = resolve(path);
	int err;

	if (!full)
		return explain_error(&to, -errno, "mountpoint %s: %s", path, strerror(errno));
	err = check(full, &to);
	if (err)
		free(full);
	else
		*ret_path = full;
	return err;
}
