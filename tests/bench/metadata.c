/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the rate of each operation on names, with one thread: name and operations per second.
 *
 *	metadata DIRECTORY
 *
 * "cold" means that the kernel's caches of names and attributes are empty, which only root can
 * arrange.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/load.h"

#define NR_FILES     10000
#define NR_WITH_DATA 1000
#define READS        10

static char buffer[4096];

static const char *name(const char *prefix, int i)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s%d", prefix, i);
	return text;
}

static void forget_names(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	sync();
	if (fd < 0)
		return;
	(void)!write(fd, "2", 1);
	close(fd);
}

static void create_file(int i)
{
	int fd = open(name("f", i), O_WRONLY | O_CREAT | O_EXCL, 0644);

	load_need(fd >= 0, "create");
	close(fd);
}

static void stat_file(int i)
{
	struct stat st;

	load_need(stat(name("f", i), &st) == 0, "stat");
}

static void look_for_nothing(int i)
{
	load_need(access(name("none", i), F_OK) == -1 && errno == ENOENT, "negative lookup");
}

static void open_and_read(int i)
{
	int fd = open(name("d", i % NR_WITH_DATA), O_RDONLY);

	load_need(fd >= 0 && read(fd, buffer, sizeof(buffer)) == sizeof(buffer), "open and read");
	close(fd);
}

static void rename_file(int i)
{
	char from[64];

	strcpy(from, name("f", i));
	load_need(rename(from, name("g", i)) == 0, "rename");
}

static void unlink_file(int i)
{
	load_need(unlink(name("g", i)) == 0, "unlink");
}

static void make_data(void)
{
	for (int i = 0; i < NR_WITH_DATA; i++) {
		int fd = open(name("d", i), O_WRONLY | O_CREAT, 0644);

		load_need(fd >= 0 && write(fd, buffer, sizeof(buffer)) == sizeof(buffer), "write");
		close(fd);
	}
}

static void rate(const char *what, int times, void (*operation)(int))
{
	double start = load_now();

	for (int i = 0; i < times; i++)
		operation(i);
	printf("%s %.0f\n", what, times / (load_now() - start));
	fflush(stdout);
}

static void list_long(void)
{
	double start = load_now();
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(".");
	int n = 0;

	load_need(dir != NULL, "opendir");
	for (; (entry = readdir(dir)); n++)
		load_need(lstat(entry->d_name, &st) == 0, "lstat");
	closedir(dir);
	printf("ls-l %.0f\n", n / (load_now() - start));
}

int main(int argc, char **argv)
{
	load_need(argc == 2 && chdir(argv[1]) == 0, "usage: metadata DIRECTORY");
	rate("create", NR_FILES, create_file);
	forget_names();
	rate("cold-stat", NR_FILES, stat_file);
	rate("negative-lookup", NR_FILES, look_for_nothing);
	forget_names();
	list_long();
	make_data();
	rate("open-read", NR_WITH_DATA * READS, open_and_read);
	rate("rename", NR_FILES, rename_file);
	rate("unlink", NR_FILES, unlink_file);
	return 0;
}
