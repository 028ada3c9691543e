/* SPDX-License-Identifier: Apache-2.0 */
#include "support/emul_rig.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void explain(void *arg, const char *text)
{
	snprintf(arg, 512, "%s", text);
}

struct devport *emul_rig_path(const struct emul_rig *rig, const char *options)
{
	char device[512], why[512] = "";
	struct devport *dp = NULL;
	int rc;

	snprintf(device, sizeof(device), "emul:%s,%s,%s", rig->dir, rig->options, options);
	rc = devport_emul_ops.open(device, explain, why, &dp);
	ck_assert_msg(!rc, "%s: %d, %s", device, rc, why);
	return dp;
}

void emul_rig_open(struct emul_rig *rig, const char *options)
{
	snprintf(rig->dir, sizeof(rig->dir), "/tmp/emul_rig.XXXXXX");
	snprintf(rig->options, sizeof(rig->options), "%s", options);
	ck_assert_ptr_nonnull(mkdtemp(rig->dir));
	rig->dp = emul_rig_path(rig, "");
}

void emul_rig_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

void emul_rig_close(struct emul_rig *rig)
{
	uint64_t total = emul_audit_total(emul_rig_ad(rig));

	if (total)
		emul_audit_print(emul_rig_ad(rig), stderr);
	ck_assert_uint_eq(total, 0);
	rig->dp->ops->close(rig->dp);
	emul_rig_remove(rig->dir);
}

void emul_rig_close_broken(struct emul_rig *rig, enum emul_breach breach, uint64_t expected)
{
	ck_assert_uint_eq(emul_rig_count(rig, breach), expected);
	rig->dp->ops->close(rig->dp);
	emul_rig_remove(rig->dir);
}

uint64_t emul_rig_count(const struct emul_rig *rig, enum emul_breach breach)
{
	emul_housekeep(emul_rig_ad(rig));
	return atomic_load(&emul_rig_shm(rig)->audit.count[breach]);
}

struct dk_attach emul_rig_attach(struct devport *dp)
{
	struct dk_attach attach;
	int rc = dk_attach(dp, O_RDWR, &attach);

	ck_assert_int_eq(rc, 0);
	return attach;
}

void emul_rig_detach(struct devport *dp, uint64_t context_id, uint64_t adap_fd)
{
	ck_assert_int_eq(dk_detach(dp, context_id), 0);
	ck_assert_int_eq(dk_close_adap_fd(dp, adap_fd), 0);
}

uint64_t emul_rig_virtual(struct devport *dp, uint64_t context_id, uint64_t nr_chunks)
{
	uint64_t chunk_bytes = (uint64_t)SISL_CHUNK_DEV_BLOCKS *
			       emul_geometry(((struct emul_path *)dp)->ad)->block_bytes;
	struct dk_uvirtual uvirtual;
	struct dk_resize resize;

	ck_assert_int_eq(dk_user_virtual(dp, context_id, 0, 0, &uvirtual), 0);
	ck_assert_uint_eq(uvirtual.last_lba, UINT64_MAX);
	if (nr_chunks) {
		ck_assert_int_eq(dk_resize(dp, context_id, uvirtual.rsrc_handle,
					   nr_chunks * chunk_bytes / SISL_LBA_BYTES, &resize),
				 0);
		ck_assert_uint_eq(resize.last_lba, nr_chunks * chunk_bytes / SISL_LBA_BYTES - 1);
	}
	return uvirtual.rsrc_handle;
}

unsigned emul_rig_chunks(const struct emul_rig *rig, uint64_t context_id, uint64_t handle,
			 uint64_t *ret_chunks, unsigned max)
{
	struct emul_adapter *ad = emul_rig_ad(rig);
	struct emul_rht *rht =
		emul_rht_at(ad, &ad->shm->pe[(uint32_t)context_id], (uint32_t)handle);
	unsigned nr;

	ck_assert_ptr_nonnull(rht);
	nr = atomic_load(&rht->lxt_cnt);
	for (unsigned i = 0; i < nr && i < max; i++)
		ret_chunks[i] =
			atomic_load(emul_lxt_at(ad, atomic_load(&rht->lxt), i)) >> SISL_CHUNK_SHIFT;
	return nr;
}

void emul_rig_fault(const struct emul_rig *rig, const char *rule)
{
	char why[EMUL_FAULT_TEXT_MAX] = "";
	struct timespec now;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &now);
	rc = emul_fault_add(&emul_rig_shm(rig)->fault, rule,
			    (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, why);
	ck_assert_msg(rc >= 0, "%s: %s", rule, why);
}

void emul_rig_in_child(struct emul_rig *rig)
{
	rig->dp->ops->close(rig->dp);
	rig->dp = emul_rig_path(rig, "");
}

void emul_rig_end_child(struct emul_rig *rig)
{
	rig->dp->ops->close(rig->dp);
	_exit(0);
}

void emul_rig_wait_child(pid_t child)
{
	int status;

	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && !WEXITSTATUS(status), "child status 0x%x", status);
}
