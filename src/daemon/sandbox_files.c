/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: the kernel refuses access to all files but those that are named here. */
#include "daemon/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#define ACCESS_REFER     (1ull << 13) /* version 2 of the interface */
#define ACCESS_TRUNCATE  (1ull << 14) /* 3 */
#define ACCESS_IOCTL_DEV (1ull << 15) /* 5 */

#define ACCESS_READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define ACCESS_SOCKETS                                                \
	(LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Those that can be given for a file. */
#define ACCESS_OF_FILE                                               \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
/* All of the first version. */
#define ACCESS_FIRST ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

struct ruleset {
	int fd;
	uint64_t handled; /* access that is refused unless a rule allows it */
	int err;          /* -errno of the first rule that could not be added */
};

static uint64_t handled_by(long version)
{
	uint64_t access = ACCESS_FIRST;

	access |= version >= 2 ? ACCESS_REFER : 0;
	access |= version >= 3 ? ACCESS_TRUNCATE : 0;
	access |= version >= 5 ? ACCESS_IOCTL_DEV : 0;
	return access;
}

static int ruleset_new(struct ruleset *ruleset)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr;

	if (version < 0)
		return -errno;
	ruleset->handled = handled_by(version);
	attr = (struct landlock_ruleset_attr){ .handled_access_fs = ruleset->handled };
	ruleset->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	return ruleset->fd < 0 ? -errno : 0;
}

static void note_error(struct ruleset *ruleset)
{
	if (!ruleset->err)
		ruleset->err = -errno;
}

static void allow(struct ruleset *ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd,
						   .allowed_access = access & ruleset->handled };
	struct stat st;

	if (fstat(fd, &st)) {
		note_error(ruleset);
		return;
	}
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= ACCESS_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		note_error(ruleset);
}

/* What is not there needs no rule. */
static void allow_path(struct ruleset *ruleset, const char *path, uint64_t access)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT && errno != EACCES)
			note_error(ruleset);
		return;
	}
	allow(ruleset, fd, access);
	close(fd);
}

static void allow_device(void *arg, int fd)
{
	allow(arg, fd, ACCESS_READ | ACCESS_WRITE);
}

int sandbox_limit_files(struct superpipe *sp, const char *sockets)
{
	struct ruleset ruleset = { .err = 0 };
	int err = ruleset_new(&ruleset);

	if (err)
		return err;
	superpipe_each_file(sp, allow_device, &ruleset);
	/* Who sends requests, and the mount table. */
	allow_path(&ruleset, "/proc", ACCESS_READ);
	/* Disks of an adapter, and processors. */
	allow_path(&ruleset, "/sys", ACCESS_READ);
	/* The emulated adapter maps it. */
	allow_path(&ruleset, "/dev/zero", ACCESS_READ);
	allow_path(&ruleset, "/dev/null", ACCESS_READ | ACCESS_WRITE);
	if (*sockets)
		allow_path(&ruleset, sockets, ACCESS_SOCKETS);
	if (!ruleset.err && syscall(SYS_landlock_restrict_self, ruleset.fd, 0))
		note_error(&ruleset);
	close(ruleset.fd);
	return ruleset.err;
}
