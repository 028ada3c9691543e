/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on the control socket, a line each. Every one gets an answer, which is a line of JSON.
 */
#include <string.h>

#include "control/request.h"
#include "fuzz/fuzz.h"

/* Reads what commands read of a request. */
static int look(void *context, struct control_request *request)
{
	(void)context;
	json_put_text(&request->maker, request->out, "text", json_get_text(request->in, "text"));
	json_put_number(&request->maker, request->out, "number",
			json_get_number(request->in, "number.in.it"));
	return json_get(request->in, "fail") ? control_fail(request, -22, "%s", "as wanted") : 0;
}

static const struct control_command commands[] = {
	{ .name = "status", .run = look },
	{ .name = "set", .run = look },
	{ .name = NULL },
};

static void check_answer(const char *line)
{
	struct json_object *answer;

	FUZZ_REQUIRE(line && strchr(line, '\n') == line + strlen(line) - 1);
	answer = json_tokener_parse(line);
	FUZZ_REQUIRE(json_object_is_type(answer, json_type_object));
	FUZZ_REQUIRE(json_get_number(answer, "version") == CONTROL_VERSION);
	json_object_put(answer);
}

static void serve(const char *line, size_t bytes)
{
	const struct control_command *command;
	struct control_request request;
	char *answer;
	int err;

	command = control_request_parse(&request, line, bytes, commands);
	err = command ? command->run(NULL, &request) : request.err;
	FUZZ_REQUIRE(command || err < 0);
	answer = control_request_finish(&request, err);
	check_answer(answer);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = fuzz_text(data, bytes);

	for (char *line = text, *end; line; line = end) {
		size_t left = bytes - (size_t)(line - text);

		end = memchr(line, '\n', left);
		serve(line, end ? (size_t)(end - line) : left);
		if (end)
			end++;
	}
	free(text);
	return 0;
}
