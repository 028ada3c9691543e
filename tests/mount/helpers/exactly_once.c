/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exactly_once DIRECTORY THREADS: operations that succeed once and fail when they are repeated.
 *
 * Each thread has a directory of its own and knows what is in it. It runs until SIGTERM, and prints
 * how many operations it has checked. Any result that is not the one of a single execution fails.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_THREADS 64

static volatile sig_atomic_t stop;

struct worker {
	pthread_t thread;
	const char *directory;
	unsigned number;
	unsigned long nr_checked;
};

static void on_term(int number)
{
	(void)number;
	stop = 1;
}

/* @got: what the call returned; errno is its error. @expected: an errno, 0: success */
static void must(struct worker *worker, long got, int expected, const char *what)
{
	int error = got < 0 ? errno : 0;

	if (error != expected)
		errx(EXIT_FAILURE, "thread %u, round %lu: %s: %s instead of %s", worker->number,
		     worker->nr_checked, what, strerror(error), strerror(expected));
	worker->nr_checked++;
}

static void files(struct worker *w, int dir)
{
	char text[32], back[32];
	struct stat st;
	int fd = openat(dir, "file", O_CREAT | O_EXCL | O_RDWR, 0600);
	int bytes = snprintf(text, sizeof(text), "%u %lu", w->number, w->nr_checked);

	must(w, fd, 0, "create");
	must(w, openat(dir, "file", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST, "create again");
	must(w, write(fd, text, (size_t)bytes) == bytes ? 0 : -1, 0, "write");
	must(w, linkat(dir, "file", dir, "link", 0), 0, "link");
	must(w, linkat(dir, "file", dir, "link", 0), EEXIST, "link again");
	must(w, fstat(fd, &st), 0, "stat");
	if (st.st_nlink != 2 || st.st_size != bytes)
		errx(EXIT_FAILURE, "thread %u: %lu links, %ld bytes", w->number,
		     (unsigned long)st.st_nlink, (long)st.st_size);
	must(w, fsetxattr(fd, "user.once", "1", 1, XATTR_CREATE), 0, "setxattr");
	must(w, fsetxattr(fd, "user.once", "1", 1, XATTR_CREATE), EEXIST, "setxattr again");
	must(w, fremovexattr(fd, "user.once"), 0, "removexattr");
	must(w, fremovexattr(fd, "user.once"), ENODATA, "removexattr again");
	must(w, renameat(dir, "file", dir, "renamed"), 0, "rename");
	must(w, renameat(dir, "file", dir, "renamed"), ENOENT, "rename again");
	must(w, unlinkat(dir, "link", 0), 0, "unlink");
	must(w, unlinkat(dir, "link", 0), ENOENT, "unlink again");
	must(w, unlinkat(dir, "renamed", 0), 0, "unlink the last name");
	must(w,
	     pread(fd, back, sizeof(back), 0) == bytes && !memcmp(text, back, (size_t)bytes) ? 0
											     : -1,
	     0, "read");
	must(w, fstat(fd, &st), 0, "stat");
	if (st.st_nlink != 0)
		errx(EXIT_FAILURE, "thread %u: links are left", w->number);
	close(fd);
}

static void directories(struct worker *w, int dir)
{
	must(w, mkdirat(dir, "sub", 0700), 0, "mkdir");
	must(w, mkdirat(dir, "sub", 0700), EEXIST, "mkdir again");
	must(w, symlinkat("target", dir, "sub/link"), 0, "symlink");
	must(w, symlinkat("target", dir, "sub/link"), EEXIST, "symlink again");
	must(w, mknodat(dir, "sub/fifo", S_IFIFO | 0600, 0), 0, "mknod");
	must(w, mknodat(dir, "sub/fifo", S_IFIFO | 0600, 0), EEXIST, "mknod again");
	must(w, renameat2(dir, "sub/link", dir, "sub/fifo", RENAME_EXCHANGE), 0, "exchange");
	must(w, unlinkat(dir, "sub", AT_REMOVEDIR), ENOTEMPTY, "rmdir of a full one");
	must(w, unlinkat(dir, "sub/link", 0), 0, "unlink");
	must(w, unlinkat(dir, "sub/fifo", 0), 0, "unlink");
	must(w, unlinkat(dir, "sub", AT_REMOVEDIR), 0, "rmdir");
	must(w, unlinkat(dir, "sub", AT_REMOVEDIR), ENOENT, "rmdir again");
}

static void is_empty(struct worker *w, int dir)
{
	DIR *stream = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY));
	const struct dirent *entry;

	if (!stream)
		err(EXIT_FAILURE, "thread %u: opendir", w->number);
	while ((entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			errx(EXIT_FAILURE, "thread %u: %s is left", w->number, entry->d_name);
	closedir(stream);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	char name[32];
	int top = open(worker->directory, O_RDONLY | O_DIRECTORY), dir;

	snprintf(name, sizeof(name), "thread%u", worker->number);
	if (top < 0 || mkdirat(top, name, 0700))
		err(EXIT_FAILURE, "%s", name);
	dir = openat(top, name, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		err(EXIT_FAILURE, "%s", name);
	while (!stop) {
		files(worker, dir);
		directories(worker, dir);
		is_empty(worker, dir);
	}
	close(dir);
	must(worker, unlinkat(top, name, AT_REMOVEDIR), 0, "rmdir");
	close(top);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	unsigned nr = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	unsigned long nr_checked = 0;

	if (nr < 1 || nr > MAX_THREADS)
		errx(EXIT_FAILURE, "usage: exactly_once DIRECTORY THREADS");
	(void)signal(SIGTERM, on_term);
	for (unsigned i = 0; i < nr; i++) {
		workers[i] = (struct worker){ .directory = argv[1], .number = i };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(EXIT_FAILURE, "pthread_create");
	}
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(workers[i].thread, NULL);
		nr_checked += workers[i].nr_checked;
	}
	printf("%lu operations\n", nr_checked);
	return EXIT_SUCCESS;
}
