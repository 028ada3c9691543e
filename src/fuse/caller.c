/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that sent a request. The request contains its user and group. Its other groups and
 * its capabilities must be read from /proc, which is slow. This is done only for set-id bits and
 * trusted attributes.
 */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/inode.h"
#include "fuse/request.h"

#define ALL_IDS 4294967295u /* number of ids that the initial user namespace maps */

struct tree_caller fs_caller(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct tree_caller){
		.uid = ctx->uid,
		.gid = ctx->gid,
		.umask = ctx->umask,
		.now = fs_now(),
	};
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

/* An ordinary user has all capabilities in a user namespace of its own. So capabilities count only
 * in the initial namespace, the only one that maps all ids to themselves. A kernel without user
 * namespaces has no uid_map. */
static bool in_first_namespace(pid_t pid)
{
	unsigned inside = 0, outside = 0, count = 0;
	FILE *file = open_proc(pid, "uid_map");
	int got;

	if (!file)
		return access("/proc/self/uid_map", F_OK) != 0;
	got = fscanf(file, "%u %u %u", &inside, &outside, &count);
	fclose(file);
	return got == 3 && !inside && !outside && count == ALL_IDS;
}

static uint64_t effective_capabilities(pid_t pid)
{
	FILE *file = open_proc(pid, "status");
	uint64_t capabilities = 0;
	size_t line_bytes = 0;
	char *line = NULL;

	if (!file)
		return 0;
	while (getline(&line, &line_bytes, file) > 0)
		if (!strncmp(line, "CapEff:", strlen("CapEff:")))
			capabilities = strtoull(line + strlen("CapEff:"), NULL, 16);
	free(line);
	fclose(file);
	return capabilities;
}

bool fs_caller_can(fuse_req_t req, int capability)
{
	pid_t pid = fuse_req_ctx(req)->pid; /* 0: in a PID namespace not visible here */

	return pid > 0 && (effective_capabilities(pid) >> capability & 1) &&
	       in_first_namespace(pid);
}

static bool has_group(fuse_req_t req, gid_t gid)
{
	int count = fuse_req_getgroups(req, 0, NULL), filled;
	bool found = false;
	gid_t *groups;

	if (count <= 0)
		return false;
	groups = calloc((size_t)count, sizeof(*groups));
	if (!groups)
		return false;
	filled = fuse_req_getgroups(req, count, groups);
	for (int i = 0; i < count && i < filled; i++)
		found |= groups[i] == gid;
	free(groups);
	return found;
}

bool fs_caller_in_group(fuse_req_t req, gid_t gid)
{
	return fuse_req_ctx(req)->gid == gid || has_group(req, gid) ||
	       fs_caller_can(req, CAP_FSETID);
}
