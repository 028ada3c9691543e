/* SPDX-License-Identifier: Apache-2.0 */
#include "control/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int control_fail(struct control_request *request, int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(request->error, sizeof(request->error), format, ap);
	va_end(ap);
	request->err = err;
	return err;
}

/* ---- reading ---- */

static struct json_object *parse_line(const char *line, size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new_ex(CONTROL_MAX_DEPTH);
	struct json_object *object = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, line, (int)bytes);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) != bytes ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static const struct control_command *find(const struct control_command *commands, const char *name)
{
	for (; commands->name; commands++)
		if (!strcmp(commands->name, name))
			return commands;
	return NULL;
}

const struct control_command *control_request_parse(struct control_request *request,
						    const char *line, size_t bytes,
						    const struct control_command *commands)
{
	const struct control_command *command;

	*request = (struct control_request){ .fd = -1,
					     .in = parse_line(line, bytes),
					     .out = json_object_new_object() };
	json_put_number(&request->maker, request->out, "version", CONTROL_VERSION);
	if (!request->in) {
		(void)control_fail(request, -EINVAL, "the request is not a JSON object");
		return NULL;
	}
	json_put_text(&request->maker, request->out, "command",
		      json_get_text(request->in, "command"));
	if (json_get_number(request->in, "version") != CONTROL_VERSION) {
		(void)control_fail(request, -EPROTONOSUPPORT,
				   "the daemon speaks version %d of the protocol", CONTROL_VERSION);
		return NULL;
	}
	command = find(commands, json_get_text(request->in, "command"));
	if (!command)
		(void)control_fail(request, -EOPNOTSUPP, "the daemon does not know this command");
	return command;
}

/* ---- answering ---- */

static void put_error(struct control_request *request, int err)
{
	const char *name = strerrorname_np(-err);

	json_put_text(&request->maker, request->out, "error",
		      *request->error ? request->error : strerror(-err));
	json_put_text(&request->maker, request->out, "errno", name ? name : "EIO");
}

static char *format_line(struct json_object *object)
{
	size_t bytes;
	const char *text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &bytes);
	char *line = text ? malloc(bytes + 2) : NULL;

	if (line) {
		memcpy(line, text, bytes);
		strcpy(line + bytes, "\n");
	}
	return line;
}

char *control_request_finish(struct control_request *request, int err)
{
	char *line = NULL;

	if (err)
		put_error(request, err);
	if (!request->maker.failed)
		line = format_line(request->out);
	if (request->fd >= 0)
		close(request->fd);
	json_object_put(request->in);
	json_object_put(request->out);
	return line;
}
