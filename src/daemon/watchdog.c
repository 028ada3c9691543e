/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/watchdog.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"

#define MESSAGES_PER_TIMEOUT 3u

/* The number says for which process the time is; without it, it is for any. */
void watchdog_claim(void)
{
	if (sd_watchdog_enabled(0, NULL) > 0)
		(void)unsetenv("WATCHDOG_PID");
}

void watchdog_init(struct watchdog *ret_watchdog)
{
	uint64_t timeout_us = 0;

	if (sd_watchdog_enabled(0, &timeout_us) <= 0)
		timeout_us = 0;
	*ret_watchdog = (struct watchdog){ .interval_ns = timeout_us * 1000 / MESSAGES_PER_TIMEOUT,
					   .next_ns = clock_now_ns() };
}

bool watchdog_is_due(const struct watchdog *watchdog)
{
	return watchdog->interval_ns && clock_now_ns() >= watchdog->next_ns;
}

int watchdog_timeout_ms(const struct watchdog *watchdog)
{
	uint64_t now = clock_now_ns();

	if (!watchdog->interval_ns)
		return -1;
	return now < watchdog->next_ns ? (int)((watchdog->next_ns - now) / 1000000 + 1) : 0;
}

void watchdog_tell(struct watchdog *watchdog)
{
	(void)sd_notify(0, "WATCHDOG=1");
	watchdog->next_ns = clock_now_ns() + watchdog->interval_ns;
}
