/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of check_commit.c, as the kernel sends them. */
#ifndef CXLFS_TESTS_UNIT_COMMIT_STEPS_H
#define CXLFS_TESTS_UNIT_COMMIT_STEPS_H

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/* The header is followed by @in, the texts with their NULs, and the data. */
struct step {
	uint32_t opcode;
	uint64_t ino;
	const void *in;
	size_t in_bytes;
	const char *name, *name2;
	const void *data;
	size_t data_bytes;
};

/* Without the fields that came with FUSE_SETXATTR_EXT. */
struct setxattr_in {
	uint32_t size, flags;
};

#define IN(type, ...) .in = &(const struct type){ __VA_ARGS__ }, .in_bytes = sizeof(struct type)

/* Inodes, in the order in which they are made. */
enum { ROOT = 1, DIR_INO, FILE_INO, FIFO_INO, LINK_INO, TEMP_INO, A_INO, B_INO, LAST_INO };

#define BLOCK 4096
static const char block[BLOCK] = "what the file holds", other_block[BLOCK] = "and then";
static const char long_value[60000] = "a value";

/* More than one hold of the lock takes. The first and the last of them count. */
struct forgets {
	struct fuse_batch_forget_in in;
	struct fuse_forget_one one[200];
};
static const struct forgets forgets = {
	.in.count = 200,
	.one = { [0] = { .nodeid = A_INO, .nlookup = 1 },
		 [1] = { .nodeid = 99999, .nlookup = 1 },
		 [199] = { .nodeid = A_INO, .nlookup = 1 } },
};

#define READ_ALL FUSE_READ, FILE_INO, IN(fuse_read_in, .size = 16 * BLOCK)

