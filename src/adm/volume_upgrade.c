/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm upgrade */
#include <bsd/stdlib.h>
#include <inttypes.h>
#include <string.h>

#include "adm/adm.h"
#include "adm/volume.h"

#define DEFAULT_SECONDS 30
#define MAX_SECONDS     3600
/* The program may take the time to start, and requests may then wait as long. */
#define TIMEOUT_MS(seconds) ((int)(seconds)*2000 + ADM_VOLUME_TIMEOUT_MS)

static int ask(const char *path, unsigned seconds, FILE *out)
{
	struct json_object *request = volume_request("upgrade"), *answer;
	struct json_maker maker = { 0 };

	json_put_number(&maker, request, "timeout_ms", seconds * 1000);
	answer = volume_ask(path, request, TIMEOUT_MS(seconds));
	if (!answer)
		return ADM_FAILED;
	fprintf(out, "process %" PRIu64 " serves the volume now; requests waited %" PRIu64 " ms\n",
		json_get_number(answer, "pid"), json_get_number(answer, "pause_ms"));
	json_object_put(answer);
	return ADM_OK;
}

int adm_upgrade(int argc, char *argv[], FILE *out)
{
	const char *path = NULL, *why = NULL;
	unsigned seconds = DEFAULT_SECONDS;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--timeout") && i + 1 < argc)
			seconds = (unsigned)strtonum(argv[++i], 1, MAX_SECONDS, &why);
		else if (argv[i][0] != '-' && !path)
			path = argv[i];
		else
			return ADM_USAGE;
	}
	if (!path)
		return ADM_USAGE;
	if (why) {
		adm_say("--timeout is %s; give a number of seconds from 1 to %d", why, MAX_SECONDS);
		return ADM_USAGE;
	}
	return ask(path, seconds, out);
}
