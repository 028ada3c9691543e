/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <signal.h>
#include <sys/prctl.h>

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
	char own[16];
	sigset_t before;
	int err;

	/* The new thread inherits the name. To name another thread, glibc writes to a file in
	 * /proc, which a daemon without rights may not. */
	(void)prctl(PR_GET_NAME, own);
	(void)prctl(PR_SET_NAME, name);
	block_signals(&before);
	err = pthread_create(ret_thread, NULL, start, arg);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)prctl(PR_SET_NAME, own);
	return -err;
}
