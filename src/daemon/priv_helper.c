/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/priv_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/fd_message.h"
#include "base/std_fds.h"
#include "daemon/bdi_tuning.h"
#include "daemon/mount_watch.h"
#include "daemon/mountpoint.h"
#include "daemon/program.h"
#include "fuse/fs.h"

#define HELPER_NAME "cxlfs-helper"
#define HELPER_FD   3 /* of its socket, in the helper */

enum task { TASK_MOUNT, TASK_START_PROGRAM, TASK_TUNE, TASK_UNMOUNT, TASK_DETACH };

struct priv_helper {
	pthread_mutex_t lock; /* held for a task and its answer */
	int socket;
	pid_t pid;
};

/* ---- messages ---- */

/* @fd: -1: none. Return: 0; -errno. */
static int send_number(int socket, int number, int fd)
{
	return fd_message_send(socket, &number, sizeof(number), &fd, fd >= 0);
}

static void send_answer(int answer, int fd)
{
	(void)send_number(HELPER_FD, answer, fd);
}

/* Return: the number; -EPIPE the other side has ended. @ret_fd: untouched if none came */
static int receive_number(int socket, int *ret_fd)
{
	int number;
	size_t nr_fds;
	ssize_t got;

	do
		got = fd_message_receive(socket, &number, sizeof(number), 0, ret_fd, 1, &nr_fds);
	while (got == -EINTR);
	if (got == sizeof(number))
		return number;
	return got < 0 ? (int)got : -EPIPE;
}

/* ---- in the helper ---- */

/* If libfuse runs out of memory, it reports success without a mount, with descriptor 0. */
static int mount_session(struct fuse_session *session, const char *mountpoint, int *ret_fd)
{
	errno = 0;
	if (fuse_session_mount(session, mountpoint))
		return errno ? -errno : -EIO;
	*ret_fd = fuse_session_fd(session);
	return *ret_fd > STDERR_FILENO ? 0 : -ENOMEM;
}

static int copy_args(const struct fuse_args *given, struct fuse_args *args)
{
	int err = 0;

	for (int i = 0; i < given->argc && !err; i++)
		err = fuse_opt_add_arg(args, given->argv[i]);
	return err ? -ENOMEM : 0;
}

static void answer_mount(const struct priv_helper_config *config)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session = NULL;
	int fd = -1, err = copy_args(config->session_args, &args);

	if (!err) {
		session = fuse_session_new(&args, fs_operations(), sizeof(*fs_operations()), NULL);
		err = session ? mount_session(session, config->mountpoint, &fd) : -EINVAL;
	}
	fuse_opt_free_args(&args);
	if (!err && config->strictatime)
		mount_watch_show_strictatime(config->mountpoint);
	send_answer(err, err ? -1 : fd);
	if (err)
		return;
	close(fd); /* only the daemon may hold it: the connection must end with the daemon */
	(void)!chdir("/");
	if (!config->foreground)
		std_fds_to_null();
}

static void answer_start(const struct priv_helper_config *config, int socket)
{
	pid_t pid = 0;
	int err = program_start(config->program, socket, &pid);

	close(socket);
	send_answer(err ? err : pid, -1);
}

/* @fd: came with the task */
static void answer(const struct priv_helper_config *config, enum task task, int fd)
{
	switch (task) {
	case TASK_START_PROGRAM:
		answer_start(config, fd);
		break;
	case TASK_MOUNT:
		answer_mount(config);
		break;
	case TASK_TUNE:
		bdi_tune(config->mountpoint);
		send_answer(0, -1);
		break;
	case TASK_UNMOUNT:
		send_answer(umount2(config->mountpoint, 0) ? -errno : 0, -1);
		break;
	case TASK_DETACH:
		send_answer(mountpoint_detach(config->mountpoint), -1);
		break;
	}
}

/* With descriptors of the adapter this process would count as one of its users. */
static void close_descriptors(int socket)
{
	closelog();
	if (socket != HELPER_FD)
		(void)dup3(socket, HELPER_FD, O_CLOEXEC);
	closefrom(HELPER_FD + 1);
}

/* Ignores signals, which may go to the whole process group, and exits after the daemon. */
static void __attribute__((noreturn))
run_helper(const struct priv_helper_config *config, int socket)
{
	int task, fd = -1;
	sigset_t all;

	(void)prctl(PR_SET_NAME, HELPER_NAME);
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	close_descriptors(socket);
	while ((task = receive_number(HELPER_FD, &fd)) >= 0)
		answer(config, (enum task)task, fd);
	_exit(EXIT_SUCCESS);
}

/* ---- in the daemon ---- */

static int fork_helper(const struct priv_helper_config *config, struct priv_helper *helper)
{
	int sockets[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	helper->pid = fork();
	if (helper->pid < 0)
		err = -errno;
	if (helper->pid == 0)
		run_helper(config, sockets[1]);
	close(sockets[1]);
	helper->socket = sockets[0];
	if (err)
		close(sockets[0]);
	return err;
}

int priv_helper_start(const struct priv_helper_config *config, struct priv_helper **ret_helper)
{
	struct priv_helper *helper = malloc(sizeof(*helper));
	int err;

	if (!helper)
		return -ENOMEM;
	pthread_mutex_init(&helper->lock, NULL);
	err = fork_helper(config, helper);
	if (err) {
		pthread_mutex_destroy(&helper->lock);
		free(helper);
		return err;
	}
	*ret_helper = helper;
	return 0;
}

void priv_helper_stop(struct priv_helper *helper)
{
	if (!helper)
		return;
	close(helper->socket);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_destroy(&helper->lock);
	free(helper);
}

/* @fd: goes with the task, and then is the one that came with the answer; -1: none */
static int ask(struct priv_helper *helper, enum task task, int *fd)
{
	int answer;

	pthread_mutex_lock(&helper->lock);
	answer = send_number(helper->socket, (int)task, *fd);
	if (!answer) {
		*fd = -1;
		answer = receive_number(helper->socket, fd);
	}
	pthread_mutex_unlock(&helper->lock);
	return answer;
}

static int ask_without_fd(struct priv_helper *helper, enum task task)
{
	int fd = -1;

	return ask(helper, task, &fd);
}

int priv_helper_start_program(struct priv_helper *helper, int socket, pid_t *ret_pid)
{
	int answer = ask(helper, TASK_START_PROGRAM, &socket);

	if (answer < 0)
		return answer;
	*ret_pid = answer;
	return 0;
}

int priv_helper_mount(struct priv_helper *helper, int *ret_fd)
{
	int fd = -1, err = ask(helper, TASK_MOUNT, &fd);

	if (!err && fd < 0)
		err = -EMFILE; /* there was no room for the descriptor */
	if (!err)
		*ret_fd = fd;
	return err;
}

void priv_helper_tune(struct priv_helper *helper)
{
	(void)ask_without_fd(helper, TASK_TUNE);
}

int priv_helper_unmount(struct priv_helper *helper)
{
	return ask_without_fd(helper, TASK_UNMOUNT);
}

int priv_helper_detach(struct priv_helper *helper)
{
	return ask_without_fd(helper, TASK_DETACH);
}
