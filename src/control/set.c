/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command set: change a mount option while the volume is mounted.
 *
 * {"version":1,"command":"set","option":"busy_poll","value":"0"}: as "-o busy_poll=0".
 */
#include <bsd/stdlib.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "control/commands.h"

static int set_debug(const struct control_volume *volume, const char *value,
		     struct control_request *request)
{
	unsigned categories = 0;

	(void)volume;
	if (strcmp(value, "none") && log_parse_categories(value, &categories))
		return control_fail(request, -EINVAL, "option debug=%s names an unknown category",
				    value);
	log_set_debug_categories(categories);
	return 0;
}

static int set_busy_poll(const struct control_volume *volume, const char *value,
			 struct control_request *request)
{
	const char *why;
	long long us = strtonum(value, 0, TRANSPORT_MAX_POLL_US, &why);

	if (why)
		return control_fail(request, -EINVAL,
				    "option busy_poll=%s is %s; give a number from 0 to %u", value,
				    why, TRANSPORT_MAX_POLL_US);
	fs_set_poll_us(volume->fs, (unsigned)us);
	return 0;
}

static const struct {
	const char *option;
	int (*set)(const struct control_volume *volume, const char *value,
		   struct control_request *request);
} settings[] = {
	{ "debug", set_debug },
	{ "busy_poll", set_busy_poll },
};

int control_set(void *context, struct control_request *request)
{
	const char *option = json_get_text(request->in, "option");
	const char *value = json_get_text(request->in, "value");

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!strcmp(option, settings[i].option))
			return settings[i].set(context, value, request);
	return control_fail(request, -EINVAL, "option %s cannot be changed while mounted", option);
}
