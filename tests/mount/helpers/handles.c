/* SPDX-License-Identifier: Apache-2.0 */
/* File handles: name_to_handle_at() and open_by_handle_at(), as an NFS server uses them. */
#include "claim.h"

#include <limits.h>
#include <sys/sysmacros.h>

struct handle {
	struct file_handle head;
	unsigned char room[MAX_HANDLE_SZ];
};

static struct handle handle_of(const char *name)
{
	struct handle handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;

	claim_need(name_to_handle_at(AT_FDCWD, name, &handle.head, &mount_id, 0) == 0);
	return handle;
}

static int open_handle(struct handle *handle, int flags)
{
	return open_by_handle_at(AT_FDCWD, &handle->head, flags);
}

/* The kernel then knows no inode but those in use. */
static void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	claim_need(fd >= 0 && write(fd, "3", 1) == 1 && close(fd) == 0);
}

static void make_each_type(void)
{
	claim_make_file("file", "text");
	claim_need(mkdir("dir", 0755) == 0 && mkdir("dir/inner", 0755) == 0);
	claim_need(symlink("nowhere", "link") == 0);
	claim_need(mknod("fifo", S_IFIFO | 0644, 0) == 0);
	claim_need(mknod("socket", S_IFSOCK | 0644, 0) == 0);
	claim_need(mknod("char", S_IFCHR | 0644, makedev(1, 3)) == 0);
	claim_need(mknod("block", S_IFBLK | 0644, makedev(7, 200)) == 0);
}

static const char *const each_type[] = {
	"file", "dir", "dir/inner", "link", "fifo", "socket", "char", "block",
};
#define NR_TYPES ((int)(sizeof(each_type) / sizeof(each_type[0])))

static void expect_opens(struct handle *handle, const struct stat *wanted)
{
	int fd = open_handle(handle, O_PATH);
	struct stat st;

	claim(fd >= 0);
	claim(fstat(fd, &st) == 0 && st.st_ino == wanted->st_ino && st.st_mode == wanted->st_mode &&
	      st.st_rdev == wanted->st_rdev && st.st_nlink == wanted->st_nlink);
	close(fd);
}

/* close() does not wait for the release of a file over FUSE, and until then the kernel has it. */
static bool becomes_stale(struct handle *handle)
{
	int fd;

	for (int tries = 0; tries < 6000; tries++) {
		fd = open_handle(handle, O_PATH);
		if (fd < 0)
			return errno == ESTALE;
		close(fd);
		usleep(10000);
	}
	return false;
}

static void test_handle_of_every_type_outlives_the_caches(void)
{
	struct handle handles[NR_TYPES];
	struct stat st[NR_TYPES];

	make_each_type();
	for (int i = 0; i < NR_TYPES; i++) {
		handles[i] = handle_of(each_type[i]);
		st[i] = claim_stat(each_type[i]);
	}
	for (int i = 0; i < NR_TYPES; i++)
		expect_opens(&handles[i], &st[i]);
	drop_caches();
	for (int i = 0; i < NR_TYPES; i++)
		expect_opens(&handles[i], &st[i]);
}

static void test_handle_reads_and_writes(void)
{
	struct handle handle;
	char buf[8] = "";
	int fd;

	claim_make_file("f", "text");
	handle = handle_of("f");
	drop_caches();
	claim_need((fd = open_handle(&handle, O_RDWR)) >= 0);
	claim(pread(fd, buf, sizeof(buf), 0) == 4 && !memcmp(buf, "text", 4));
	claim(pwrite(fd, "more", 4, 4) == 4 && close(fd) == 0);
	claim(claim_file_is("f", "textmore"));
}

static void test_handle_follows_a_rename(void)
{
	struct handle file, dir;
	struct stat st;
	int fd;

	claim_need(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("a/sub", 0755) == 0);
	claim_make_file("a/f", "text");
	file = handle_of("a/f");
	dir = handle_of("a/sub");
	claim_need(rename("a/f", "b/g") == 0 && rename("a/sub", "b/moved") == 0);
	drop_caches();
	st = claim_stat("b/g");
	drop_caches();
	expect_opens(&file, &st);
	claim_need((fd = open_handle(&dir, O_RDONLY | O_DIRECTORY)) >= 0);
	st = claim_stat("b");
	claim(fstatat(fd, "..", &(struct stat){ 0 }, 0) == 0);
	claim(faccessat(fd, "../g", F_OK, 0) == 0 && unlinkat(fd, "../g", 0) == 0);
	close(fd);
	drop_caches();
	claim_errno(ESTALE, open_handle(&file, O_PATH));
}

