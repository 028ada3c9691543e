/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "adm/adm.h"
#include "emul/adapter.h"

/* One adapter and possibly one option, in any order. Return: the adapter; NULL: wrong usage. */
static const char *parse(int argc, char *argv[], const char *option, bool *ret_given)
{
	const char *dir = NULL;

	*ret_given = false;
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], option) && !*ret_given)
			*ret_given = true;
		else if (argv[i][0] != '-' && !dir)
			dir = argv[i];
		else
			return NULL;
	}
	return dir;
}

int adm_emul_status(int argc, char *argv[], FILE *out)
{
	bool json;
	const char *dir = parse(argc, argv, "--json", &json);
	struct emul_adapter *ad;
	int err = 0;

	if (!dir)
		return ADM_USAGE;
	ad = adm_open_emul(dir);
	if (!ad)
		return ADM_FAILED;
	if (json)
		err = adm_print_json(ad, out);
	else
		emul_status_print(ad, out);
	emul_adapter_put(ad);
	if (err)
		adm_say("%s", strerror(-err));
	return err ? ADM_FAILED : ADM_OK;
}

int adm_emul_audit(int argc, char *argv[], FILE *out)
{
	bool clear;
	const char *dir = parse(argc, argv, "--clear", &clear);
	struct emul_adapter *ad;
	uint64_t breaches;

	if (!dir)
		return ADM_USAGE;
	ad = adm_open_emul(dir);
	if (!ad)
		return ADM_FAILED;
	breaches = emul_audit_total(ad);
	emul_audit_print(ad, out);
	if (clear)
		emul_audit_clear(ad);
	emul_adapter_put(ad);
	return breaches ? ADM_FAILED : ADM_OK;
}
