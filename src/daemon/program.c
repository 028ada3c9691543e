/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For cxlfs only. A version that does not know it refuses to start. */
#define OPTION       "takeover="
#define SOCKET       3 /* the first free descriptor of the new program */
#define MAX_NR_BYTES 4096

/* A file that was replaced while its program ran, which a standby then has started again. */
static void drop_mark_of_deleted(char *path, size_t bytes)
{
	static const char mark[] = " (deleted)";
	size_t rest = bytes - (sizeof(mark) - 1);

	if (bytes >= sizeof(mark) && !strcmp(path + rest, mark) && access(path, F_OK))
		path[rest] = '\0';
}

/* The name is read now: once the file has been replaced, the kernel would report a deleted one. */
static int get_own_path(char **ret_path)
{
	char path[MAX_NR_BYTES];
	ssize_t bytes = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (bytes < 0)
		return 0;
	path[bytes] = '\0';
	drop_mark_of_deleted(path, (size_t)bytes);
	*ret_path = strdup(path);
	return *ret_path ? 0 : -ENOMEM;
}

/* Return: the socket; -1: there is no such option. */
static int take_option(int *argc, char **argv)
{
	int socket;

	if (*argc < 3 || strcmp(argv[*argc - 2], "-o") ||
	    sscanf(argv[*argc - 1], OPTION "%d", &socket) != 1)
		return -1;
	*argc -= 2;
	argv[*argc] = NULL;
	(void)fcntl(socket, F_SETFD, FD_CLOEXEC);
	return socket;
}

int program_note(int *argc, char **argv, struct program *ret_program)
{
	*ret_program = (struct program){ .predecessor = take_option(argc, argv), .argv = argv };
	ret_program->argc = *argc;
	ret_program->directory = getcwd(NULL, 0);
	if (!ret_program->directory && errno == ENOMEM)
		return -ENOMEM;
	return get_own_path(&ret_program->path);
}

void program_free(struct program *program)
{
	free(program->path);
	free(program->directory);
}

struct start {
	const struct program *program;
	int exe_fd;                /* to execute; -1: program->path */
	unsigned long clone_flags; /* CLONE_PARENT, or 0: a child of this process */
	int socket;
	char **argv;
};

static void execute(const struct start *start)
{
	if (start->exe_fd < 0)
		(void)execv(start->program->path, start->argv);
	else
		(void)execveat(start->exe_fd, "", start->argv, environ, AT_EMPTY_PATH);
}

/* In the new process, which shares no memory that it may change: only simple calls. */
static void __attribute__((noreturn)) become(const struct start *start, int report_fd)
{
	int socket = start->socket;
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* The number may be that of report_fd, or of socket itself. */
	report_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, SOCKET + 1);
	if (report_fd >= 0 && !chdir(start->program->directory) &&
	    (socket == SOCKET ? !fcntl(socket, F_SETFD, 0) : dup2(socket, SOCKET) == SOCKET))
		execute(start);
	(void)!write(report_fd, &errno, sizeof(errno));
	_exit(EXIT_FAILURE);
}

static int spawn(const struct start *start, pid_t *ret_pid)
{
	int report[2], err = 0;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	pid = (pid_t)syscall(SYS_clone, start->clone_flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		become(start, report[1]);
	if (pid < 0)
		err = errno;
	close(report[1]);
	if (!err && read(report[0], &err, sizeof(err)) != sizeof(err))
		err = 0; /* closed by the exec */
	close(report[0]);
	if (!err)
		*ret_pid = pid;
	return -err;
}

static int start_with_option(struct start *start, pid_t *ret_pid)
{
	const struct program *program = start->program;
	char option_flag[] = "-o", option[32];
	int err;

	if ((start->exe_fd < 0 && !program->path) || !program->directory)
		return -ENOENT;
	start->argv = calloc((size_t)program->argc + 3, sizeof(*start->argv));
	if (!start->argv)
		return -ENOMEM;
	memcpy(start->argv, program->argv, (size_t)program->argc * sizeof(*start->argv));
	snprintf(option, sizeof(option), OPTION "%d", SOCKET);
	start->argv[program->argc] = option_flag;
	start->argv[program->argc + 1] = option;
	err = spawn(start, ret_pid);
	free(start->argv);
	return err;
}

int program_start(const struct program *program, int socket, pid_t *ret_pid)
{
	struct start start = {
		.program = program, .exe_fd = -1, .clone_flags = CLONE_PARENT, .socket = socket
	};

	return start_with_option(&start, ret_pid);
}

int program_start_same(const struct program *program, int exe_fd, int socket, pid_t *ret_pid)
{
	struct start start = { .program = program, .exe_fd = exe_fd, .socket = socket };

	return start_with_option(&start, ret_pid);
}

int program_open_exe(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/exe", (long)pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
