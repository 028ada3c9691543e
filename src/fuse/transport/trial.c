/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/trial.h"

static void enter(struct trial *trial, enum manners_mode mode, uint64_t now_ms)
{
	trial->mode = mode;
	trial->since_ms = now_ms;
	trial->counting = false;
	trial->nr_requests = 0;
}

static enum manners_mode best_of(const double rate[MANNERS_NR_MODES])
{
	unsigned best = 0;

	for (unsigned mode = 1; mode < MANNERS_NR_MODES; mode++)
		if (rate[mode] > rate[best])
			best = mode;
	return (enum manners_mode)best;
}

static void decide(struct trial *trial, uint64_t now_ms)
{
	enum manners_mode best = best_of(trial->rate);
	bool same = trial->keep_ms && best == trial->best;

	trial->keep_ms = same ? trial->keep_ms * 2 : TRIAL_MIN_KEEP_MS;
	if (trial->keep_ms > TRIAL_MAX_KEEP_MS)
		trial->keep_ms = TRIAL_MAX_KEEP_MS;
	trial->best = best;
	trial->decided = true;
	enter(trial, best, now_ms);
}

static void count(struct trial *trial, uint64_t now_ms, uint64_t nr_requests)
{
	uint64_t spent_ms = now_ms - trial->since_ms;

	if (!trial->counting) {
		if (spent_ms < TRIAL_SETTLE_MS)
			return;
		trial->counting = true;
		trial->since_ms = now_ms;
		return;
	}
	trial->nr_requests += nr_requests;
	if (spent_ms < TRIAL_COUNT_MS)
		return;
	trial->rate[trial->mode] = (double)trial->nr_requests / (double)spent_ms;
	if (trial->mode + 1 == MANNERS_NR_MODES)
		decide(trial, now_ms);
	else
		enter(trial, trial->mode + 1, now_ms);
}

enum manners_mode trial_judge(struct trial *trial, uint64_t now_ms, uint64_t nr_requests)
{
	if (!trial->since_ms) {
		enter(trial, (enum manners_mode)0, now_ms);
	} else if (!trial->decided) {
		count(trial, now_ms, nr_requests);
	} else if (now_ms - trial->since_ms >= trial->keep_ms) {
		trial->decided = false;
		enter(trial, (enum manners_mode)0, now_ms);
	}
	return trial->mode;
}
