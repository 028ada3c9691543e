/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/vlun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "superpipe/cdb.h"
#include "superpipe/clone.h"
#include "superpipe/recover.h"
#include "superpipe/retry.h"
#include "superpipe/superpipe_internal.h"
#include "wire/cxlflash_abi.h"

#define RELEASE_TRIES    20
#define RELEASE_PAUSE_MS 5

/* ---- the table of handles ---- */

static void make_patterns(struct superpipe_vlun *vlun)
{
	for (unsigned write = 0; write < 2; write++) {
		struct sisl_ioarcb *ioarcb = &vlun->pattern[write];

		ioarcb->req_flags = SISL_REQ_RES_HNDL | SISL_REQ_TIMEOUT_SECS |
				    (write ? SISL_REQ_HOST_WRITE : 0);
		ioarcb->res_hndl = vlun->res_hndl;
		ioarcb->data_len = vlun->max_cmd_lbas * SUPERPIPE_LBA_BYTES;
		ioarcb->msi = SISL_LISN_RRQ;
		ioarcb->timeout = IOQ_AFU_TIMEOUT_SECONDS;
		ioarcb->cdb[0] = write ? SISL_CDB_WRITE_16 : SISL_CDB_READ_16;
		cdb_set_blocks(ioarcb->cdb, vlun->max_cmd_lbas * vlun->dev_blocks_per_lba);
	}
}

static void table_add(struct session *session, struct superpipe_vlun *vlun)
{
	struct vlun_table *table = &session->vluns;

	make_patterns(vlun);
	pthread_mutex_lock(&table->lock);
	vlun->next = table->head;
	if (vlun->next)
		vlun->next->prev = vlun;
	table->head = vlun;
	table->nr_open++;
	pthread_mutex_unlock(&table->lock);
}

static void table_remove(struct session *session, struct superpipe_vlun *vlun)
{
	struct vlun_table *table = &session->vluns;

	pthread_mutex_lock(&table->lock);
	if (vlun->prev)
		vlun->prev->next = vlun->next;
	else
		table->head = vlun->next;
	if (vlun->next)
		vlun->next->prev = vlun->prev;
	table->nr_open--;
	pthread_mutex_unlock(&table->lock);
}

/* After EMFILE: no more handles than are open now. */
static void set_handle_limit(struct session *session)
{
	pthread_mutex_lock(&session->vluns.lock);
	__atomic_store_n(&session->vluns.max_handles, session->vluns.nr_open, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&session->vluns.lock);
}

static struct superpipe_vlun *new_vlun(struct session *session, bool physical)
{
	const struct superpipe_lun_info *info = &session->context.luns[0];
	struct superpipe_vlun *vlun = calloc(1, sizeof(*vlun));

	if (!vlun)
		return NULL;
	vlun->session = session;
	vlun->physical = physical;
	vlun->dev_blocks_per_lba = SUPERPIPE_LBA_BYTES / info->block_bytes;
	vlun->max_cmd_lbas = physical ? info->max_xfer_lbas : 1;
	return vlun;
}

/* ---- open ---- */

static int translate_open(struct session *session, int rc)
{
	switch (rc) {
	case -EMFILE:
		set_handle_limit(session);
		return -ENOSPC;
	case -EINVAL:
		return -EBUSY; /* the LUN is in the other mode */
	default:
		return rc;
	}
}

static int open_virtual(struct session *session, uint32_t *ret_res_hndl)
{
	/* Size 0: with a larger one a failed sync would leave a stale table in the driver. */
	struct dk_uvirtual uvirtual = { .lun_size = 0 };
	int rc = retry_ioctl(session, DK_IOCTL_USER_VIRTUAL, &uvirtual, &uvirtual.context_id);

	if (!rc)
		*ret_res_hndl = (uint32_t)uvirtual.rsrc_handle;
	return rc;
}

static int open_physical(struct session *session, uint32_t *ret_res_hndl)
{
	struct dk_udirect udirect = { .rsrc_handle = 0 };
	int rc = retry_ioctl(session, DK_IOCTL_USER_DIRECT, &udirect, &udirect.context_id);

	if (!rc)
		*ret_res_hndl = (uint32_t)udirect.rsrc_handle;
	return rc;
}

static int open_handle(struct session *session, bool physical, struct superpipe_vlun **ret_vlun)
{
	struct superpipe_vlun *vlun;
	int rc;

	vlun = new_vlun(session, physical);
	if (!vlun)
		return -ENOMEM;
	rc = physical ? open_physical(session, &vlun->res_hndl)
		      : open_virtual(session, &vlun->res_hndl);
	if (rc) {
		free(vlun);
		return translate_open(session, rc);
	}
	table_add(session, vlun);
	*ret_vlun = vlun;
	return 0;
}

static int open_on_lun(struct superpipe *sp, unsigned lun, bool physical,
		       struct superpipe_vlun **ret_vlun)
{
	if (lun >= sp->nr_luns)
		return -EINVAL;
	return open_handle(sp->sessions[lun], physical, ret_vlun);
}

int superpipe_vlun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun)
{
	return open_on_lun(sp, lun, false, ret_vlun);
}

int superpipe_plun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun)
{
	return open_on_lun(sp, lun, true, ret_vlun);
}

int superpipe_vlun_import(struct superpipe *sp, const struct superpipe_vlun_source *source,
			  struct superpipe_vlun **ret_vlun)
{
	struct superpipe_vlun *vlun;
	struct session *session;

