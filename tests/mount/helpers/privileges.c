/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what is left of the set-id bits and the capabilities of a program after somebody has
 * changed its file: a line for each operation, kind of program and user. A script runs it on two
 * file systems and compares.
 *
 *	privileges DIRECTORY PROGRAM
 *
 * PROGRAM is copied, changed and run with the argument /proc/self/status, which it must print.
 */
#include <grp.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "claim.h"

#define ALICE      1001
#define STAFF      2000
#define TAIL_BYTES 65536 /* behind the program: what is changed there does not break it */
#define PAGE_BYTES 4096
#define FILE_NAME  "program"

static size_t program_bytes; /* a multiple of PAGE_BYTES */

/* ---- kinds of programs ---- */

static const struct kind {
	const char *name;
	mode_t mode;
	bool has_capability;
} kinds[] = {
	{ "suid", 04777, false },        { "sgid", 02777, false },      { "both", 06777, false },
	{ "lock-bit", 02767, false },    { "suid-lock", 06767, false }, { "capable", 0777, true },
	{ "suid-capable", 04777, true },
};

static void set_capability(const char *name)
{
	struct vfs_cap_data data = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data[0].permitted = 1u << CAP_NET_RAW,
	};

	claim_need(setxattr(name, "security.capability", &data, sizeof(data), 0) == 0);
}

static void copy_program(int from, const char *name)
{
	static char buf[1 << 20];
	ssize_t got = pread(from, buf, sizeof(buf), 0);
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0700);

	claim_need(fd >= 0 && got > 0 && got < (ssize_t)sizeof(buf));
	program_bytes = ((size_t)got + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	claim_need(write(fd, buf, (size_t)got) == got);
	claim_need(ftruncate(fd, (off_t)(program_bytes + TAIL_BYTES)) == 0);
	claim_need(close(fd) == 0);
}

static void make(const struct kind *kind, int program, uid_t owner)
{
	copy_program(program, FILE_NAME);
	claim_need(chown(FILE_NAME, owner, STAFF) == 0 && chmod(FILE_NAME, kind->mode) == 0);
	if (kind->has_capability)
		set_capability(FILE_NAME);
}

/* ---- operations: 0 or an errno ---- */

static int result(bool good, int fd)
{
	int err = good ? 0 : errno;

	if (fd >= 0)
		close(fd);
	return err;
}

static int write_with(int flags)
{
	static char page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
	int fd = open(FILE_NAME, O_RDWR | flags);

	return result(fd >= 0 && pread(fd, page, PAGE_BYTES, 0) == PAGE_BYTES &&
			      pwrite(fd, page, PAGE_BYTES, 0) == PAGE_BYTES,
		      fd);
}

static int do_write(void)
{
	return write_with(0);
}

static int do_write_direct(void)
{
	return write_with(O_DIRECT);
}

static int do_write_sync(void)
{
	return write_with(O_SYNC);
}

static int do_append(void)
{
	int fd = open(FILE_NAME, O_WRONLY | O_APPEND);

	return result(fd >= 0 && write(fd, "x", 1) == 1, fd);
}

static int do_map(void)
{
	int fd = open(FILE_NAME, O_RDWR);
	volatile char *page =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool good = page != MAP_FAILED;

	if (good) {
		page[0] = page[0]; /* dirty all the same */
		good = msync((void *)page, PAGE_BYTES, MS_SYNC) == 0;
		good = munmap((void *)page, PAGE_BYTES) == 0 && good;
	}
	return result(good, fd);
}

static int do_truncate(void)
{
	return truncate(FILE_NAME, (off_t)(program_bytes + TAIL_BYTES / 2)) ? errno : 0;
}

static int do_truncate_same(void)
{
	return truncate(FILE_NAME, (off_t)(program_bytes + TAIL_BYTES)) ? errno : 0;
}

static int do_ftruncate(void)
{
	int fd = open(FILE_NAME, O_WRONLY);

	return result(fd >= 0 && ftruncate(fd, (off_t)(program_bytes + 2 * TAIL_BYTES)) == 0, fd);
}

