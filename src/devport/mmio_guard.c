/* SPDX-License-Identifier: Apache-2.0 */
#include "devport/mmio_guard.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

/*
 * State that a signal handler needs has to be reachable without an argument. The guard is the
 * thread's own: SIGBUS for a faulting access comes to the thread that made it.
 */
struct guard {
	const volatile uint64_t *address;
	sigjmp_buf resume;
};

static _Thread_local struct guard *volatile active_guard;
static struct sigaction action_before;
static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static int install_rc;

static void hand_on(int signal_number, siginfo_t *info, void *ucontext)
{
	if (action_before.sa_flags & SA_SIGINFO) {
		action_before.sa_sigaction(signal_number, info, ucontext);
	} else if (action_before.sa_handler != SIG_DFL && action_before.sa_handler != SIG_IGN) {
		action_before.sa_handler(signal_number);
	} else {
		/* Back to the default; the access repeats and ends the process as it should. */
		struct sigaction fatal = { .sa_handler = SIG_DFL };

		(void)sigaction(signal_number, &fatal, NULL);
		if (info->si_code <= 0) /* sent, not caused: nothing will repeat by itself */
			(void)raise(signal_number);
	}
}

static void on_sigbus(int signal_number, siginfo_t *info, void *ucontext)
{
	struct guard *guard = active_guard;

	if (guard && info->si_code > 0 && info->si_addr == (void *)(uintptr_t)guard->address)
		siglongjmp(guard->resume, 1);
	hand_on(signal_number, info, ucontext);
}

/* SA_NODEFER: we leave the handler by a jump, which would leave the signal blocked. */
static void install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus,
				    .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &action_before))
		install_rc = -errno;
}

int mmio_guard_install(void)
{
	(void)pthread_once(&install_once, install);
	return install_rc;
}

uint64_t mmio_guard_read(const volatile uint64_t *address)
{
	struct guard guard = { .address = address };
	uint64_t value;

	if (sigsetjmp(guard.resume, 0)) {
		active_guard = NULL;
		return UINT64_MAX;
	}
	active_guard = &guard;
	value = *address;
	active_guard = NULL;
	return value;
}

void mmio_guard_write(volatile uint64_t *address, uint64_t value)
{
	struct guard guard = { .address = address };

	if (sigsetjmp(guard.resume, 0)) {
		active_guard = NULL;
		return;
	}
	active_guard = &guard;
	*address = value;
	active_guard = NULL;
}
