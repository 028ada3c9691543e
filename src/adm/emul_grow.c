/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adm/adm.h"
#include "emul/adapter.h"
#include "emul/store/spec.h"

/* As with a disk, a unit attention of the next command reports the new capacity. */
static int tell_users(struct emul_adapter *ad, unsigned lun)
{
	char rule[EMUL_FAULT_TEXT_MAX], why[EMUL_FAULT_TEXT_MAX];
	int rc;

	snprintf(rule, sizeof(rule), "at=command lun=%u times=1 action=attention asc=2a ascq=09",
		 lun);
	emul_lock(ad);
	rc = emul_fault_add(&ad->shm->fault, rule, 0, why);
	emul_unlock(ad);
	if (rc < 0)
		adm_say("%s", why);
	return rc < 0 ? ADM_FAILED : ADM_OK;
}

static int grow(struct emul_adapter *ad, unsigned lun, uint64_t bytes)
{
	int err = emul_adapter_grow_lun(ad, lun, bytes / emul_geometry(ad)->block_bytes);

	if (err == -EINVAL)
		adm_say("LUN %u does not exist or is larger already", lun);
	else if (err)
		adm_say("%s", strerror(-err));
	return err ? ADM_FAILED : tell_users(ad, lun);
}

int adm_emul_grow(int argc, char *argv[], FILE *out)
{
	struct emul_adapter *ad;
	uint64_t bytes;
	unsigned long lun;
	char *end;
	int status;

	(void)out;
	if (argc != 3)
		return ADM_USAGE;
	lun = strtoul(argv[1], &end, 10);
	if (end == argv[1] || *end || lun >= EMUL_MAX_LUNS ||
	    !emul_spec_parse_size(argv[2], &bytes)) {
		adm_say("'%s' is not a LUN number, or '%s' is not a size such as 4G", argv[1],
			argv[2]);
		return ADM_FAILED;
	}
	ad = adm_open_emul(argv[0]);
	if (!ad)
		return ADM_FAILED;
	status = grow(ad, (unsigned)lun, bytes);
	emul_adapter_put(ad);
	return status;
}
