/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "fuse/takeover/pending.h"
#include "replica/replica.h"

struct settling {
	struct pending *pending;
	const struct pending_rules *rules;
	struct pending_counts counts;
};

static int refuse(struct settling *settling, const struct pending_request *request)
{
	settling->counts.nr_refused++;
	settling->rules->refused(settling->rules->arg, request);
	if (pending_has_answer(request))
		return pending_answer(settling->pending, request, -EIO);
	pending_clear(settling->pending, request);
	return 0;
}

/* A listing is executed again, because the record has its references, but not the names. */
static int find_outcome(struct settling *settling, const struct pending_request *request,
			const struct replica_outcome **ret_outcome)
{
	struct replica *replica = settling->rules->replica;
	const struct replica_outcome *outcome = replica_outcome(replica, request->slot);

	*ret_outcome = NULL;
	if (!outcome || outcome->unique != request->unique)
		return 0;
	if (outcome->kind == REPLICA_OUTCOME_LISTED)
		return replica_undo_listed(replica, request->slot);
	*ret_outcome = outcome;
	return 0;
}

/* Leaves the request to the next process. */
static int leave(struct settling *settling, const struct pending_request *request)
{
	const struct pending_rules *rules = settling->rules;
	const struct replica_outcome *outcome;
	uint64_t nr_deaths = pending_blame(settling->pending, request, rules->is_guilty);
	int err = find_outcome(settling, request, &outcome);

	if (err)
		return err;
	if (request->is_damaged || nr_deaths >= rules->max_deaths)
		return refuse(settling, request);
	pending_set_outcome(settling->pending, request, outcome);
	if (outcome)
		settling->counts.nr_known++;
	else
		settling->counts.nr_left++;
	return 0;
}

static int is_needed(const struct settling *settling, const struct pending_request *request)
{
	switch (request->opcode) {
	case FUSE_INTERRUPT: /* asks for what cxlfs does not do anyway */
	case FUSE_NOTIFY_REPLY:
		return 0;
	case FUSE_FORGET: /* never awaited, and lost if it is not done */
	case FUSE_BATCH_FORGET:
		return 1;
	case FUSE_INIT: /* fs_adopt_connection() answers it if it knows what to say */
		if (settling->rules->has_agreed)
			return 0;
		/* fall through */
	default:
		return pending_is_awaited(settling->pending, request);
	}
}

static int settle(struct settling *settling, const struct pending_request *request)
{
	int awaited = is_needed(settling, request);

	if (awaited < 0)
		return awaited;
	if (awaited)
		return leave(settling, request);
	pending_clear(settling->pending, request);
	settling->counts.nr_answered++;
	return 0;
}

int pending_settle(struct pending *pending, const struct pending_rules *rules,
		   struct pending_counts *ret_counts)
{
	struct settling settling = { .pending = pending, .rules = rules };
	struct pending_request request;
	uint32_t from = 0;
	int err = 0;

	while (!err && pending_next(pending, &from, &request))
		err = settle(&settling, &request);
	*ret_counts = settling.counts;
	return err;
}
