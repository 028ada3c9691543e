/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/manners.h"

static bool happened_within(uint64_t then_ms, uint64_t now_ms, uint64_t span_ms)
{
	return then_ms && now_ms - then_ms < span_ms;
}

static bool is_held_up(const struct manners_look *look)
{
	return look->starved ||
	       (look->nr_runs && look->delay_ns / look->nr_runs > MANNERS_MAX_DELAY_NS);
}

static bool is_leaning(const struct manners_look *look)
{
	return look->leaned || look->nr_requests > look->nr_passes * MANNERS_MAX_REQUESTS;
}

static void hold(struct manners *manners, uint64_t now_ms)
{
	if (!manners->hold_ms)
		manners->hold_ms = MANNERS_MIN_HOLD_MS;
	manners->hold_until_ms = now_ms + manners->hold_ms;
	if (manners->hold_ms < MANNERS_MAX_HOLD_MS)
		manners->hold_ms *= 2;
}

bool manners_judge(struct manners *manners, const struct manners_look *look)
{
	const uint64_t now = look->now_ms;
	bool before = manners->gives_way;

	if (look->nr_passes)
		manners->worked_ms = now;
	if (look->nr_passes && is_leaning(look))
		manners->leaned_ms = now;
	if (before && now - manners->gives_since_ms >= MANNERS_GOOD_MS)
		manners->hold_ms = 0;
	if (before && is_held_up(look))
		hold(manners, now);
	manners->gives_way = now >= manners->hold_until_ms && !manners_at_rest(manners, now) &&
			     !happened_within(manners->leaned_ms, now, MANNERS_LEAN_MS);
	if (manners->gives_way && !before)
		manners->gives_since_ms = now;
	return manners->gives_way;
}

bool manners_at_rest(const struct manners *manners, uint64_t now_ms)
{
	return !happened_within(manners->worked_ms, now_ms, MANNERS_REST_MS);
}
