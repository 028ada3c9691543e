/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm set: change mount options of a mounted volume. */
#include <string.h>

#include "adm/adm.h"
#include "adm/volume.h"

/* The adapter may have to answer, and that may be under reset. */
#define TIMEOUT_MS 30000

int adm_set(int argc, char *argv[], FILE *out)
{
	struct json_object *request, *words, *answer;
	struct json_maker maker = { 0 };

	(void)out;
	if (argc < 2 || argv[0][0] == '-')
		return ADM_USAGE;
	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '=') || argv[i][0] == '=')
			return ADM_USAGE;
	request = volume_request("set");
	words = json_put_array(&maker, request, "options");
	for (int i = 1; i < argc; i++)
		json_append(&maker, words, json_object_new_string(argv[i]));
	answer = volume_ask(argv[0], request, TIMEOUT_MS);
	json_object_put(answer);
	return answer ? ADM_OK : ADM_FAILED;
}
