/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "adm/adm.h"

bool adm_parse(int argc, char *argv[], const char *option, bool *ret_given, const char **ret_word)
{
	*ret_given = false;
	*ret_word = NULL;
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], option) && !*ret_given)
			*ret_given = true;
		else if (argv[i][0] != '-' && !*ret_word)
			*ret_word = argv[i];
		else
			return false;
	}
	return true;
}
