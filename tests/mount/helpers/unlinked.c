/* SPDX-License-Identifier: Apache-2.0 */
/* Files without a name: unlinked while open, and born that way. */
#include "claim.h"

#include <sys/mman.h>

static int link_fd(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static bool fd_holds(int fd, const char *text)
{
	char buf[64] = "";

	return pread(fd, buf, sizeof(buf) - 1, 0) == (ssize_t)strlen(text) && !strcmp(buf, text);
}

static void test_unlinked_file_lives_while_open(void)
{
	struct stat st;
	int fd;

	claim_make_file("f", "first");
	claim_need((fd = open("f", O_RDWR)) >= 0);
	claim(unlink("f") == 0);
	claim(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 5);
	claim(fd_holds(fd, "first"));
	claim(pwrite(fd, "second", 6, 0) == 6 && fd_holds(fd, "second"));
	claim(ftruncate(fd, 3) == 0 && fd_holds(fd, "sec"));
	claim(fchmod(fd, 0600) == 0 && fsync(fd) == 0);
	claim_make_file("f", "another");
	claim(fd_holds(fd, "sec") && claim_file_is("f", "another"));
	claim_errno(ENOENT, link_fd(fd, "back"));
	close(fd);
}

static void test_unlinked_file_lives_while_mapped(void)
{
	char *map;
	int fd;

	claim_make_file("f", "mapped");
	claim_need((fd = open("f", O_RDWR)) >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	claim_need(map != MAP_FAILED);
	claim(close(fd) == 0 && unlink("f") == 0);
	claim(!memcmp(map, "mapped", 6));
	map[0] = 'M';
	claim(msync(map, 4096, MS_SYNC) == 0 && map[0] == 'M');
	munmap(map, 4096);
}

static void test_replaced_file_lives_while_open(void)
{
	int fd;

	claim_make_file("f", "old");
	claim_make_file("g", "new");
	claim_need((fd = open("f", O_RDWR)) >= 0);
	claim(rename("g", "f") == 0);
	claim(fd_holds(fd, "old") && claim_file_is("f", "new"));
	close(fd);
}

static void test_removed_working_directory_is_empty(void)
{
	char buf[4096];

	claim_need(mkdir("d", 0755) == 0 && chdir("d") == 0 && rmdir("../d") == 0);
	claim(getcwd(buf, sizeof(buf)) == NULL && errno == ENOENT);
	claim_errno(ENOENT, open("x", O_WRONLY | O_CREAT, 0644));
	claim_errno(ENOENT, mkdir("x", 0755));
}

static void test_tmpfile_has_no_name_until_linked(void)
{
	struct stat st;
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);

	claim_need(fd >= 0);
	claim(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 07777) == 0640);
	claim(write(fd, "unnamed", 7) == 7 && fd_holds(fd, "unnamed"));
	claim(link_fd(fd, "named") == 0 && claim_file_is("named", "unnamed"));
	claim(fstat(fd, &st) == 0 && st.st_nlink == 1);
	claim(link_fd(fd, "twice") == 0 && claim_stat("twice").st_nlink == 2);
	claim_errno(EEXIST, link_fd(fd, "twice"));
	close(fd);
	claim(claim_file_is("twice", "unnamed"));
}

static void test_exclusive_tmpfile_stays_unnamed(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);

	claim_need(fd >= 0);
	claim_errno(ENOENT, link_fd(fd, "named"));
	claim(write(fd, "x", 1) == 1);
	close(fd);
}

static void test_directory_with_only_a_tmpfile_is_empty(void)
{
	int fd;

	claim_need(mkdir("d", 0755) == 0 && (fd = open("d", O_TMPFILE | O_RDWR, 0600)) >= 0);
	claim(write(fd, "x", 1) == 1);
	claim(rmdir("d") == 0);
	claim(fd_holds(fd, "x"));
	close(fd);
}

static void test_hundreds_of_files_are_unlinked_while_open(void)
{
	enum { NR = 500 };
	int fds[NR];
	char name[16];

	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "%d", i);
		claim_make_file(name, name);
		claim_need((fds[i] = open(name, O_RDONLY)) >= 0);
		claim_need(unlink(name) == 0);
	}
	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "%d", i);
		claim(fd_holds(fds[i], name));
		close(fds[i]);
	}
}

static const struct claim_test tests[] = {
	{ "unlinked_file_lives_while_open", test_unlinked_file_lives_while_open },
	{ "unlinked_file_lives_while_mapped", test_unlinked_file_lives_while_mapped },
	{ "replaced_file_lives_while_open", test_replaced_file_lives_while_open },
	{ "removed_working_directory_is_empty", test_removed_working_directory_is_empty },
	{ "tmpfile_has_no_name_until_linked", test_tmpfile_has_no_name_until_linked },
	{ "exclusive_tmpfile_stays_unnamed", test_exclusive_tmpfile_stays_unnamed },
	{ "directory_with_only_a_tmpfile_is_empty", test_directory_with_only_a_tmpfile_is_empty },
	{ "hundreds_of_files_are_unlinked_while_open",
	  test_hundreds_of_files_are_unlinked_while_open },
};
CLAIM_MAIN(tests)
