/* SPDX-License-Identifier: Apache-2.0 */
#include "control/path.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_DIRECTORY  "/run/cxlfs"
#define USER_DIRECTORY  "/run/user/%u/cxlfs"
#define USERS_DIRECTORY "/run/user/*/cxlfs"

static int check_length(int length)
{
	return length < (int)CONTROL_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static int own_directory(char ret_path[CONTROL_PATH_BYTES])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return check_length(snprintf(ret_path, CONTROL_PATH_BYTES, ROOT_DIRECTORY));
	if (runtime && *runtime == '/')
		return check_length(snprintf(ret_path, CONTROL_PATH_BYTES, "%s/cxlfs", runtime));
	return check_length(snprintf(ret_path, CONTROL_PATH_BYTES, USER_DIRECTORY, geteuid()));
}

static int make_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	if (lstat(path, &st))
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -EPERM;
}

int control_path_join(const char *directory, const char *device, char ret_path[CONTROL_PATH_BYTES])
{
	return check_length(snprintf(ret_path, CONTROL_PATH_BYTES, "%s/%s", directory, device));
}

int control_path_make(char ret_directory[CONTROL_PATH_BYTES])
{
	int err = own_directory(ret_directory);

	return err ? err : make_directory(ret_directory);
}

/* ---- finding ---- */

struct visit {
	int (*fn)(void *arg, const char *path);
	void *arg;
	int result;
};

static void visit_pattern(struct visit *visit, const char *directory, const char *name)
{
	char pattern[CONTROL_PATH_BYTES];
	glob_t found;

	if (visit->result || control_path_join(directory, name, pattern) ||
	    glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc && !visit->result; i++)
		visit->result = visit->fn(visit->arg, found.gl_pathv[i]);
	globfree(&found);
}

static int visit_all(const char *name, int (*fn)(void *arg, const char *path), void *arg)
{
	struct visit visit = { .fn = fn, .arg = arg };
	char directory[CONTROL_PATH_BYTES];

	if (!own_directory(directory))
		visit_pattern(&visit, directory, name);
	if (geteuid() == 0)
		visit_pattern(&visit, USERS_DIRECTORY, name);
	return visit.result;
}

int control_path_each(int (*fn)(void *arg, const char *path), void *arg)
{
	return visit_all("*:*", fn, arg);
}

static int take_path(void *arg, const char *path)
{
	if (check_length((int)strlen(path)))
		return 0;
	strcpy(arg, path);
	return 1;
}

int control_path_find(const char *device, char ret_path[CONTROL_PATH_BYTES])
{
	return visit_all(device, take_path, ret_path) ? 0 : -ENXIO;
}
