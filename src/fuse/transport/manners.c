/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/manners.h"

static bool happened_within(uint64_t then_ms, uint64_t now_ms, uint64_t span_ms)
{
	return then_ms && now_ms - then_ms < span_ms;
}

static bool is_held_up(const struct manners_look *look)
{
	return look->starved ||
	       (look->nr_runs && look->delay_ns / look->nr_runs > MANNERS_MAX_DELAY_NS);
}

static bool is_many(const struct manners_look *look)
{
	return look->nr_requests * 2 > look->nr_passes * MANNERS_FEW_REQUESTS;
}

static void hold(struct manners *manners, uint64_t now_ms)
{
	if (!manners->hold_ms)
		manners->hold_ms = MANNERS_MIN_HOLD_MS;
	manners->hold_until_ms = now_ms + manners->hold_ms;
	if (manners->hold_ms < MANNERS_MAX_HOLD_MS)
		manners->hold_ms *= 2;
}

static enum manners_mode mode_now(const struct manners *manners, uint64_t now_ms,
				  enum manners_mode best)
{
	enum manners_mode mode = manners_has_many(manners, now_ms) ? best : MANNERS_GIVES_WAY;

	if (manners_at_rest(manners, now_ms) ||
	    happened_within(manners->leaned_ms, now_ms, MANNERS_LEAN_MS))
		return MANNERS_AS_STARTED;
	if (mode == MANNERS_GIVES_WAY && now_ms < manners->hold_until_ms)
		return MANNERS_AS_STARTED;
	return mode;
}

enum manners_mode manners_judge(struct manners *manners, const struct manners_look *look,
				enum manners_mode best)
{
	const uint64_t now = look->now_ms;
	bool gave_way = manners->mode == MANNERS_GIVES_WAY;

	if (look->nr_passes)
		manners->worked_ms = now;
	if (look->leaned)
		manners->leaned_ms = now;
	if (is_many(look))
		manners->many_ms = now;
	if (gave_way && now - manners->gives_since_ms >= MANNERS_GOOD_MS)
		manners->hold_ms = 0;
	if (gave_way && is_held_up(look))
		hold(manners, now);
	manners->mode = mode_now(manners, now, best);
	if (manners->mode == MANNERS_GIVES_WAY && !gave_way)
		manners->gives_since_ms = now;
	return manners->mode;
}

bool manners_has_many(const struct manners *manners, uint64_t now_ms)
{
	return happened_within(manners->many_ms, now_ms, MANNERS_LEAN_MS);
}

bool manners_at_rest(const struct manners *manners, uint64_t now_ms)
{
	return !happened_within(manners->worked_ms, now_ms, MANNERS_REST_MS);
}
