/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/minmax.h"

/* Where a hierarchy of groups may be mounted, and its file with the limit. */
static const struct {
	const char *controller; /* in /proc/self/cgroup */
	const char *root, *file;
} hierarchies[] = {
	{ "", "/sys/fs/cgroup", "memory.max" },
	{ "", "/sys/fs/cgroup/unified", "memory.max" },
	{ "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes" },
};

/** Return: UINT64_MAX if there is no limit: then the file is missing, or says "max". */
static uint64_t read_limit(const char *root, const char *group, const char *name)
{
	uint64_t limit = UINT64_MAX;
	char path[PATH_MAX];
	FILE *file;

	if (snprintf(path, sizeof(path), "%s%s/%s", root, group, name) >= (int)sizeof(path))
		return UINT64_MAX;
	file = fopen(path, "re");
	if (!file)
		return UINT64_MAX;
	if (fscanf(file, "%" SCNu64, &limit) != 1)
		limit = UINT64_MAX;
	fclose(file);
	return limit;
}

/** The lowest limit of @group and the groups above it. */
static uint64_t limit_of(const char *controller, char *group)
{
	uint64_t limit = UINT64_MAX;
	char *slash = group + strlen(group);

	while (slash) {
		*slash = '\0';
		for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++)
			if (!strcmp(controller, hierarchies[i].controller))
				limit = min_u64(limit, read_limit(hierarchies[i].root, group,
								  hierarchies[i].file));
		slash = strrchr(group, '/');
	}
	return limit;
}

/** A line is "number:controller,controller:/group". */
static uint64_t groups_limit(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	uint64_t limit = UINT64_MAX;
	char line[PATH_MAX];

	while (file && fgets(line, sizeof(line), file)) {
		char *controller = strchr(line, ':');
		char *group = controller ? strchr(controller + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = '\0';
		group[strcspn(group, "\n")] = '\0';
		limit = min_u64(limit, limit_of(controller + 1, group));
	}
	if (file)
		fclose(file);
	return limit;
}

uint64_t memory_limit_bytes(void)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return min_u64(all, groups_limit());
}