static int do_open_truncate(void)
{
	int fd = open(FILE_NAME, O_WRONLY | O_TRUNC);

	return result(fd >= 0, fd);
}

static int do_open(void)
{
	int fd = open(FILE_NAME, O_RDWR);

	return result(fd >= 0, fd);
}

static int allocate(int mode, off_t off)
{
	int fd = open(FILE_NAME, O_RDWR);

	return result(fd >= 0 && fallocate(fd, mode, off, PAGE_BYTES) == 0, fd);
}

static int do_allocate(void)
{
	return allocate(0, (off_t)program_bytes + TAIL_BYTES);
}

static int do_allocate_keep(void)
{
	return allocate(FALLOC_FL_KEEP_SIZE, (off_t)program_bytes + TAIL_BYTES);
}

static int do_punch(void)
{
	return allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)program_bytes);
}

static int do_zero(void)
{
	return allocate(FALLOC_FL_ZERO_RANGE, (off_t)program_bytes);
}

static int do_zero_keep(void)
{
	return allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)program_bytes);
}

static int do_copy_range(void)
{
	int from = open("source", O_RDONLY), fd = open(FILE_NAME, O_WRONLY);
	loff_t at = (loff_t)program_bytes, source_at = 0;
	bool good = fd >= 0 && from >= 0 &&
		    copy_file_range(from, &source_at, fd, &at, PAGE_BYTES, 0) == PAGE_BYTES;
	int err = result(good, fd);

	(void)result(true, from);
	return err;
}

static int do_chown_same(void)
{
	struct stat st = claim_stat(FILE_NAME);

	return chown(FILE_NAME, st.st_uid, st.st_gid) ? errno : 0;
}

static int do_chgrp(void)
{
	return chown(FILE_NAME, (uid_t)-1, ALICE) ? errno : 0;
}

static int do_chown_to_alice(void)
{
	return chown(FILE_NAME, ALICE, ALICE) ? errno : 0;
}

static int do_chmod(void)
{
	return chmod(FILE_NAME, claim_stat(FILE_NAME).st_mode & 07777) ? errno : 0;
}

static int do_touch(void)
{
	return utimensat(AT_FDCWD, FILE_NAME, NULL, 0) ? errno : 0;
}

static const struct operation {
	const char *name;
	int (*run)(void);
	bool spoils; /* what is left cannot be run */
} operations[] = {
	{ "write", do_write, false },
	{ "write-direct", do_write_direct, false },
	{ "write-sync", do_write_sync, false },
	{ "append", do_append, false },
	{ "map", do_map, false },
	{ "truncate", do_truncate, false },
	{ "truncate-same", do_truncate_same, false },
	{ "ftruncate", do_ftruncate, false },
	{ "open-truncate", do_open_truncate, true },
	{ "open", do_open, false },
	{ "allocate", do_allocate, false },
	{ "allocate-keep", do_allocate_keep, false },
	{ "punch", do_punch, false },
	{ "zero", do_zero, false },
	{ "zero-keep", do_zero_keep, false },
	{ "copy-range", do_copy_range, false },
	{ "chown-same", do_chown_same, false },
	{ "chgrp", do_chgrp, false },
	{ "chown-alice", do_chown_to_alice, false },
	{ "chmod", do_chmod, false },
	{ "touch", do_touch, false },
};

/* ---- users ---- */

static void keep_only(int capability, bool keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	uint32_t bit = 1u << capability;

	claim_need(syscall(SYS_capget, &head, data) == 0);
	if (keep)
		data[0] = (struct __user_cap_data_struct){ .effective = bit, .permitted = bit };
	else
		data[0].effective &= ~bit;
	data[1] = keep ? (struct __user_cap_data_struct){ 0 } : data[1];
	claim_need(syscall(SYS_capset, &head, data) == 0);
}

static void become(gid_t group)
{
	claim_need(setgroups(1, &group) == 0);
	claim_need(setresgid(ALICE, ALICE, ALICE) == 0 && setresuid(ALICE, ALICE, ALICE) == 0);
}

static void be_root(void)
{
}

static void be_weak_root(void)
{
	keep_only(CAP_FSETID, false);
}

