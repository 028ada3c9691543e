/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command set: change mount options while the volume is mounted.
 *
 * {"version":1,"command":"set","options":["size=1G","busy_poll=0"]}: as "-o size=1G,busy_poll=0".
 * All are changed or none. The answer has "before", what was set until then. With "device", the
 * request fails if another device is mounted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "control/commands.h"

static void fail(void *arg, const char *why)
{
	(void)control_fail(arg, -EINVAL, "%s", why);
}

/* Return: how many; -EINVAL. */
static int read_words(struct control_request *request, const char *words[CONTROL_MAX_OPTIONS])
{
	struct json_object *array = json_get(request->in, "options");
	size_t nr;

	if (!json_object_is_type(array, json_type_array))
		return control_fail(request, -EINVAL, "the request has no options");
	nr = json_object_array_length(array);
	if (nr > CONTROL_MAX_OPTIONS)
		return control_fail(request, -EINVAL, "the request has more than %d options",
				    CONTROL_MAX_OPTIONS);
	for (size_t i = 0; i < nr; i++) {
		struct json_object *word = json_object_array_get_idx(array, i);

		if (!json_object_is_type(word, json_type_string))
			return control_fail(request, -EINVAL, "an option is not a string");
		words[i] = json_object_get_string(word);
	}
	return (int)nr;
}

int control_set(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	const struct explainer to = { fail, request };
	const char *words[CONTROL_MAX_OPTIONS];
	const struct control_change change = { .device = json_get_text(request->in, "device"),
					       .words = words,
					       .nr_words = (unsigned)read_words(request, words) };

	if (request->err)
		return request->err;
	control_put_settings(&request->maker, request->out, "before", volume);
	return volume->set(volume->arg, &change, &to);
}

/* ---- what is set ---- */

static void put_text_of(struct json_maker *m, struct json_object *o, const char *key,
			uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	json_put_text(m, o, key, text);
}

static void put_reserve(struct json_maker *m, struct json_object *o,
			const struct data_limits *limits)
{
	char text[24];

	if (!limits->reserve_ppm) {
		put_text_of(m, o, "reserve", limits->reserve_bytes);
		return;
	}
	snprintf(text, sizeof(text), "%u.%04u%%", limits->reserve_ppm / 10000,
		 limits->reserve_ppm % 10000);
	json_put_text(m, o, "reserve", text);
}

void control_put_settings(struct json_maker *m, struct json_object *out, const char *key,
			  const struct control_volume *volume)
{
	struct json_object *o = json_put_object(m, out, key);
	char categories[LOG_LIST_BYTES];
	struct fs_limits limits;

	fs_get_limits(volume->fs, &limits);
	put_text_of(m, o, "size", limits.data.size_bytes);
	put_reserve(m, o, &limits.data);
	put_text_of(m, o, "max_inodes", limits.max_inodes);
	put_text_of(m, o, "max_inodes_per_user", limits.max_user_inodes);
	put_text_of(m, o, "busy_poll", fs_poll_us(volume->fs));
	log_print_categories(log_debug_categories(), categories);
	json_put_text(m, o, "debug", categories);
}
