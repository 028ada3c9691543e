/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostile KIND COUNT: what a user may do to harm others, in the working directory.
 *
 *	files, links, xattrs, deep: as many as COUNT, or until an error; prints how many there were
 *	open: open files, locked, until standard input ends
 *	lookups: look for names that are not there, for COUNT seconds
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int make_file(const char *name)
{
	int fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int files(long i)
{
	char name[32];

	snprintf(name, sizeof(name), "file%ld", i);
	return make_file(name);
}

static int links(long i)
{
	char name[32];

	if (i == 0)
		return make_file("first");
	snprintf(name, sizeof(name), "link%ld", i);
	return link("first", name);
}

/* 16 of 64 KiB are the most that a file can have. */
static int xattrs(long i)
{
	static char value[65536];
	char file[32], name[32];

	snprintf(file, sizeof(file), "file%ld", i / 16);
	snprintf(name, sizeof(name), "user.%ld", i % 16);
	return i % 16 == 0 && make_file(file) ? -1 : setxattr(file, name, value, sizeof(value), 0);
}

static int deep(long i)
{
	(void)i;
	return mkdir("d", 0700) || chdir("d") ? -1 : 0;
}

static int open_and_lock(long i)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "open%ld", i);
	fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : flock(fd, LOCK_EX);
}

static void look_for_nothing(long seconds)
{
	time_t until = time(NULL) + seconds;
	struct stat st;
	char name[32];

	for (unsigned i = 0; time(NULL) < until; i++) {
		snprintf(name, sizeof(name), "nothing%u", i);
		(void)stat(name, &st);
	}
}

static const struct {
	const char *name;
	int (*one)(long i);
} kinds[] = {
	{ "files", files }, { "links", links },        { "xattrs", xattrs },
	{ "deep", deep },   { "open", open_and_lock },
};

static void do_all(int (*one)(long i), long count)
{
	long i = 0;

	while (i < count && !one(i))
		i++;
	printf("%ld %s\n", i, i < count ? strerror(errno) : "all");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (count && !strcmp(argv[1], "lookups")) {
		look_for_nothing(count);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; count && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name)) {
			do_all(kinds[i].one, count);
			if (kinds[i].one == open_and_lock)
				while (getchar() != EOF)
					;
			return EXIT_SUCCESS;
		}
	fprintf(stderr, "usage: hostile KIND COUNT\n");
	return EXIT_FAILURE;
}
