/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates of operations on names, one thread: a line each, name and operations a second.
 *
 *	metadata DIRECTORY
 *
 * "cold" means that the kernel has forgotten the names and attributes, as far as the caller may
 * make it (root).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NR_FILES     10000
#define NR_WITH_DATA 1000
#define READS        10

static char buffer[4096];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

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

	need(fd >= 0, "create");
	close(fd);
}

static void stat_file(int i)
{
	struct stat st;

	need(stat(name("f", i), &st) == 0, "stat");
}

static void look_for_nothing(int i)
{
	need(access(name("none", i), F_OK) == -1 && errno == ENOENT, "negative lookup");
}

static void open_and_read(int i)
{
	int fd = open(name("d", i % NR_WITH_DATA), O_RDONLY);

	need(fd >= 0 && read(fd, buffer, sizeof(buffer)) == sizeof(buffer), "open and read");
	close(fd);
}

static void rename_file(int i)
{
	char from[64];

	strcpy(from, name("f", i));
	need(rename(from, name("g", i)) == 0, "rename");
}

static void unlink_file(int i)
{
	need(unlink(name("g", i)) == 0, "unlink");
}

static void make_data(void)
{
	for (int i = 0; i < NR_WITH_DATA; i++) {
		int fd = open(name("d", i), O_WRONLY | O_CREAT, 0644);

		need(fd >= 0 && write(fd, buffer, sizeof(buffer)) == sizeof(buffer), "write");
		close(fd);
	}
}

static void rate(const char *what, int times, void (*operation)(int))
{
	double start = now();

	for (int i = 0; i < times; i++)
		operation(i);
	printf("%s %.0f\n", what, times / (now() - start));
	fflush(stdout);
}

static void list_long(void)
{
	double start = now();
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(".");
	int n = 0;

	need(dir != NULL, "opendir");
	for (; (entry = readdir(dir)); n++)
		need(lstat(entry->d_name, &st) == 0, "lstat");
	closedir(dir);
	printf("ls-l %.0f\n", n / (now() - start));
}

int main(int argc, char **argv)
{
	need(argc == 2 && chdir(argv[1]) == 0, "usage: metadata DIRECTORY");
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
