/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fatal_signal.h"

#include <errno.h>
#include <stdbool.h>

int fatal_signal_install(struct fatal_signal *link, int number, fatal_signal_handler *handler)
{
	/* SA_ONSTACK, because a previous handler may handle stack overflows. */
	struct sigaction action = { .sa_sigaction = handler,
				    .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK };

	(void)sigemptyset(&action.sa_mask);
	link->number = number;
	return sigaction(number, &action, &link->before) ? -errno : 0;
}

/* True if returning from the handler would not raise the signal again. */
static bool comes_once(const siginfo_t *info)
{
	return info->si_code <= 0 || info->si_code == BUS_MCEERR_AO;
}

static void do_default(int number, bool once)
{
	struct sigaction fatal = { .sa_handler = SIG_DFL };

	(void)sigaction(number, &fatal, NULL);
	if (once)
		(void)raise(number);
}

void fatal_signal_pass_on(const struct fatal_signal *link, siginfo_t *info, void *ucontext)
{
	const struct sigaction *before = &link->before;

	if (before->sa_flags & SA_SIGINFO)
		before->sa_sigaction(link->number, info, ucontext);
	else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
		before->sa_handler(link->number);
	else if (before->sa_handler == SIG_DFL || !comes_once(info))
		do_default(link->number, comes_once(info));
}
