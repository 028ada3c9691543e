/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "daemon/mount_table.h"
#include "daemon/watchdog.h"

struct signals {
	pthread_t thread;
	struct volume *volume;
	struct watchdog watchdog; /* the thread's own */
	int fd, table_fd;
	bool obeyed;       /* one of them; the thread's own */
	_Atomic bool stop; /* the next signal is signals_stop()'s own */
};

static bool is_ignored(int number)
{
	struct sigaction action;

	return !sigaction(number, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* The kernel queues a blocked signal even if it is ignored, so the set leaves ignored ones out.
 * SIGXCPU is the kernel's warning before SIGKILL. */
sigset_t signals_obeyed(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGXCPU };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!is_ignored(numbers[i]))
			sigaddset(&set, numbers[i]);
	return set;
}

void signals_prepare(bool foreground)
{
	/* SIGXFSZ: a write past the limit fails with EFBIG instead. SIGTTOU: a message must
	 * not stop the daemon. */
	static const int ignored[] = { SIGUSR1, SIGUSR2,   SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF,
				       SIGIO,   SIGSTKFLT, SIGPWR,  SIGXFSZ, SIGTTIN,   SIGTTOU };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		(void)signal(number, SIG_IGN);
	/* While SIGCHLD is ignored, waitpid(2) cannot return the status of a child. */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGXCPU, SIG_DFL);
	if (!foreground) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGHUP, SIG_IGN);
	}
}

void signals_block(void)
{
	sigset_t set = signals_obeyed();

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void obey(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != sizeof(info) || atomic_load(&signals->stop) ||
	    signals->obeyed)
		return;
	signals->obeyed = true;
	log_notice("%s: unmounting %s", strsignal((int)info.ssi_signo),
		   volume_mountpoint(signals->volume));
	volume_stop(signals->volume);
}

/* Not before the locks that requests need were free. */
static void tell_watchdog(struct signals *signals)
{
	if (!watchdog_is_due(&signals->watchdog))
		return;
	volume_take_locks(signals->volume);
	watchdog_tell(&signals->watchdog);
}

static void *wait_main(void *arg)
{
	struct signals *signals = arg;
	struct pollfd fds[2] = { { .fd = signals->fd, .events = POLLIN },
				 { .fd = signals->table_fd, .events = POLLPRI } };

	volume_follow_mount(signals->volume);
	while (!atomic_load(&signals->stop)) {
		tell_watchdog(signals);
		(void)poll(fds, 2, watchdog_timeout_ms(&signals->watchdog));
		if (fds[0].revents)
			obey(signals);
		if (fds[1].revents)
			volume_follow_mount(signals->volume);
	}
	return NULL;
}

static void free_signals(struct signals *signals)
{
	if (signals->fd >= 0)
		close(signals->fd);
	if (signals->table_fd >= 0)
		close(signals->table_fd);
	free(signals);
}

int signals_start(struct volume *volume, struct signals **ret_signals)
{
	struct signals *signals = malloc(sizeof(*signals));
	sigset_t set = signals_obeyed();
	int err;

	if (!signals)
		return -ENOMEM;
	*signals = (struct signals){ .volume = volume };
	watchdog_init(&signals->watchdog);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC);
	signals->table_fd = open(MOUNT_TABLE, O_RDONLY | O_CLOEXEC);
	err = signals->fd < 0 ? -errno
			      : thread_start(&signals->thread, wait_main, signals, "cxlfs-signals");
	if (err) {
		free_signals(signals);
		return err;
	}
	if (signals->table_fd < 0)
		log_warning("cannot open " MOUNT_TABLE ": a remount will not change access times");
	*ret_signals = signals;
	return 0;
}

void signals_stop(struct signals *signals)
{
	if (!signals)
		return;
	atomic_store(&signals->stop, true);
	(void)pthread_kill(signals->thread, SIGTERM);
	pthread_join(signals->thread, NULL);
	free_signals(signals);
}
