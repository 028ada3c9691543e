/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/superpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/attach.h"
#include "superpipe/recover.h"
#include "superpipe/superpipe_internal.h"
#include "superpipe/vlun.h"

/* ---- open and close ---- */

static int open_sessions(struct superpipe *sp, const char *const devices[],
			 const struct superpipe_options *options, const struct explainer *to)
{
	int rc = 0;

	for (unsigned lun = 0; !rc && lun < sp->nr_luns; lun++)
		rc = session_open(devices[lun], options, to->explain, to->arg, lun,
				  &sp->sessions[lun]);
	return rc;
}

int superpipe_open(const char *const devices[], unsigned nr_devices,
		   const struct superpipe_options *options, explain_fn explain, void *explain_arg,
		   struct superpipe **ret_sp)
{
	const struct explainer to = { explain, explain_arg };
	struct superpipe *sp;
	int rc;

	if (nr_devices < 1 || nr_devices > SUPERPIPE_MAX_LUNS)
		return explain_error(&to, -EINVAL, "a volume has 1 to %u LUNs, not %u",
				     SUPERPIPE_MAX_LUNS, nr_devices);
	sp = calloc(1, sizeof(*sp));
	if (!sp)
		return -ENOMEM;
	sp->nr_luns = nr_devices;
	rc = open_sessions(sp, devices, options, &to);
	if (!rc && sp->nr_luns > 1)
		rc = context_init(&sp->all_luns, devices, nr_devices, options ? options->ops : NULL,
				  explain, explain_arg);
	if (rc) {
		superpipe_close(sp);
		return rc;
	}
	*ret_sp = sp;
	return 0;
}

void superpipe_close(struct superpipe *sp)
{
	if (!sp)
		return;
	context_fini(&sp->all_luns);
	for (unsigned i = 0; i < sp->nr_luns; i++)
		session_close(sp->sessions[i]);
	free(sp);
}

void superpipe_detach(struct superpipe *sp)
{
	for (unsigned i = 0; i < sp->nr_luns; i++)
		if (sp->sessions[i]->attached)
			attach_end(sp->sessions[i]);
}

/* ---- attach ---- */

/*
 * The driver accepts LUNs in one context only if they are different LUNs of one adapter. So a
 * context with all of them, detached at once, shows whether they are.
 */
static int check_belong_together(struct superpipe *sp)
{
	struct context *ctx = &sp->all_luns;
	int rc;

	if (ctx->nr_luns == 0)
		return 0;
	rc = context_reopen_after_fork(ctx);
	if (!rc)
		rc = context_attach(ctx);
	if (rc)
		return rc;
	context_detach(ctx);
	context_fini(ctx);
	return 0;
}

int superpipe_attach(struct superpipe *sp)
{
	unsigned nr = 0;
	int rc = check_belong_together(sp);

	while (!rc && nr < sp->nr_luns) {
		rc = session_attach(sp->sessions[nr]);
		nr += rc == 0;
	}
	while (rc && nr > 0)
		attach_end(sp->sessions[--nr]);
	return rc;
}

/* ---- queries ---- */

void superpipe_each_file(struct superpipe *sp, devport_file_fn *fn, void *arg)
{
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		struct context *ctx = &sp->sessions[i]->context;

		ctx->ops->each_file(ctx->dp[0], fn, arg);
	}
}

unsigned superpipe_nr_luns(const struct superpipe *sp)
{
	return sp->nr_luns;
}

const struct superpipe_lun_info *superpipe_lun_info(const struct superpipe *sp, unsigned lun)
{
	return &sp->sessions[lun]->context.luns[0];
}

bool superpipe_is_synchronous(const struct superpipe *sp)
{
	const struct context *ctx = &sp->sessions[0]->context;

	return ctx->ops->is_synchronous(ctx->dp[0]);
}

unsigned superpipe_max_handles(const struct superpipe *sp, unsigned lun)
{
	const struct session *session = sp->sessions[lun];

	return __atomic_load_n(&session->vluns.max_handles, __ATOMIC_RELAXED);
}

bool superpipe_failed(const struct superpipe *sp)
{
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		if (!session_failed(sp->sessions[i]))
			return false;
	}
	return true;
}

bool superpipe_lun_failed(const struct superpipe *sp, unsigned lun)
{
	return session_failed(sp->sessions[lun]);
}

static void add_stats(const struct session *session, struct superpipe_stats *stats)
{
	const struct ioq *q = &session->ioq;

	stats->commands += __atomic_load_n(&q->nr_commands, __ATOMIC_RELAXED);
	stats->reads += __atomic_load_n(&q->nr_reads, __ATOMIC_RELAXED);
	stats->writes += __atomic_load_n(&q->nr_writes, __ATOMIC_RELAXED);
	stats->errors += __atomic_load_n(&q->nr_errors, __ATOMIC_RELAXED);
	stats->recoveries += __atomic_load_n(&session->nr_recoveries, __ATOMIC_RELAXED);
	stats->timeouts += __atomic_load_n(&session->nr_timeouts, __ATOMIC_RELAXED);
	stats->interrupts += __atomic_load_n(&session->nr_interrupts, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < SUPERPIPE_NR_RETRIES; i++) {
		uint64_t nr = __atomic_load_n(&q->nr_retries[i], __ATOMIC_RELAXED);

		stats->retries_by[i] += nr;
		stats->retries += i == SUPERPIPE_RETRY_RESET ? 0 : nr;
	}
}