	if (source->lun >= sp->nr_luns)
		return -EINVAL;
	session = sp->sessions[source->lun];
	vlun = new_vlun(session, false);
	if (!vlun)
		return -ENOMEM;
	vlun->res_hndl = source->res_hndl;
	vlun->nr_chunks = source->nr_chunks;
	table_add(session, vlun);
	*ret_vlun = vlun;
	return 0;
}

void superpipe_vlun_export(const struct superpipe_vlun *vlun,
			   struct superpipe_vlun_source *ret_source)
{
	*ret_source = (struct superpipe_vlun_source){
		.lun = vlun->session->lun,
		.res_hndl = vlun->res_hndl,
		.nr_chunks = vlun->nr_chunks,
	};
}

int vlun_probe(struct session *session)
{
	struct superpipe_vlun *vlun;
	int rc = open_handle(session, session->options.physical, &vlun);

	return rc ? rc : superpipe_vlun_close(vlun);
}

/* ---- resize ---- */

int superpipe_vlun_resize(struct superpipe_vlun *vlun, uint64_t nr_chunks, uint64_t *ret_nr_chunks)
{
	struct session *session = vlun->session;
	const struct superpipe_lun_info *info = &session->context.luns[0];
	struct dk_resize resize = { .rsrc_handle = vlun->res_hndl };
	int rc;

	if (vlun->physical)
		return -EINVAL;
	/* The driver's arithmetic would overflow for sizes larger than the LUN. */
	if (nr_chunks > info->nr_chunks)
		nr_chunks = info->nr_chunks;
	resize.req_size = nr_chunks * info->chunk_lbas;
	rc = retry_ioctl(session, DK_IOCTL_VLUN_RESIZE, &resize, &resize.context_id);
	if (rc)
		return rc == -EINVAL ? -EIO : rc;
	/* last_lba is all ones for size 0, so adding 1 is always right. */
	vlun->nr_chunks = (resize.last_lba + 1) / info->chunk_lbas;
	*ret_nr_chunks = vlun->nr_chunks;
	return 0;
}

/* ---- close ---- */

int superpipe_vlun_close(struct superpipe_vlun *vlun)
{
	struct session *session = vlun->session;
	struct dk_release release = { .rsrc_handle = vlun->res_hndl };
	int rc = -ENOMEM;

	/* After ENOMEM the driver keeps the handle with size 0, so try again. */
	for (unsigned i = 0; rc == -ENOMEM && i < RELEASE_TRIES; i++) {
		rc = retry_ioctl(session, DK_IOCTL_RELEASE, &release, &release.context_id);
		if (rc == -ENOMEM && recover_pause(session, RELEASE_PAUSE_MS))
			break;
	}
	if (session_failed(session))
		rc = 0; /* the handle ended with the context */
	if (rc)
		log_debug(LOGC_SUPERPIPE, "res_hndl %u: release: %s", vlun->res_hndl,
			  strerror(-rc));
	table_remove(session, vlun);
	free(vlun);
	return rc;
}

void vlun_release_all(struct session *session)
{
	while (session->vluns.head)
		(void)superpipe_vlun_close(session->vluns.head);
}

/* ---- verify ---- */

/* If VERIFY returned no last LBA it is all ones, and the sum 0. */
static void update_capacity(struct superpipe_vlun *vlun, uint64_t last_lba)
{
	struct session *session = vlun->session;
	struct superpipe_lun_info *info = &session->context.luns[0];
	uint64_t nr_lbas = (last_lba + 1) / vlun->dev_blocks_per_lba;

	if (!vlun->physical || nr_lbas <= info->nr_lbas)
		return;
	/* Pairs with the acquire of those that read superpipe_lun_info(). */
	__atomic_store_n(&info->nr_lbas, nr_lbas, __ATOMIC_RELEASE);
	session_notify(session, SUPERPIPE_LUN_GREW, "the LUN has grown");
}

/*
 * Runs on the reaper thread, which recovers and so must not wait for a recovery. If the context may
 * be lost it reports the fault and returns 0, so that the command is tried again.
 */
int vlun_verify(struct superpipe_vlun *vlun, const uint8_t *sense)
{
	struct session *session = vlun->session;
	struct dk_verify verify = { .rsrc_handle = vlun->res_hndl,
				    .hint = DK_VHF_SENSE,
				    .last_lba = UINT64_MAX };
	int rc;

	if (context_is_lost(&session->context)) {
		ioq_report_fault(&session->ioq, IOQ_FAULT_LOST);
		return 0;
	}
	memcpy(verify.sense_data, sense, sizeof(verify.sense_data));
	rc = context_ioctl(&session->context, DK_IOCTL_VERIFY, &verify, &verify.context_id, NULL);
	log_debug(LOGC_SUPERPIPE, "res_hndl %u: verify: %s", vlun->res_hndl,
		  rc ? strerror(-rc) : "done");
	if (rc == -EINVAL || rc == -ENODEV) {
		ioq_report_fault(&session->ioq, IOQ_FAULT_CHECK);
		return 0;
	}
	/* For most sense data the driver returns 1, which means success, and no last LBA. */
	if (rc >= 0) {
		update_capacity(vlun, verify.last_lba);
		return 0;
	}
	return rc == -EAGAIN || rc == -EINTR ? 0 : rc;
}

unsigned superpipe_vlun_lun(const struct superpipe_vlun *vlun)
{
	return vlun->session->lun;
}

uint32_t superpipe_vlun_handle(const struct superpipe_vlun *vlun)
{
	return vlun->res_hndl;
}
