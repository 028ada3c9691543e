/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fatal_signal.h"

#include <errno.h>

int fatal_signal_take(struct fatal_signal *signal, int number,
		      void (*handler)(int number, siginfo_t *info, void *ucontext))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	signal->number = number;
	return sigaction(number, &action, &signal->before) ? -errno : 0;
}

void fatal_signal_hand_on(const struct fatal_signal *signal, siginfo_t *info, void *ucontext)
{
	const struct sigaction *before = &signal->before;

	if (before->sa_flags & SA_SIGINFO) {
		before->sa_sigaction(signal->number, info, ucontext);
	} else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
		before->sa_handler(signal->number);
	} else {
		/* Back to the default; the access repeats and ends the process as it should. */
		struct sigaction fatal = { .sa_handler = SIG_DFL };

		(void)sigaction(signal->number, &fatal, NULL);
		if (info->si_code <= 0) /* sent, not caused: nothing will repeat by itself */
			(void)raise(signal->number);
	}
}
