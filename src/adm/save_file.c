/* SPDX-License-Identifier: Apache-2.0 */
#include "adm/save_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_directly(struct save_file *file)
{
	file->fd = open(file->name, O_WRONLY | O_CLOEXEC);
	return file->fd < 0 ? -errno : 0;
}

int save_file_open(struct save_file *file, const char *name)
{
	struct stat st;

	*file = (struct save_file){ .fd = STDOUT_FILENO, .name = name };
	if (!strcmp(name, "-"))
		return 0;
	if (!stat(name, &st) && !S_ISREG(st.st_mode))
		return open_directly(file);
	if ((size_t)snprintf(file->temporary, sizeof(file->temporary), "%s.XXXXXX", name) >=
	    sizeof(file->temporary))
		return -ENAMETOOLONG;
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd >= 0)
		return 0;
	*file->temporary = '\0';
	return -errno;
}

/* Otherwise the new name might be lost in a crash. */
static int sync_directory(const char *name)
{
	char path[PATH_MAX];
	int fd, err;

	snprintf(path, sizeof(path), "%s", name);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int save_file_commit(struct save_file *file)
{
	if (!*file->temporary)
		return file->fd == STDOUT_FILENO || !close(file->fd) ? 0 : -errno;
	if (fsync(file->fd) || close(file->fd))
		return -errno;
	file->fd = -1;
	if (rename(file->temporary, file->name))
		return -errno;
	*file->temporary = '\0';
	return sync_directory(file->name);
}

void save_file_abort(struct save_file *file)
{
	if (!*file->temporary)
		return;
	if (file->fd >= 0)
		close(file->fd);
	(void)unlink(file->temporary);
	*file->temporary = '\0';
}
