/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about a file system: check one, say what did not hold, go on.
 *
 * A program lists its tests in a table and gives it to CLAIM_MAIN(). Each test runs in its own
 * empty directory below the one given on the command line. Tests whose name contains the text in
 * the environment's CLAIM_LEAVE_OUT are left out; names after the directory select single tests.
 */
#ifndef CXLFS_TESTS_CLAIM_H
#define CXLFS_TESTS_CLAIM_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct claim_test {
	const char *name;
	void (*run)(void);
};

static int claim_failures;

/* What fails a thousand times is told a few times. */
static inline void claim_failed(const char *file, int line, const char *text, const char *detail)
{
	static int told_line, told;

	told = line == told_line ? told + 1 : 1;
	told_line = line;
	if (told <= 3)
		fprintf(stderr, "%s:%d: %s: %s\n", file, line, text, detail);
	claim_failures++;
}

/* It is so. The errno told is that of the last failed call, in it or before it. */
#define claim(what)                                                               \
	do {                                                                      \
		if (!(what))                                                      \
			claim_failed(__FILE__, __LINE__, #what, strerror(errno)); \
	} while (0)

/* The call returns -1 with this errno. */
#define claim_errno(wanted, call)                                                           \
	do {                                                                                \
		errno = 0;                                                                  \
		if ((call) != -1)                                                           \
			claim_failed(__FILE__, __LINE__, #call, "succeeded, not " #wanted); \
		else if (errno != (wanted))                                                 \
			claim_failed(__FILE__, __LINE__, #call " is not " #wanted,          \
				     strerror(errno));                                      \
	} while (0)

/* What the rest rests on: without it the program ends. */
#define claim_need(what)                                                          \
	do {                                                                      \
		if (!(what)) {                                                    \
			claim_failed(__FILE__, __LINE__, #what, strerror(errno)); \
			exit(1);                                                  \
		}                                                                 \
	} while (0)

static inline void claim_make_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	claim_need(fd >= 0);
	claim_need(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	claim_need(close(fd) == 0);
}

static inline bool claim_file_is(const char *name, const char *text)
{
	char buf[256] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static inline struct stat claim_stat(const char *name)
{
	struct stat st = { 0 };

	claim_need(lstat(name, &st) == 0);
	return st;
}

/* Run as another user, with exactly these groups, in a child; its failures count here. */
static inline void claim_as(uid_t uid, gid_t gid, void (*run)(void))
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	claim_need(pid >= 0);
	if (pid == 0) {
		claim_failures = 0;
		claim_need(setgid(gid) == 0 && setuid(uid) == 0);
		run();
		exit(claim_failures > 0);
	}
	claim_need(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		claim_failures++;
}

static inline void claim_run(const struct claim_test *test, int home)
{
	mode_t umask_before = umask(022);

	claim_need(mkdir(test->name, 0755) == 0 && chdir(test->name) == 0);
	test->run();
	claim_need(fchdir(home) == 0);
	umask(umask_before);
}

static inline bool claim_wanted(const char *name, char **names)
{
	const char *leave_out = getenv("CLAIM_LEAVE_OUT");

	if (leave_out && strstr(name, leave_out))
		return false;
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], name))
			return true;
	return !names[0];
}

static inline int claim_main(int argc, char **argv, const struct claim_test *tests, size_t nr_tests)
{
	int home = argc >= 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int before;

	if (home < 0 || fchdir(home)) {
		fprintf(stderr, "usage: %s DIRECTORY [TEST...]\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < nr_tests; i++) {
		before = claim_failures;
		if (!claim_wanted(tests[i].name, argv + 2))
			continue;
		claim_run(&tests[i], home);
		printf("%-4s %s\n", claim_failures == before ? "ok" : "FAIL", tests[i].name);
	}
	return claim_failures > 0;
}

#define CLAIM_MAIN(tests)                                                                 \
	int main(int argc, char **argv)                                                   \
	{                                                                                 \
		return claim_main(argc, argv, tests, sizeof(tests) / sizeof((tests)[0])); \
	}

#endif
