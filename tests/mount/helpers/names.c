/* SPDX-License-Identifier: Apache-2.0 */
/* What POSIX and Linux say about names: their bytes, lengths, links and directories. */
#include "claim.h"

#include <dirent.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define NAME_LENGTH_MAX 255

static char *name_of_length(size_t length)
{
	static char name[NAME_LENGTH_MAX + 2];

	memset(name, 'n', length);
	name[length] = '\0';
	return name;
}

static int nr_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	claim_need(dir != NULL);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static bool listed(const char *path, const char *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool found = false;

	claim_need(dir != NULL);
	while (!found && (entry = readdir(dir)))
		found = !strcmp(entry->d_name, name);
	closedir(dir);
	return found;
}

static void test_every_byte_makes_a_name(void)
{
	char name[8] = "a?z";

	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		name[1] = (char)byte;
		claim_make_file(name, name);
	}
	claim(nr_entries(".") == 254);
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/')
			continue;
		name[1] = (char)byte;
		claim(listed(".", name));
		claim(claim_file_is(name, name));
		claim(unlink(name) == 0);
	}
	claim(nr_entries(".") == 0);
}

static void test_single_bytes_are_names(void)
{
	char name[2] = "";

	for (int byte = 1; byte < 256; byte++) {
		name[0] = (char)byte;
		if (byte != '/' && byte != '.')
			claim(mkdir(name, 0755) == 0);
	}
	claim(nr_entries(".") == 253);
	claim(claim_stat(".").st_nlink == 255);
}

static void test_names_are_case_sensitive_bytes(void)
{
	claim_make_file("name", "lower");
	claim_make_file("Name", "upper");
	claim_make_file("na\xcc\x88me", "decomposed");
	claim_make_file("n\xc3\xa4me", "composed");
	claim(nr_entries(".") == 4);
	claim(claim_file_is("name", "lower"));
}

static void test_name_of_255_bytes_fits_and_256_not(void)
{
	char *name = name_of_length(NAME_LENGTH_MAX);
	struct statfs fs;

	claim_make_file(name, "long");
	claim(claim_file_is(name, "long") && listed(".", name));
	claim(statfs(".", &fs) == 0 && fs.f_namelen == NAME_LENGTH_MAX);
	name = name_of_length(NAME_LENGTH_MAX + 1);
	claim_errno(ENAMETOOLONG, open(name, O_WRONLY | O_CREAT, 0644));
	claim_errno(ENAMETOOLONG, mkdir(name, 0755));
	claim_errno(ENAMETOOLONG, symlink("x", name));
	claim_errno(ENAMETOOLONG, mkfifo(name, 0644));
	claim_make_file("x", "x");
	claim_errno(ENAMETOOLONG, link("x", name));
	claim_errno(ENAMETOOLONG, access(name, F_OK));
	claim_errno(ENAMETOOLONG, rename(name_of_length(NAME_LENGTH_MAX + 1), "short"));
}

static void test_paths_go_deeper_than_path_max(void)
{
	int depth = 0, fd = open(".", O_RDONLY | O_DIRECTORY), up;

	while (depth < 40) {
		claim_need(mkdir(name_of_length(NAME_LENGTH_MAX), 0755) == 0);
		claim_need(chdir(name_of_length(NAME_LENGTH_MAX)) == 0);
		depth++;
	}
	claim_make_file("bottom", "deep");
	claim(claim_file_is("bottom", "deep"));
	for (up = 0; up < depth; up++)
		claim_need(chdir("..") == 0);
	claim(claim_stat(".").st_nlink == 3);
	claim(fchdir(fd) == 0);
	close(fd);
}

static void test_path_of_path_max_is_refused(void)
{
	char path[PATH_MAX + 1];

	memset(path, '/', sizeof(path) - 1);
	path[PATH_MAX] = '\0';
	path[0] = '.';
	claim_errno(ENAMETOOLONG, access(path, F_OK));
	path[PATH_MAX - 1] = '\0';
	claim(access(path, F_OK) == 0);
}

