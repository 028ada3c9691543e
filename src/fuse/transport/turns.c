/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/turns.h"

bool turns_note(struct turns *turns, pid_t tid)
{
	bool again = turns->nr_recent > 0;
	bool first = !turns->last;

	if (tid == turns->last) {
		turns->nr_recent -= again;
		return false;
	}
	turns->last = tid;
	turns->nr_recent = first ? 0 : TURNS_ALONE;
	return again;
}

bool turns_are_taken(const struct turns *turns)
{
	return turns->nr_recent > 0;
}
