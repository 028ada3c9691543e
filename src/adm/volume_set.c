/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm set: change mount options of a mounted volume. */
#include <string.h>

#include "adm/adm.h"
#include "adm/volume.h"

/* @word: "option=value". Return: false after a message. */
static bool set(const char *path, const char *word)
{
	struct json_object *request = volume_request("set"), *answer;
	size_t length = strcspn(word, "=");
	struct json_maker maker = { 0 };

	json_put(&maker, request, "option", json_object_new_string_len(word, (int)length));
	json_put_text(&maker, request, "value", word + length + 1);
	answer = volume_ask(path, request, ADM_VOLUME_PATIENCE_MS);
	json_object_put(answer);
	return answer != NULL;
}

int adm_set(int argc, char *argv[], FILE *out)
{
	bool good = true;

	(void)out;
	if (argc < 2 || argv[0][0] == '-')
		return ADM_USAGE;
	for (int i = 1; i < argc; i++)
		if (!strchr(argv[i], '=') || argv[i][0] == '=')
			return ADM_USAGE;
	for (int i = 1; i < argc && good; i++)
		good = set(argv[0], argv[i]);
	return good ? ADM_OK : ADM_FAILED;
}