static void test_dot_and_dot_dot_are_taken(void)
{
	claim_need(mkdir("d", 0755) == 0);
	claim_errno(EEXIST, mkdir("d/.", 0755));
	claim_errno(EEXIST, mkdir("d/..", 0755));
	claim_errno(EINVAL, rmdir("d/."));
	claim_errno(ENOTEMPTY, rmdir("d/.."));
	claim(rename("d", ".") == -1 && (errno == EBUSY || errno == EINVAL || errno == EEXIST));
	claim_errno(ENOENT, mkdir("", 0755));
	claim(listed("d", ".") && listed("d", ".."));
	claim(claim_stat("d/..").st_ino == claim_stat(".").st_ino);
	claim(claim_stat("d/.").st_ino == claim_stat("d").st_ino);
}

static void test_wrong_kinds_are_told(void)
{
	claim_make_file("f", "x");
	claim_need(mkdir("d", 0755) == 0);
	claim_errno(ENOTDIR, open("f/x", O_RDONLY));
	claim_errno(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
	claim_errno(EISDIR, open("d", O_WRONLY));
	claim_errno(EISDIR, unlink("d"));
	claim_errno(ENOTDIR, rmdir("f"));
	claim_errno(EEXIST, open("f", O_WRONLY | O_CREAT | O_EXCL, 0644));
	claim_errno(EEXIST, mkdir("f", 0755));
	claim_errno(ENOENT, open("none", O_RDONLY));
	claim_errno(ENOENT, unlink("none"));
	claim_errno(EINVAL, truncate("f", -1));
	claim_errno(EISDIR, truncate("d", 0));
}

static void test_directories_count_their_links(void)
{
	claim(claim_stat(".").st_nlink == 2);
	claim_need(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	claim(claim_stat("d").st_nlink == 3);
	claim_errno(ENOTEMPTY, rmdir("d"));
	claim(rmdir("d/e") == 0);
	claim(claim_stat("d").st_nlink == 2);
	claim(rmdir("d") == 0);
	claim_errno(ENOENT, access("d", F_OK));
}

static void test_removed_directory_takes_no_entries(void)
{
	int fd;

	claim_need(mkdir("d", 0755) == 0);
	claim_need((fd = open("d", O_RDONLY | O_DIRECTORY)) >= 0);
	claim_need(rmdir("d") == 0);
	claim_errno(ENOENT, mkdirat(fd, "x", 0755));
	claim_errno(ENOENT, openat(fd, "x", O_WRONLY | O_CREAT, 0644));
	close(fd);
}

static void test_hard_links_share_one_inode(void)
{
	claim_make_file("a", "one");
	claim(link("a", "b") == 0);
	claim(claim_stat("a").st_ino == claim_stat("b").st_ino);
	claim(claim_stat("a").st_nlink == 2);
	claim_make_file("b", "two");
	claim(claim_file_is("a", "two"));
	claim(unlink("a") == 0);
	claim(claim_stat("b").st_nlink == 1 && claim_file_is("b", "two"));
	claim_errno(EEXIST, link("b", "b"));
	claim_errno(ENOENT, link("a", "c"));
	claim_need(mkdir("d", 0755) == 0);
	claim_errno(EPERM, link("d", "e"));
}

static void test_thousand_hard_links(void)
{
	char name[16];

	claim_make_file("0", "many");
	for (int i = 1; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		claim_need(link("0", name) == 0);
	}
	claim(claim_stat("999").st_nlink == 1000);
	for (int i = 0; i < 999; i++) {
		snprintf(name, sizeof(name), "%d", i);
		claim_need(unlink(name) == 0);
	}
	claim(claim_stat("999").st_nlink == 1 && claim_file_is("999", "many"));
}

static void test_symlinks_hold_any_text(void)
{
	char target[PATH_MAX], back[PATH_MAX + 1];

	memset(target, 't', sizeof(target));
	target[PATH_MAX - 1] = '\0';
	claim(symlink(target, "long") == 0);
	claim(readlink("long", back, sizeof(back)) == PATH_MAX - 1);
	claim(!memcmp(target, back, PATH_MAX - 1));
	claim(claim_stat("long").st_size == PATH_MAX - 1);
	claim(symlink("nowhere", "dangling") == 0);
	claim_errno(ENOENT, open("dangling", O_RDONLY));
	claim(readlink("dangling", back, 3) == 3);
	claim_errno(ENOENT, symlink("", "empty"));
	claim(symlink("loop", "loop") == 0);
	claim_errno(ELOOP, open("loop", O_RDONLY));
	claim_errno(ELOOP, open("dangling", O_RDONLY | O_NOFOLLOW));
	claim_errno(EEXIST, symlink("x", "loop"));
	claim_make_file("plain", "x");
	claim_errno(EINVAL, readlink("plain", back, sizeof(back)));
	claim(symlink("plain", "through") == 0 && claim_file_is("through", "x"));
}

static void test_special_files_keep_their_numbers(void)
{
	claim(mkfifo("fifo", 0640) == 0 && S_ISFIFO(claim_stat("fifo").st_mode));
	claim(mknod("sock", S_IFSOCK | 0600, 0) == 0 && S_ISSOCK(claim_stat("sock").st_mode));
	if (geteuid() == 0) {
		claim(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
		claim(claim_stat("null").st_rdev == makedev(1, 3));
		claim(mknod("blk", S_IFBLK | 0600, makedev(250, 70000)) == 0);
		claim(claim_stat("blk").st_rdev == makedev(250, 70000));
	}
	claim(mknod("file", S_IFREG | 0604, 0) == 0);
	claim(claim_stat("file").st_mode == (S_IFREG | 0604));
}

static void test_fifo_carries_bytes(void)
{
	char buf[8] = "";
	pid_t pid;
	int fd;

	claim_need(mkfifo("p", 0600) == 0);
	claim_need((pid = fork()) >= 0);
	if (pid == 0) {
		fd = open("p", O_WRONLY);
		_exit(write(fd, "through", 7) != 7);
	}
	claim_need((fd = open("p", O_RDONLY)) >= 0);
	claim(read(fd, buf, sizeof(buf)) == 7 && !strcmp(buf, "through"));
	close(fd);
	claim(waitpid(pid, NULL, 0) == pid);
}

static const struct claim_test tests[] = {
	{ "every_byte_makes_a_name", test_every_byte_makes_a_name },
	{ "single_bytes_are_names", test_single_bytes_are_names },
	{ "names_are_case_sensitive_bytes", test_names_are_case_sensitive_bytes },
	{ "name_of_255_bytes_fits_and_256_not", test_name_of_255_bytes_fits_and_256_not },
	{ "paths_go_deeper_than_path_max", test_paths_go_deeper_than_path_max },
	{ "path_of_path_max_is_refused", test_path_of_path_max_is_refused },
	{ "dot_and_dot_dot_are_taken", test_dot_and_dot_dot_are_taken },
	{ "wrong_kinds_are_told", test_wrong_kinds_are_told },
	{ "directories_count_their_links", test_directories_count_their_links },
	{ "removed_directory_takes_no_entries", test_removed_directory_takes_no_entries },
	{ "hard_links_share_one_inode", test_hard_links_share_one_inode },
	{ "thousand_hard_links", test_thousand_hard_links },
	{ "symlinks_hold_any_text", test_symlinks_hold_any_text },
	{ "special_files_keep_their_numbers", test_special_files_keep_their_numbers },
	{ "fifo_carries_bytes", test_fifo_carries_bytes },
};
CLAIM_MAIN(tests)