static void be_alice(void)
{
	become(ALICE);
}

static void be_insider(void)
{
	become(STAFF);
}

static void be_strong_alice(void)
{
	claim_need(prctl(PR_SET_KEEPCAPS, 1) == 0);
	become(ALICE);
	keep_only(CAP_FSETID, true);
}

/* All capabilities, but only within a user namespace. */
static void be_alice_in_namespace(void)
{
	become(ALICE);
	if (unshare(CLONE_NEWUSER))
		exit(0);
}

static const struct user {
	const char *name;
	void (*become)(void);
	uid_t owner; /* of the file */
} users[] = {
	{ "root", be_root, 0 },
	{ "weak-root", be_weak_root, 0 },
	{ "alice", be_alice, 0 },
	{ "insider", be_insider, 0 },
	{ "strong-alice", be_strong_alice, 0 },
	{ "namespace-alice", be_alice_in_namespace, 0 },
	{ "owner", be_alice, ALICE },
	{ "insider-owner", be_insider, ALICE },
};

/* ---- what is left ---- */

static unsigned long long field_of(const char *status, const char *field, int base)
{
	const char *at = strstr(status, field);
	unsigned long long value = 0;

	claim_need(at);
	at += strlen(field);
	for (int i = 0; i < (base == 10 ? 2 : 1); i++) /* of ids the second is the effective one */
		value = strtoull(at, (char **)&at, base);
	return value;
}

/* What alice, in no group but her own, becomes by running the file. */
static void print_gain(void)
{
	char status[PAGE_BYTES] = "";
	size_t used = 0;
	ssize_t got;
	int ends[2];
	pid_t pid;

	claim_need(pipe(ends) == 0 && (pid = fork()) >= 0);
	if (pid == 0) {
		become(ALICE);
		dup2(ends[1], STDOUT_FILENO);
		execl("./" FILE_NAME, FILE_NAME, "/proc/self/status", NULL);
		_exit(1);
	}
	close(ends[1]);
	while ((got = read(ends[0], status + used, sizeof(status) - 1 - used)) > 0)
		used += (size_t)got;
	close(ends[0]);
	claim_need(waitpid(pid, NULL, 0) == pid);
	if (!used)
		printf(" cannot run");
	else
		printf(" runs as %llu:%llu with %llx", field_of(status, "\nUid:", 10),
		       field_of(status, "\nGid:", 10), field_of(status, "\nCapEff:", 16));
}

/* Running comes first: stat(2) may make the kernel ask for the mode that running should know. */
static void print_rest(const struct operation *operation)
{
	if (!operation->spoils)
		print_gain();
	printf(" mode %o%s\n", claim_stat(FILE_NAME).st_mode & 07777,
	       getxattr(FILE_NAME, "security.capability", NULL, 0) > 0 ? " capable" : "");
}

static void try_one(const struct operation *operation, const struct kind *kind,
		    const struct user *user, int program)
{
	int err = -1;
	pid_t pid;
	int status;

	make(kind, program, user->owner);
	printf("%s %s %s:", operation->name, kind->name, user->name);
	fflush(NULL);
	claim_need((pid = fork()) >= 0);
	if (pid == 0) {
		user->become();
		err = operation->run();
		printf(" %s", err ? strerrorname_np(err) : "ok");
		exit(0);
	}
	claim_need(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	claim_need(WEXITSTATUS(status) == 0);
	print_rest(operation);
	claim_need(unlink(FILE_NAME) == 0);
}

int main(int argc, char **argv)
{
	int program;

	claim_need(argc == 3 && (program = open(argv[2], O_RDONLY | O_CLOEXEC)) >= 0);
	claim_need(chdir(argv[1]) == 0);
	umask(022);
	copy_program(program, "source");
	for (size_t o = 0; o < sizeof(operations) / sizeof(*operations); o++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			for (size_t u = 0; u < sizeof(users) / sizeof(*users); u++)
				try_one(&operations[o], &kinds[k], &users[u], program);
	claim_need(unlink("source") == 0);
	return claim_failures > 0;
}
