/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/session_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Inserts -o @list in front of what the user gave. */
static int insert(struct fuse_args *args, const char *list)
{
	int err = fuse_opt_insert_arg(args, 1, list);

	return err ? err : fuse_opt_insert_arg(args, 1, "-o");
}

static int add_name(struct fuse_args *args, const char *device)
{
	char *name, *list = NULL;
	int err;

	if (asprintf(&name, "fsname=%s", device) < 0)
		return -1;
	err = fuse_opt_add_opt_escaped(&list, name);
	free(name);
	if (!err)
		err = insert(args, list);
	free(list);
	return err;
}

int session_args_complete(struct fuse_args *args, const char *name, bool allow_other)
{
	char *list = NULL;
	int err = 0;

	err |= fuse_opt_add_opt(&list, "subtype=cxlfs");
	err |= fuse_opt_add_opt(&list, "default_permissions");
	/* libfuse would assume nosuid and nodev, which other file systems that root mounts do not.
	 * If the user gave nosuid or nodev, those come later and win. */
	if (geteuid() == 0)
		err |= fuse_opt_add_opt(&list, "suid,dev");
	if (allow_other)
		err |= fuse_opt_add_opt(&list, "allow_other");
	if (!err)
		err = insert(args, list);
	free(list);
	if (!err && !strstr(args->argv[args->argc - 1], "fsname="))
		err = add_name(args, name);
	return err;
}