void superpipe_get_stats(const struct superpipe *sp, struct superpipe_stats *ret_stats)
{
	*ret_stats = (struct superpipe_stats){ 0 };
	for (unsigned i = 0; i < sp->nr_luns; i++)
		add_stats(sp->sessions[i], ret_stats);
}

void superpipe_get_lun_stats(const struct superpipe *sp, unsigned lun,
			     struct superpipe_lun_stats *ret_stats)
{
	struct session *session = sp->sessions[lun];
	struct ioq *q = &session->ioq;

	*ret_stats = (struct superpipe_lun_stats){
		.failed = session_failed(session),
		.sq_mode = q->sq_mode,
		.queue_depth = q->nr_slots,
		.max_handles = __atomic_load_n(&session->vluns.max_handles, __ATOMIC_RELAXED),
	};
	add_stats(session, &ret_stats->counts);
	recover_get_times(session, &ret_stats->recovery);
	for (unsigned i = 0; i < 2; i++)
		histogram_merge(&ret_stats->latency[i], &q->latency[i]);
	pthread_mutex_lock(&q->submit_lock);
	ret_stats->nr_in_flight = q->nr_busy;
	ret_stats->ports = q->ports;
	pthread_mutex_unlock(&q->submit_lock);
	pthread_mutex_lock(&session->vluns.lock);
	ret_stats->nr_handles = session->vluns.nr_open;
	pthread_mutex_unlock(&session->vluns.lock);
}

static void add_queue_counts(struct ioq *q, const struct superpipe_lun_stats *before)
{
	const struct superpipe_stats *counts = &before->counts;

	pthread_mutex_lock(&q->submit_lock);
	q->nr_commands += counts->commands;
	q->nr_reads += counts->reads;
	q->nr_writes += counts->writes;
	q->nr_errors += counts->errors;
	for (unsigned i = 0; i < SUPERPIPE_NR_RETRIES; i++)
		q->nr_retries[i] += counts->retries_by[i];
	for (unsigned i = 0; i < 2; i++)
		histogram_merge(&q->latency[i], &before->latency[i]);
	q->ports = before->ports;
	pthread_mutex_unlock(&q->submit_lock);
}

void superpipe_add_counts(struct superpipe *sp, unsigned lun,
			  const struct superpipe_lun_stats *before)
{
	struct session *session = sp->sessions[lun];
	const struct superpipe_stats *counts = &before->counts;

	add_queue_counts(&session->ioq, before);
	__atomic_fetch_add(&session->nr_recoveries, counts->recoveries, __ATOMIC_RELAXED);
	__atomic_fetch_add(&session->nr_timeouts, counts->timeouts, __ATOMIC_RELAXED);
	__atomic_fetch_add(&session->nr_interrupts, counts->interrupts, __ATOMIC_RELAXED);
	recover_set_times(session, &before->recovery);
}

/* ---- commands ---- */

struct batch {
	struct superpipe_io *head, *tail;
};

/* Every batch is built before the first one is submitted, because an io may end at once. */
static void submit_to_each(struct superpipe *sp, struct superpipe_io *io)
{
	struct batch batches[SUPERPIPE_MAX_LUNS] = { 0 };

	while (io) {
		struct superpipe_io *next = io->next;
		struct batch *batch = &batches[io->vlun->session->lun];

		io->next = NULL;
		if (batch->tail)
			batch->tail->next = io;
		else
			batch->head = io;
		batch->tail = io;
		io = next;
	}
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		if (batches[i].head)
			ioq_submit(&sp->sessions[i]->ioq, batches[i].head);
	}
}

void superpipe_submit(struct superpipe *sp, struct superpipe_io *first)
{
	if (sp->nr_luns == 1)
		ioq_submit(&sp->sessions[0]->ioq, first);
	else
		submit_to_each(sp, first);
}

void superpipe_start_polling(struct superpipe *sp)
{
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		struct session *session = sp->sessions[i];

		ioq_start_polling(&session->ioq);
		session->context.ops->add_pollers(session->context.dp[0], 1);
	}
}

void superpipe_stop_polling(struct superpipe *sp)
{
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		struct session *session = sp->sessions[i];

		session->context.ops->add_pollers(session->context.dp[0], -1);
		ioq_stop_polling(&session->ioq);
	}
}

bool superpipe_poll(struct superpipe *sp)
{
	bool reaped = false;

	for (unsigned i = 0; i < sp->nr_luns; i++)
		reaped |= ioq_poll(&sp->sessions[i]->ioq);
	return reaped;
}

bool superpipe_is_busy(struct superpipe *sp)
{
	for (unsigned i = 0; i < sp->nr_luns; i++) {
		if (ioq_is_busy(&sp->sessions[i]->ioq))
			return true;
	}
	return false;
}
