/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/ring_place.h"

enum ring_place ring_place_judge(const struct ring_place_look *look)
{
	bool are_single = look->nr_singles >= RING_PLACE_SINGLES;

	if (!look->has_idle || are_single)
		return RING_PLACE_HOME;
	if (look->at_home)
		return look->helper_load <= look->nr_waiting ? RING_PLACE_HELPER : RING_PLACE_HOME;
	return look->nr_waiting && !look->home_load ? RING_PLACE_HOME : RING_PLACE_HELPER;
}
