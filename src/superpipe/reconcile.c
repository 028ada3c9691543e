/* SPDX-License-Identifier: Apache-2.0 */
/* Compares the vLUNs of a dead process in the driver with those that it reported. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "superpipe/dead_owner.h"
#include "superpipe/recover.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

#define NOT_OPEN  UINT64_MAX
#define MAX_SCANS 20
#define PAUSE_MS  5

/* The handles of a context that the driver has. */
struct handles {
	unsigned nr;
	uint64_t *nr_chunks; /* of each, or NOT_OPEN */
};

/* ---- what the driver has ---- */

static int verify(struct session *session, unsigned handle, uint64_t *ret_nr_chunks)
{
	struct dk_verify verify = { .rsrc_handle = handle };
	int rc = context_ioctl(&session->context, DK_IOCTL_VERIFY, &verify, &verify.context_id,
			       NULL);

	*ret_nr_chunks = NOT_OPEN;
	/* last_lba is all ones for size 0. */
	if (!rc)
		*ret_nr_chunks = (verify.last_lba + 1) / session->context.luns[0].chunk_lbas;
	return rc == -EINVAL ? 0 : rc;
}

static int scan_once(struct session *session, struct handles *handles)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < handles->nr; i++)
		rc = verify(session, i, &handles->nr_chunks[i]);
	return rc;
}

/* EINVAL also means that the context is lost, so the scan counts if the context is the same after
 * it. */
static int scan(struct session *session, struct handles *handles)
{
	for (unsigned i = 0; i < MAX_SCANS; i++) {
		uint64_t generation = context_generation(&session->context);
		int rc = scan_once(session, handles);
		int checked = recover_check(session, generation);

		if (checked == -EIO)
			return -EIO;
		if (!rc && checked)
			return 0;
		if (rc && recover_pause(session, PAUSE_MS))
			return -EIO;
	}
	return -EIO;
}

/* ---- what it should have ---- */

static int compare(struct superpipe_vlun *vlun, uint64_t has)
{
	const struct context *ctx = &vlun->session->context;
	uint64_t known = vlun->nr_chunks, granted;
	int rc;

	if (has == NOT_OPEN)
		return explain_error(&ctx->explainer, -EIO, "%s: virtual LUN %u is gone",
				     ctx->names[0], vlun->res_hndl);
	if (has < known)
		return explain_error(&ctx->explainer, -EIO,
				     "%s: virtual LUN %u has lost chunks: it has %llu of %llu",
				     ctx->names[0], vlun->res_hndl, (unsigned long long)has,
				     (unsigned long long)known);
	if (has == known)
		return 0;
	log_debug(LOGC_SUPERPIPE, "%s: res_hndl %u: %llu chunks, %llu are known", ctx->names[0],
		  vlun->res_hndl, (unsigned long long)has, (unsigned long long)known);
	rc = superpipe_vlun_resize(vlun, known, &granted);
	return rc ? explain_error(&ctx->explainer, -EIO, "%s: cannot shrink virtual LUN %u: %s",
				  ctx->names[0], vlun->res_hndl, strerror(-rc))
		  : 0;
}

static int release_unknown(struct superpipe *sp, const struct session *session, uint32_t handle,
			   uint64_t nr_chunks)
{
	const struct context *ctx = &session->context;
	const struct superpipe_vlun_source source = { session->lun, handle, nr_chunks };
	struct superpipe_vlun *vlun;
	int rc = superpipe_vlun_import(sp, &source, &vlun);

	if (rc)
		return rc;
	log_debug(LOGC_SUPERPIPE, "%s: res_hndl %u is not known", ctx->names[0], handle);
	rc = superpipe_vlun_close(vlun);
	return rc ? explain_error(&ctx->explainer, -EIO, "%s: cannot release virtual LUN %u: %s",
				  ctx->names[0], handle, strerror(-rc))
		  : 0;
}

static int reconcile(struct superpipe *sp, struct session *session, struct handles *handles)
{
	int rc = scan(session, handles);

	if (rc)
		return explain_error(&session->context.explainer, rc, "%s: the adapter has failed",
				     session->context.names[0]);
	if (session->clone_refused && session->vluns.head)
		return explain_error(&session->context.explainer, -EINVAL,
				     "%s: cannot take over the virtual LUNs: the driver does not "
				     "know their context any more",
				     session->context.names[0]);
	for (struct superpipe_vlun *vlun = session->vluns.head; !rc && vlun; vlun = vlun->next) {
		uint64_t *has =
			vlun->res_hndl < handles->nr ? &handles->nr_chunks[vlun->res_hndl] : NULL;

		rc = compare(vlun, has ? *has : NOT_OPEN);
		if (has)
			*has = NOT_OPEN;
	}
	for (unsigned i = 0; !rc && i < handles->nr; i++) {
		if (handles->nr_chunks[i] != NOT_OPEN)
			rc = release_unknown(sp, session, i, handles->nr_chunks[i]);
	}
	return rc;
}

int superpipe_reconcile(struct superpipe *sp)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < sp->nr_luns; i++) {
		struct session *session = sp->sessions[i];
		const struct context *ctx = &session->context;
		struct handles handles = { .nr = ctx->ops->max_handles(ctx->dp[0]) };

		handles.nr_chunks = calloc(handles.nr, sizeof(*handles.nr_chunks));
		rc = handles.nr_chunks ? reconcile(sp, session, &handles) : -ENOMEM;
		free(handles.nr_chunks);
	}
	return rc;
}
