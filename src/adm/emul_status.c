/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "adm/adm.h"
#include "emul/adapter.h"

int adm_emul_status(int argc, char *argv[], FILE *out)
{
	struct emul_adapter *ad;
	const char *dir;
	bool json;
	int err = 0;

	if (!adm_parse(argc, argv, "--json", &json, &dir) || !dir)
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
	struct emul_adapter *ad;
	const char *dir;
	bool clear;
	uint64_t breaches;

	if (!adm_parse(argc, argv, "--clear", &clear, &dir) || !dir)
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
