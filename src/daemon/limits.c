/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define MOUNT_TABLE "/proc/self/mountinfo"

static const struct {
	const char *name, *value;
} limits[] = {
	/* One reader in turn keeps a few requests of 1 MiB under way. */
	{ "read_ahead_kb", "4096" },
	/* Of what may be dirty at all, where FUSE has a hundredth: with less a writer waits for the
	 * flash, with more the flash waits until the writer has ended. */
	{ "strict_limit", "1" },
	{ "max_ratio", "25" },
};

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The table writes blanks and backslashes as a backslash and three digits. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) && is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool is_on(char *line, const char *mountpoint, char ret_device[32])
{
	char *place = NULL;
	bool same = false;

	if (sscanf(line, "%*s %*s %31s %*s %ms", ret_device, &place) == 2) {
		unescape(place);
		same = !strcmp(place, mountpoint);
	}
	free(place);
	return same;
}

/* The last mount on a place is the one that shows. */
static bool find_device(const char *mountpoint, char ret_device[32])
{
	FILE *table = fopen(MOUNT_TABLE, "re");
	char *line = NULL, device[32];
	size_t room = 0;
	bool found = false;

	while (table && getline(&line, &room, table) >= 0)
		if (is_on(line, mountpoint, device)) {
			strcpy(ret_device, device);
			found = true;
		}
	free(line);
	if (table)
		fclose(table);
	return found;
}

static void set(const char *device, const char *name, const char *value)
{
	char path[128];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/bdi/%s/%s", device, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd < 0 ? -1 : write(fd, value, strlen(value));
	if (written < 0)
		log_debug(LOGC_DAEMON, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

void limits_raise(const char *mountpoint)
{
	char device[32];

	if (!find_device(mountpoint, device)) {
		log_debug(LOGC_DAEMON, "%s is not in " MOUNT_TABLE, mountpoint);
		return;
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		set(device, limits[i].name, limits[i].value);
}
