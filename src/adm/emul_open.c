/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "adm/adm.h"
#include "emul/adapter.h"
#include "emul/store/spec.h"

/* Joins @dir and the options to a device name. Returns false if it is too long. */
static bool device_name(const char *dir, int nr_options, char *const options[], char *device,
			size_t bytes)
{
	size_t used;

	if (!strncmp(dir, "emul:", 5))
		dir += 5;
	used = (size_t)snprintf(device, bytes, "emul:%s", dir);
	for (int i = 0; i < nr_options && used < bytes; i++)
		used += (size_t)snprintf(device + used, bytes - used, ",%s", options[i]);
	return used < bytes;
}

static int check_exists(const struct emul_spec *spec)
{
	char path[PATH_MAX];
	int err = 0;

	if (snprintf(path, sizeof(path), "%s/adapter", spec->path) >= (int)sizeof(path))
		err = -ENAMETOOLONG;
	else if (access(path, F_OK))
		err = -errno;
	if (err == -ENOENT)
		adm_say("%s: there is no emulated adapter", spec->path);
	else if (err)
		adm_say("%s: %s", spec->path, strerror(-err));
	return err;
}

int adm_open_emul_device(const char *device, bool create, struct emul_adapter **ret_ad)
{
	struct emul_spec spec;
	int err = emul_spec_parse(device, adm_explain, NULL, &spec);

	if (err)
		return err;
	if (!create)
		err = check_exists(&spec);
	if (!err)
		err = emul_adapter_open(&spec, adm_explain, NULL, ret_ad);
	emul_spec_fini(&spec);
	return err;
}

struct emul_adapter *adm_open_emul(const char *dir)
{
	char device[2 * PATH_MAX];
	struct emul_adapter *ad;

	if (!device_name(dir, 0, NULL, device, sizeof(device))) {
		adm_say("the name of the adapter is too long");
		return NULL;
	}
	return adm_open_emul_device(device, false, &ad) ? NULL : ad;
}

int adm_emul_create(int argc, char *argv[], FILE *out)
{
	char device[2 * PATH_MAX];
	struct emul_adapter *ad;

	(void)out; /* prints nothing on success */
	if (argc < 1 || argv[0][0] == '-')
		return ADM_USAGE;
	if (!device_name(argv[0], argc - 1, argv + 1, device, sizeof(device))) {
		adm_say("the name of the adapter and its options are too long");
		return ADM_FAILED;
	}
	if (adm_open_emul_device(device, true, &ad))
		return ADM_FAILED;
	emul_adapter_put(ad);
	return ADM_OK;
}
