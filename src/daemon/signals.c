/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct signals {
	pthread_t thread;
	struct volume *volume;
};

/* SIGUSR2 is how signals_stop() wakes the thread. */
static sigset_t waited_for(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	return set;
}

void signals_block(bool foreground)
{
	sigset_t set = waited_for();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!foreground)
		(void)signal(SIGHUP, SIG_IGN);
}

static void *wait_main(void *arg)
{
	struct signals *signals = arg;
	sigset_t set = waited_for();
	int number;

	if (sigwait(&set, &number) || number == SIGUSR2)
		return NULL;
	log_notice("%s: unmounting %s", strsignal(number), volume_mountpoint(signals->volume));
	volume_stop(signals->volume);
	return NULL;
}

int signals_start(struct volume *volume, struct signals **ret_signals)
{
	struct signals *signals = malloc(sizeof(*signals));
	int err;

	if (!signals)
		return -ENOMEM;
	signals->volume = volume;
	err = pthread_create(&signals->thread, NULL, wait_main, signals);
	if (err) {
		free(signals);
		return -err;
	}
	*ret_signals = signals;
	return 0;
}

void signals_stop(struct signals *signals)
{
	if (!signals)
		return;
	pthread_kill(signals->thread, SIGUSR2);
	pthread_join(signals->thread, NULL);
	free(signals);
}
