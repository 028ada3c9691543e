/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The LUNs of an emulated adapter, from its shared state; switched through its devport like any
 * other adapter's.
 */
#include "adm/lun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emul/adapter.h"
#include "emul/store/layout.h"

#define ADAPTER_NAME "emul"

/* ---- scanning ---- */

static const char *const use_names[] = {
	[EMUL_LUN_NONE] = "none",
	[EMUL_LUN_VIRTUAL] = "virtual",
	[EMUL_LUN_PHYSICAL] = "physical",
};

/* The record that MANAGE_LUN has bound to any path of a disk, or -1. */
static int record_of(const struct emul_adapter *ad, const struct emul_disk *disk)
{
	for (unsigned port = 0; port < emul_geometry(ad)->nr_ports; port++)
		if (disk->record[port])
			return disk->record[port] - 1;
	return -1;
}

static int add_users(struct emul_adapter *ad, unsigned record, struct lun *lun)
{
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++) {
		const struct emul_ctx *ctx = emul_shm_ctx(ad->shm, i);
		struct lun_user *user;

		if (!ctx->used || !(ctx->luns[record / 64] >> record % 64 & 1))
			continue;
		user = lun_add_user(lun, (pid_t)ctx->owner);
		if (!user)
			return -ENOMEM;
		user->attached = true;
	}
	return 0;
}

static int add_disk_locked(struct emul_adapter *ad, unsigned index, struct lun_list *list)
{
	const struct emul_disk *disk = &ad->shm->disk[index];
	struct lun *lun = lun_list_lun(list, disk->wwid);
	int record = record_of(ad, disk);

	if (!lun)
		return -ENOMEM;
	lun->block_bytes = emul_geometry(ad)->block_bytes;
	lun->bytes = atomic_load(&disk->nr_blocks) * lun->block_bytes;
	lun->use = use_names[EMUL_LUN_NONE];
	for (unsigned port = 0; port < emul_geometry(ad)->nr_ports; port++) {
		struct lun_path *path = lun_add_path(lun, ADAPTER_NAME, port);

		if (!path)
			return -ENOMEM;
		path->superpipe = disk->record[port];
		snprintf(path->device, sizeof(path->device), "lun=%u,port=%u", index, port);
	}
	if (record < 0)
		return 0;
	if (ad->shm->lun[record].mode <= EMUL_LUN_PHYSICAL)
		lun->use = use_names[ad->shm->lun[record].mode];
	return add_users(ad, (unsigned)record, lun);
}

static int scan_locked(struct emul_adapter *ad, struct lun_list *list)
{
	struct lun_adapter *adapter = lun_list_adapter(list, ADAPTER_NAME);
	int err = 0;

	if (!adapter)
		return -ENOMEM;
	snprintf(adapter->address, sizeof(adapter->address), "%.*s", LUN_NAME_BYTES - 1, ad->path);
	adapter->nr_ports = emul_geometry(ad)->nr_ports;
	for (unsigned port = 0; port < adapter->nr_ports; port++)
		strcpy(adapter->port_state[port], "present");
	for (unsigned i = 0; i < emul_geometry(ad)->nr_luns && !err; i++)
		err = add_disk_locked(ad, i, list);
	return err;
}

int lun_emul_scan(const char *device, struct lun_list *list)
{
	struct emul_adapter *ad;
	int err = adm_open_emul_device(device, false, &ad);

	if (err)
		return err;
	emul_lock(ad);
	err = scan_locked(ad, list);
	emul_unlock(ad);
	emul_adapter_put(ad);
	if (err)
		adm_say("%s", strerror(-err));
	return err;
}

/* ---- switching ---- */

/* "emul:DIR" of "emul:DIR,option...": a comma that is part of DIR is written "\,". */
static size_t plain_length(const char *device)
{
	size_t length = 0;

	while (device[length] && device[length] != ',')
		length += device[length] == '\\' && device[length + 1] ? 2 : 1;
	return length;
}

int lun_emul_manage(const char *device, const struct lun *lun, const struct lun_path *path,
		    bool enable)
{
	const struct devport_ops *ops = devport_find(device);
	struct dk_manage_lun arg = {
		.hdr.flags = enable ? DK_MLF_ENABLE_SUPERPIPE : DK_MLF_DISABLE_SUPERPIPE,
	};
	struct devport *dp;
	char *name;
	int err;

	if (asprintf(&name, "%.*s,%s", (int)plain_length(device), device, path->device) < 0) {
		adm_say("%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = ops->open(name, adm_explain, NULL, &dp);
	if (err)
		goto free_name;
	memcpy(arg.wwid, lun->wwid, DK_WWID_LEN);
	err = ops->ioctl(dp, DK_IOCTL_MANAGE_LUN, &arg);
	ops->close(dp);
	if (err == -EBUSY && !enable)
		adm_say("%s: the LUN is in use: a process holds virtual or physical handles on "
			"it; stop it first",
			name);
	else if (err)
		adm_say("%s: the adapter refuses to switch the mode: %s", name, strerror(-err));
free_name:
	free(name);
	return err;
}