static void test_handle_of_a_deep_directory_finds_its_way_up(void)
{
	char path[128] = "d", cwd[PATH_MAX], here[PATH_MAX];
	struct handle handle;
	int fd, home = open(".", O_RDONLY | O_DIRECTORY);

	claim_need(home >= 0 && mkdir(path, 0755) == 0 && getcwd(here, sizeof(here)));
	while (strlen(path) < 40) {
		strcat(path, "/d");
		claim_need(mkdir(path, 0755) == 0);
	}
	handle = handle_of(path);
	drop_caches();
	claim_need((fd = open_handle(&handle, O_RDONLY | O_DIRECTORY)) >= 0);
	claim(fchdir(fd) == 0 && getcwd(cwd, sizeof(cwd)));
	claim(!strncmp(cwd, here, strlen(here)) && !strcmp(cwd + strlen(here) + 1, path));
	claim_need(fchdir(home) == 0);
	close(fd);
	close(home);
}

static void test_handle_of_a_deleted_inode_is_stale(void)
{
	struct handle handles[NR_TYPES];

	make_each_type();
	for (int i = 0; i < NR_TYPES; i++)
		handles[i] = handle_of(each_type[i]);
	for (int i = NR_TYPES; i-- > 0;)
		claim_need(remove(each_type[i]) == 0);
	for (int i = 0; i < NR_TYPES; i++)
		claim(becomes_stale(&handles[i]));
	drop_caches();
	for (int i = 0; i < NR_TYPES; i++)
		claim_errno(ESTALE, open_handle(&handles[i], O_PATH));
}

static void test_handle_of_an_unlinked_file_works_while_it_is_open(void)
{
	struct handle handle;
	struct stat st;
	int fd, again;

	claim_make_file("f", "text");
	handle = handle_of("f");
	claim_need((fd = open("f", O_RDWR)) >= 0 && unlink("f") == 0);
	drop_caches();
	claim((again = open_handle(&handle, O_RDWR)) >= 0);
	claim(fstat(again, &st) == 0 && st.st_nlink == 0 && st.st_size == 4);
	close(again);
	close(fd);
	claim(becomes_stale(&handle));
}

static void test_handle_does_not_open_who_has_the_number_next(void)
{
	struct handle handle;
	struct stat st;
	ino_t ino;
	int tries = 0;

	claim_make_file("f", "text");
	handle = handle_of("f");
	ino = claim_stat("f").st_ino;
	claim_need(unlink("f") == 0);
	do {
		claim_need(tries == 0 || unlink("g") == 0);
		claim_need(mknod("g", S_IFREG | 0644, 0) == 0);
		st = claim_stat("g");
	} while (st.st_ino != ino && ++tries < 20000);
	claim(st.st_ino == ino);
	claim_errno(ESTALE, open_handle(&handle, O_PATH));
	drop_caches();
	claim_errno(ESTALE, open_handle(&handle, O_PATH));
	handle = handle_of("g");
	drop_caches();
	expect_opens(&handle, &st);
}

static const struct claim_test tests[] = {
	{ "handle_of_every_type_outlives_the_caches",
	  test_handle_of_every_type_outlives_the_caches },
	{ "handle_reads_and_writes", test_handle_reads_and_writes },
	{ "handle_follows_a_rename", test_handle_follows_a_rename },
	{ "handle_of_a_deep_directory_finds_its_way_up",
	  test_handle_of_a_deep_directory_finds_its_way_up },
	{ "handle_of_a_deleted_inode_is_stale", test_handle_of_a_deleted_inode_is_stale },
	{ "handle_of_an_unlinked_file_works_while_it_is_open",
	  test_handle_of_an_unlinked_file_works_while_it_is_open },
	{ "handle_does_not_open_who_has_the_number_next",
	  test_handle_does_not_open_who_has_the_number_next },
};

CLAIM_MAIN(tests)
