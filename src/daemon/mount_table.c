/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mount_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUR_TYPE "fuse.cxlfs"

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void mount_table_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

bool mount_options_have(const char *options, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = options; (at = strstr(at, name)); at += length)
		if ((at == options || at[-1] == ',') && (at[length] == ',' || !at[length]))
			return true;
	return false;
}

bool mount_entry_is_ours(const struct mount_entry *entry)
{
	return !strcmp(entry->type, OUR_TYPE);
}

void mount_entry_free(struct mount_entry *entry)
{
	free(entry->options);
	free(entry->type);
	free(entry->source);
	free(entry->fs_options);
	*entry = (struct mount_entry){ 0 };
}

/* A dash ends the optional fields. */
static int parse_entry(const char *line, struct mount_entry *entry)
{
	const char *rest = strstr(line, " - ");

	if (!rest)
		return -EIO;
	errno = 0;
	if (sscanf(line, "%*s %*s %31s %*s %*s %ms", entry->device, &entry->options) == 2 &&
	    sscanf(rest, " - %ms %ms %ms", &entry->type, &entry->source, &entry->fs_options) == 3)
		return 0;
	return errno ? -errno : -EIO;
}

/* Return: 1 if the mount is at @place; 0 if not; -errno. */
static int take_line(const char *line, const char *place, struct mount_entry *entry)
{
	char *there = NULL;
	bool same;

	errno = 0;
	if (sscanf(line, "%*s %*s %*s %*s %ms", &there) != 1)
		return errno ? -errno : 0;
	mount_table_unescape(there);
	same = !strcmp(there, place);
	free(there);
	if (!same)
		return 0;
	mount_entry_free(entry);
	return parse_entry(line, entry) ?: 1;
}

int mount_table_top(const char *place, struct mount_entry *ret_entry)
{
	FILE *table = fopen(MOUNT_TABLE, "re");
	char *line = NULL;
	size_t room = 0;
	int got = 0, found = -EINVAL;

	if (!table)
		return -errno;
	*ret_entry = (struct mount_entry){ 0 };
	errno = 0;
	/* The last mount at a place hides the earlier ones. */
	while (got >= 0 && getline(&line, &room, table) >= 0) {
		got = take_line(line, place, ret_entry);
		if (got > 0)
			found = 0;
	}
	if (got >= 0 && !feof(table))
		got = errno ? -errno : -EIO;
	free(line);
	fclose(table);
	if (got < 0)
		found = got;
	if (found)
		mount_entry_free(ret_entry);
	return found;
}
