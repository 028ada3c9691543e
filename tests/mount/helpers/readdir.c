/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a directory while it changes: what stays is seen exactly once. */
#include "claim.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>

#define NR_STAYING 2000

static unsigned char seen[NR_STAYING];
static int nr_others;

static void make_staying(void)
{
	char name[32];

	for (int i = 0; i < NR_STAYING; i++) {
		snprintf(name, sizeof(name), "stay-%d", i);
		claim_need(mknod(name, S_IFREG | 0644, 0) == 0);
	}
}

static void note(const char *name)
{
	int i;

	if (sscanf(name, "stay-%d", &i) == 1)
		seen[i]++;
	else
		nr_others++;
}

static bool each_was_seen_once(void)
{
	for (int i = 0; i < NR_STAYING; i++)
		if (seen[i] != 1)
			return false;
	return true;
}

static void start_noting(void)
{
	memset(seen, 0, sizeof(seen));
	nr_others = 0;
}

static DIR *open_here(void)
{
	DIR *dir = opendir(".");

	claim_need(dir != NULL);
	return dir;
}

static void note_all(DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir)))
		note(entry->d_name);
}

static void test_every_entry_is_seen_once(void)
{
	DIR *dir;

	make_staying();
	dir = open_here();
	for (int round = 0; round < 3; round++) {
		start_noting();
		note_all(dir);
		claim(each_was_seen_once() && nr_others == 2);
		rewinddir(dir);
	}
	closedir(dir);
}

static void test_types_and_numbers_match_stat(void)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	claim_make_file("file", "x");
	claim_need(mkdir("dir", 0755) == 0 && symlink("x", "link") == 0 &&
		   mkfifo("fifo", 0600) == 0);
	dir = open_here();
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".."))
			continue;
		claim(lstat(entry->d_name, &st) == 0 && st.st_ino == entry->d_ino);
		claim(entry->d_type == DT_UNKNOWN || entry->d_type == IFTODT(st.st_mode));
	}
	closedir(dir);
}

static void test_unlinking_what_was_just_read_skips_nothing(void)
{
	struct dirent *entry;
	DIR *dir;

	make_staying();
	start_noting();
	dir = open_here();
	while ((entry = readdir(dir))) {
		note(entry->d_name);
		if (entry->d_name[0] == 's')
			claim(unlink(entry->d_name) == 0);
	}
	closedir(dir);
	claim(each_was_seen_once());
}

static atomic_bool stop;

static void *churn(void *arg)
{
	char name[32], other[32];

	for (unsigned i = 0; !atomic_load(&stop); i++) {
		snprintf(name, sizeof(name), "come-%u", i % 300);
		snprintf(other, sizeof(other), "gone-%u", i % 170);
		(void)mknod(name, S_IFREG | 0644, 0);
		(void)rename(name, other);
		(void)unlink(i % 3 ? other : name);
	}
	return arg;
}

static void test_what_stays_is_seen_once_under_change(void)
{
	pthread_t thread;
	DIR *dir;

	make_staying();
	atomic_store(&stop, false);
	claim_need(pthread_create(&thread, NULL, churn, NULL) == 0);
	for (int round = 0; round < 10; round++) {
		start_noting();
		dir = open_here();
		note_all(dir);
		closedir(dir);
		claim(each_was_seen_once());
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}

static void test_seekdir_goes_back_to_a_place(void)
{
	char name[256];
	struct dirent *entry;
	long place = 0;
	DIR *dir;

	make_staying();
	dir = open_here();
	for (int i = 0; i < NR_STAYING / 2; i++)
		claim_need(readdir(dir) != NULL);
	place = telldir(dir);
	claim_need((entry = readdir(dir)) != NULL);
	strcpy(name, entry->d_name);
	while (readdir(dir))
		;
	claim_make_file("a-newcomer", "x");
	seekdir(dir, place);
	claim_need((entry = readdir(dir)) != NULL);
	claim(!strcmp(entry->d_name, name));
	closedir(dir);
}

static void test_two_readers_do_not_disturb_each_other(void)
{
	DIR *one, *two;

	make_staying();
	one = open_here();
	two = open_here();
	for (int i = 0; i < 100; i++)
		claim_need(readdir(one) != NULL);
	start_noting();
	note_all(two);
	claim(each_was_seen_once());
	closedir(one);
	closedir(two);
}

static const struct claim_test tests[] = {
	{ "every_entry_is_seen_once", test_every_entry_is_seen_once },
	{ "types_and_numbers_match_stat", test_types_and_numbers_match_stat },
	{ "unlinking_what_was_just_read_skips_nothing",
	  test_unlinking_what_was_just_read_skips_nothing },
	{ "what_stays_is_seen_once_under_change", test_what_stays_is_seen_once_under_change },
	{ "seekdir_goes_back_to_a_place", test_seekdir_goes_back_to_a_place },
	{ "two_readers_do_not_disturb_each_other", test_two_readers_do_not_disturb_each_other },
};
CLAIM_MAIN(tests)
