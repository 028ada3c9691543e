/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"

struct signals {
	pthread_t thread;
	struct volume *volume;
	_Atomic bool stop; /* the next signal is signals_stop()'s own */
};

static bool is_ignored(int number)
{
	struct sigaction action;

	return !sigaction(number, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* The kernel keeps a blocked signal even where it is ignored, so the set leaves those out. SIGXCPU
 * is the kernel's warning that SIGKILL will follow. */
static sigset_t obeyed(void)
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
	/* SIGXFSZ: a write past the limit fails with EFBIG instead. SIGTTOU: a message must not stop
	 * who serves the volume. */
	static const int ignored[] = { SIGUSR1, SIGUSR2,   SIGPIPE, SIGALRM,   SIGVTALRM, SIGPROF,
				       SIGIO,	SIGSTKFLT, SIGPWR,  SIGXFSZ, SIGTTIN,   SIGTTOU };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
		(void)signal(number, SIG_IGN);
	/* Whoever ignores SIGCHLD cannot wait for a child. */
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
	sigset_t set = obeyed();

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *wait_main(void *arg)
{
	struct signals *signals = arg;
	sigset_t set = obeyed();
	bool stopped = false;
	int number;

	while (!sigwait(&set, &number) && !atomic_load(&signals->stop)) {
		if (stopped)
			continue;
		stopped = true;
		log_notice("%s: unmounting %s", strsignal(number),
			   volume_mountpoint(signals->volume));
		volume_stop(signals->volume);
	}
	return NULL;
}

int signals_start(struct volume *volume, struct signals **ret_signals)
{
	struct signals *signals = malloc(sizeof(*signals));
	int err;

	if (!signals)
		return -ENOMEM;
	*signals = (struct signals){ .volume = volume };
	err = thread_start(&signals->thread, wait_main, signals, "cxlfs-signals");
	if (err) {
		free(signals);
		return err;
	}
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
	free(signals);
}
