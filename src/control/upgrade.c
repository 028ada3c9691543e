/* SPDX-License-Identifier: Apache-2.0 */
/* The command upgrade: the installed program takes over the volume. */
#include <errno.h>

#include "control/commands.h"

#define DEFAULT_TIMEOUT_MS 30000u
#define MAX_TIMEOUT_MS     3600000u

static void fail(void *arg, const char *why)
{
	(void)control_fail(arg, -EIO, "%s", why);
}

static unsigned timeout_of(const struct control_request *request)
{
	uint64_t ms = json_get_number(request->in, "timeout_ms");

	if (!ms)
		return DEFAULT_TIMEOUT_MS;
	return ms < MAX_TIMEOUT_MS ? (unsigned)ms : MAX_TIMEOUT_MS;
}

int control_upgrade(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	const struct explainer to = { fail, request };
	struct control_upgraded upgraded = { 0 };
	int err = volume->upgrade(volume->arg, timeout_of(request), &to, &upgraded);

	if (err)
		return err;
	json_put_number(&request->maker, request->out, "pid", (uint64_t)upgraded.pid);
	json_put_number(&request->maker, request->out, "pause_ms", upgraded.pause_ms);
	return 0;
}
