/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/clone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/attach.h"
#include "superpipe/recover.h"
#include "superpipe/retry.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

/* ---- what can be cloned ---- */

static int check_cloneable(const struct superpipe *sp)
{
	const struct explainer *to = &sp->context.explainer;

	if (sp->context.nr_luns != 1)
		return explain_error(to, -EOPNOTSUPP,
				     "a volume of several LUNs cannot be handed to another "
				     "process: the driver cannot clone its context");
	for (const struct superpipe_vlun *vlun = sp->vluns.head; vlun; vlun = vlun->next) {
		if (vlun->physical)
			return explain_error(to, -EOPNOTSUPP,
					     "%s: a LUN used as a whole cannot be handed to "
					     "another process: the driver cannot clone its handle",
					     sp->context.names[0]);
	}
	return 0;
}

int superpipe_clone_export(struct superpipe *sp, struct superpipe_clone_source *ret_source)
{
	int rc;

	if (superpipe_failed(sp))
		return -EIO;
	pthread_mutex_lock(&sp->vluns.lock);
	rc = check_cloneable(sp);
	pthread_mutex_unlock(&sp->vluns.lock);
	if (rc)
		return rc;
	pthread_mutex_lock(&sp->context.lock);
	*ret_source = (struct superpipe_clone_source){ .context_id = sp->context.id,
						       .adap_fd = sp->context.adap_fd };
	pthread_mutex_unlock(&sp->context.lock);
	return 0;
}

/* ---- attach and clone ---- */

static int clone_from(struct superpipe *sp, const void *arg)
{
	const struct superpipe_clone_source *source = arg;
	struct dk_clone clone = { .context_id_src = source->context_id,
				  .adap_fd_src = (uint64_t)source->adap_fd };
	int rc = retry_ioctl(sp, 0, DK_IOCTL_VLUN_CLONE, &clone, &clone.context_id_dst);

	return rc ? explain_error(&sp->context.explainer, rc,
				  "%s: cannot take over the virtual LUNs: %s", sp->context.names[0],
				  strerror(-rc))
		  : 0;
}

int superpipe_attach_clone(struct superpipe *sp, const struct superpipe_clone_source *source)
{
	return attach_start(sp, clone_from, source);
}

/* ---- fork ---- */

/*
 * Moves the parent's context to @ret_inherited and unmaps it. @sp is then as before the attach. Its
 * locks are initialised again, because a thread of the parent may have held them at the fork.
 */
static int split_off(struct superpipe *sp, struct context *ret_inherited)
{
	*ret_inherited = sp->context;
	context_drop_after_fork(ret_inherited);
	ioq_drop_after_fork(&sp->ioq);
	(void)pthread_mutex_init(&sp->vluns.lock, NULL);
	sp->attached = false;
	memset(&sp->context, 0, sizeof(sp->context));
	memset(&sp->recovery, 0, sizeof(sp->recovery));
	return recover_init(sp);
}

static int take_over(struct superpipe *sp, struct context *inherited, bool *ret_cloned)
{
	struct superpipe_clone_source source = { .context_id = inherited->id,
						 .adap_fd = inherited->adap_fd };
	const char *devices[SUPERPIPE_MAX_LUNS];
	int rc;

	for (unsigned i = 0; i < inherited->nr_luns; i++)
		devices[i] = inherited->names[i];
	rc = context_init(&sp->context, devices, inherited->nr_luns, inherited->ops,
			  inherited->explainer.explain, inherited->explainer.arg);
	if (rc)
		return rc;
	rc = check_cloneable(sp);
	if (!rc)
		rc = superpipe_attach_clone(sp, &source);
	*ret_cloned = rc == 0;
	return rc;
}

static void free_vluns(struct superpipe *sp)
{
	while (sp->vluns.head) {
		struct superpipe_vlun *vlun = sp->vluns.head;

		sp->vluns.head = vlun->next;
		free(vlun);
	}
	sp->vluns.nr_open = 0;
}

int superpipe_takeover(struct superpipe *sp)
{
	struct context inherited;
	bool cloned = false;
	int rc;

	rc = split_off(sp, &inherited);
	if (!rc)
		rc = take_over(sp, &inherited, &cloned);
	context_close_inherited_fd(&inherited, cloned && !inherited.app_closes_fd);
	context_fini(&inherited);
	if (rc)
		free_vluns(sp);
	return rc;
}

void superpipe_drop_after_fork(struct superpipe *sp)
{
	struct context inherited;

	if (!sp)
		return;
	(void)split_off(sp, &inherited);
	context_close_inherited_fd(&inherited, false);
	context_fini(&inherited);
	free_vluns(sp);
	superpipe_close(sp);
}