static const struct step steps[] = {
	{ FUSE_MKDIR, ROOT, IN(fuse_mkdir_in, .mode = 0755), "dir" },
	{ FUSE_MKDIR, ROOT, IN(fuse_mkdir_in, .mode = 0755), "dir" }, /* EEXIST */
	{ FUSE_CREATE, ROOT, IN(fuse_create_in, .flags = O_RDWR, .mode = S_IFREG | 0644), "file" },
	{ FUSE_WRITE, FILE_INO, IN(fuse_write_in, .size = BLOCK), .data = block,
	  .data_bytes = BLOCK },
	{ FUSE_WRITE, FILE_INO, IN(fuse_write_in, .offset = 3 * BLOCK, .size = BLOCK),
	  .data = other_block, .data_bytes = BLOCK },
	{ FUSE_GETATTR, FILE_INO, IN(fuse_getattr_in, .fh = 0) },
	{ FUSE_SETATTR, FILE_INO, IN(fuse_setattr_in, .valid = FATTR_MODE, .mode = 04755) },
	{ FUSE_WRITE, FILE_INO,
	  IN(fuse_write_in, .size = 100, .write_flags = FUSE_WRITE_KILL_SUIDGID),
	  .data = other_block, .data_bytes = 100 },
	{ FUSE_SETXATTR, FILE_INO, IN(setxattr_in, 5, XATTR_CREATE), "user.a", .data = "value",
	  .data_bytes = 5 },
	{ FUSE_SETXATTR, FILE_INO, IN(setxattr_in, sizeof(long_value), XATTR_REPLACE), "user.a",
	  .data = long_value, .data_bytes = sizeof(long_value) },
	{ FUSE_GETXATTR, FILE_INO, IN(fuse_getxattr_in, .size = 65536), "user.a" },
	{ FUSE_LISTXATTR, FILE_INO, IN(fuse_getxattr_in, .size = 65536) },
	{ FUSE_REMOVEXATTR, FILE_INO, .name = "user.a" },
	{ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFIFO | 0600), "fifo" },
	{ FUSE_SYMLINK, ROOT, .name = "link", .name2 = "target" },
	{ .opcode = FUSE_READLINK, .ino = LINK_INO },
	{ FUSE_LINK, DIR_INO, IN(fuse_link_in, .oldnodeid = FILE_INO), "file2" },
	{ FUSE_LOOKUP, DIR_INO, .name = "file2" },
	{ FUSE_LOOKUP, DIR_INO, .name = "missing" },
	{ FUSE_OPEN, FILE_INO, IN(fuse_open_in, .flags = O_RDWR) },
	{ READ_ALL },
	{ FUSE_READDIRPLUS, ROOT, IN(fuse_read_in, .size = BLOCK) },
	{ FUSE_READDIR, ROOT, IN(fuse_read_in, .size = BLOCK) },
	{ FUSE_LSEEK, FILE_INO, IN(fuse_lseek_in, .offset = 0, .whence = SEEK_HOLE) },
	{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = DIR_INO), "fifo", "pipe" },
	{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = DIR_INO, .flags = RENAME_EXCHANGE),
	  "link", "pipe" },
	{ FUSE_TMPFILE, ROOT, IN(fuse_create_in, .flags = O_RDWR, .mode = S_IFREG | 0600), "/" },
	{ FUSE_COPY_FILE_RANGE, FILE_INO,
	  IN(fuse_copy_file_range_in, .nodeid_out = TEMP_INO, .len = 2 * BLOCK) },
	{ FUSE_READ, TEMP_INO, IN(fuse_read_in, .size = BLOCK) },
	{ FUSE_LINK, ROOT, IN(fuse_link_in, .oldnodeid = TEMP_INO), "kept" },
	{ FUSE_SETATTR, FILE_INO,
	  IN(fuse_setattr_in, .valid = FATTR_SIZE | FATTR_MTIME_NOW, .size = 2 * BLOCK + 100) },
	{ FUSE_FALLOCATE, FILE_INO, IN(fuse_fallocate_in, .length = 3 * BLOCK) },
	{ FUSE_FALLOCATE, FILE_INO,
	  IN(fuse_fallocate_in, .length = BLOCK,
	     .mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) },
	{ FUSE_GETATTR, FILE_INO, IN(fuse_getattr_in, .fh = 0) },
	{ FUSE_RELEASE, FILE_INO, IN(fuse_release_in, .flags = O_RDWR) },
	{ FUSE_RELEASE, FILE_INO, IN(fuse_release_in, .flags = O_RDWR) },
	{ FUSE_UNLINK, ROOT, .name = "file" },
	{ FUSE_UNLINK, ROOT, .name = "file" }, /* ENOENT */
	{ FUSE_CREATE, ROOT, IN(fuse_create_in, .flags = O_WRONLY, .mode = S_IFREG | 0644), "a" },
	{ FUSE_LOOKUP, ROOT, .name = "a" },
	{ FUSE_LOOKUP, ROOT, .name = "a" },
	{ FUSE_WRITE, A_INO, IN(fuse_write_in, .size = BLOCK), .data = block, .data_bytes = BLOCK },
	{ FUSE_RELEASE, A_INO, IN(fuse_release_in, .flags = O_WRONLY) },
	{ FUSE_BATCH_FORGET, 0, .data = &forgets, .data_bytes = sizeof(forgets) },
	{ FUSE_FORGET, A_INO, IN(fuse_forget_in, .nlookup = 1) },
	{ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFREG | 0600), "b" },
	{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = ROOT), "b", "a" }, /* frees A_INO */
	{ FUSE_RMDIR, ROOT, .name = "dir" },                                   /* ENOTEMPTY */
	{ FUSE_UNLINK, DIR_INO, .name = "file2" },
	{ READ_ALL },
	{ FUSE_FORGET, FILE_INO, IN(fuse_forget_in, .nlookup = 1) },
	{ FUSE_FORGET, FILE_INO, IN(fuse_forget_in, .nlookup = 3) }, /* frees it */
	{ FUSE_FORGET, B_INO, IN(fuse_forget_in, .nlookup = 1) },
	{ FUSE_WRITE, TEMP_INO, IN(fuse_write_in, .size = BLOCK), .data = other_block,
	  .data_bytes = BLOCK },
	{ FUSE_UNLINK, DIR_INO, .name = "pipe" },
	{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = ROOT, .flags = RENAME_WHITEOUT), "link",
	  "pipe" },
	{ FUSE_RMDIR, ROOT, .name = "dir" },
	{ FUSE_READ, TEMP_INO, IN(fuse_read_in, .size = BLOCK) },
	{ .opcode = FUSE_STATFS, .ino = ROOT },
};

#define NR_STEPS (sizeof(steps) / sizeof(steps[0]))

#endif
