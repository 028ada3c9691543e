/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>

/* Another thread handles signals. A blocked fault would not reach its handler. */
static void block_signals(sigset_t *ret_before)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	sigset_t blocked;

	(void)sigfillset(&blocked);
	for (unsigned i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		(void)sigdelset(&blocked, own[i]);
	(void)pthread_sigmask(SIG_SETMASK, &blocked, ret_before);
}

int thread_start(pthread_t *ret_thread, void *(*start)(void *), void *arg, const char *name)
{
	sigset_t before;
	int err;

	block_signals(&before);
	err = pthread_create(ret_thread, NULL, start, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		(void)pthread_setname_np(*ret_thread, name);
	return -err;
}
