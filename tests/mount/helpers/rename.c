/* SPDX-License-Identifier: Apache-2.0 */
/* rename(2) and renameat2(2), with all their corners. */
#include "claim.h"

#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>

static int rename_flags(const char *from, const char *to, unsigned flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void test_rename_replaces_a_file(void)
{
	ino_t ino;
	int fd;
	char buf[8] = "";

	claim_make_file("a", "new");
	claim_make_file("b", "old");
	ino = claim_stat("a").st_ino;
	claim_need((fd = open("b", O_RDONLY)) >= 0);
	claim(rename("a", "b") == 0);
	claim_errno(ENOENT, access("a", F_OK));
	claim(claim_stat("b").st_ino == ino && claim_file_is("b", "new"));
	claim(read(fd, buf, sizeof(buf)) == 3 && !strcmp(buf, "old"));
	close(fd);
}

static void test_rename_to_a_link_of_itself_does_nothing(void)
{
	claim_make_file("a", "x");
	claim_need(link("a", "b") == 0);
	claim(rename("a", "b") == 0);
	claim(access("a", F_OK) == 0 && access("b", F_OK) == 0);
	claim(rename("a", "a") == 0);
}

static void test_rename_respects_kinds(void)
{
	claim_make_file("f", "x");
	claim_need(mkdir("d", 0755) == 0 && mkdir("full", 0755) == 0 && mkdir("empty", 0755) == 0);
	claim_make_file("full/x", "x");
	claim_errno(EISDIR, rename("f", "d"));
	claim_errno(ENOTDIR, rename("d", "f"));
	claim(rename("d", "full") == -1 && (errno == ENOTEMPTY || errno == EEXIST));
	claim(rename("d", "empty") == 0);
	claim_errno(ENOENT, rename("none", "x"));
	claim_errno(ENOENT, rename("f", "none/x"));
	claim_errno(ENOTDIR, rename("f", "full/x/y"));
}

static void test_directory_does_not_move_into_itself(void)
{
	claim_need(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0);
	claim_errno(EINVAL, rename("d", "d/e/f"));
	claim_errno(EINVAL, rename("d", "d/x"));
	claim(rename("d/e", "d") == -1 && (errno == ENOTEMPTY || errno == EEXIST));
	claim_errno(EINVAL, rename_flags("d", "d/e", RENAME_EXCHANGE));
}

static void test_moved_directory_has_a_new_parent(void)
{
	claim_need(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0 && mkdir("a/d", 0755) == 0);
	claim(rename("a/d", "b/d") == 0);
	claim(claim_stat("a").st_nlink == 2 && claim_stat("b").st_nlink == 3);
	claim(claim_stat("b/d/..").st_ino == claim_stat("b").st_ino);
}

static void test_noreplace_replaces_nothing(void)
{
	claim_make_file("a", "a");
	claim_make_file("b", "b");
	claim_errno(EEXIST, rename_flags("a", "b", RENAME_NOREPLACE));
	claim(claim_file_is("a", "a") && claim_file_is("b", "b"));
	claim(rename_flags("a", "c", RENAME_NOREPLACE) == 0);
	claim(claim_file_is("c", "a"));
	claim_errno(ENOENT, rename_flags("a", "d", RENAME_NOREPLACE));
}

static void test_exchange_swaps_any_two(void)
{
	claim_make_file("f", "file");
	claim_need(mkdir("p", 0755) == 0 && mkdir("p/d", 0755) == 0);
	claim_make_file("p/d/x", "inside");
	claim(rename_flags("f", "p/d", RENAME_EXCHANGE) == 0);
	claim(claim_file_is("p/d", "file") && claim_file_is("f/x", "inside"));
	claim(claim_stat("p").st_nlink == 2 && claim_stat(".").st_nlink == 4);
	claim(claim_stat("f/..").st_ino == claim_stat(".").st_ino);
	claim_errno(ENOENT, rename_flags("f", "none", RENAME_EXCHANGE));
	claim_errno(EINVAL, rename_flags("f", "p/d", RENAME_EXCHANGE | RENAME_NOREPLACE));
}

static void test_rename_marks_the_times(void)
{
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	claim_need(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	claim_make_file("a/f", "x");
	claim_need(utimensat(AT_FDCWD, "a/f", old, 0) == 0);
	claim_need(utimensat(AT_FDCWD, "a", old, 0) == 0);
	claim_need(utimensat(AT_FDCWD, "b", old, 0) == 0);
	claim(rename("a/f", "b/f") == 0);
	claim(claim_stat("b/f").st_mtime == 1000);
	claim(claim_stat("a").st_mtime > 1000 && claim_stat("b").st_mtime > 1000);
}

/* One thread swaps two names for ever; another must always find both. */
static atomic_bool stop;

static void *exchange_for_ever(void *arg)
{
	while (!atomic_load(&stop))
		(void)rename_flags("a", "b", RENAME_EXCHANGE);
	return arg;
}

static void test_exchange_is_never_seen_half_done(void)
{
	pthread_t thread;
	int missing = 0;

	claim_make_file("a", "x");
	claim_make_file("b", "y");
	atomic_store(&stop, false);
	claim_need(pthread_create(&thread, NULL, exchange_for_ever, NULL) == 0);
	for (int i = 0; i < 5000; i++)
		missing += access("a", F_OK) || access("b", F_OK);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	claim(missing == 0);
}

static void *replace_for_ever(void *arg)
{
	while (!atomic_load(&stop)) {
		claim_make_file("tmp", "next");
		(void)rename("tmp", "file");
	}
	return arg;
}

static void test_replacing_is_never_seen_half_done(void)
{
	pthread_t thread;
	int wrong = 0;

	claim_make_file("file", "next");
	atomic_store(&stop, false);
	claim_need(pthread_create(&thread, NULL, replace_for_ever, NULL) == 0);
	for (int i = 0; i < 2000; i++)
		wrong += !claim_file_is("file", "next");
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	claim(wrong == 0);
}

static const struct claim_test tests[] = {
	{ "rename_replaces_a_file", test_rename_replaces_a_file },
	{ "rename_to_a_link_of_itself_does_nothing", test_rename_to_a_link_of_itself_does_nothing },
	{ "rename_respects_kinds", test_rename_respects_kinds },
	{ "directory_does_not_move_into_itself", test_directory_does_not_move_into_itself },
	{ "moved_directory_has_a_new_parent", test_moved_directory_has_a_new_parent },
	{ "noreplace_replaces_nothing", test_noreplace_replaces_nothing },
	{ "exchange_swaps_any_two", test_exchange_swaps_any_two },
	{ "rename_marks_the_times", test_rename_marks_the_times },
	{ "exchange_is_never_seen_half_done", test_exchange_is_never_seen_half_done },
	{ "replacing_is_never_seen_half_done", test_replacing_is_never_seen_half_done },
};
CLAIM_MAIN(tests)
