/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/roster.h"

void roster_init(struct roster *roster)
{
	*roster = (struct roster){ 0 };
	pthread_mutex_init(&roster->lock, NULL);
	pthread_cond_init(&roster->called, NULL);
}

void roster_fini(struct roster *roster)
{
	pthread_cond_destroy(&roster->called);
	pthread_mutex_destroy(&roster->lock);
}

bool roster_wait(struct roster *roster)
{
	bool go;

	pthread_mutex_lock(&roster->lock);
	while (!roster->ended && roster->nr_active && !roster->nr_calls)
		pthread_cond_wait(&roster->called, &roster->lock);
	if (roster->nr_calls)
		roster->nr_calls--;
	go = !roster->ended;
	roster->nr_active += go;
	pthread_mutex_unlock(&roster->lock);
	return go;
}

static bool has_room(struct roster *roster, unsigned max_active)
{
	return roster->nr_active + roster->nr_calls < max_active;
}

void roster_call(struct roster *roster, unsigned max_active)
{
	if (!has_room(roster, max_active))
		return;
	pthread_mutex_lock(&roster->lock);
	if (has_room(roster, max_active)) {
		roster->nr_calls++;
		pthread_cond_signal(&roster->called);
	}
	pthread_mutex_unlock(&roster->lock);
}

bool roster_leave(struct roster *roster)
{
	bool may;

	if (roster->nr_active < 2)
		return false;
	pthread_mutex_lock(&roster->lock);
	may = roster->nr_active > 1;
	roster->nr_active -= may;
	pthread_mutex_unlock(&roster->lock);
	return may;
}

void roster_end(struct roster *roster)
{
	pthread_mutex_lock(&roster->lock);
	roster->ended = true;
	pthread_cond_broadcast(&roster->called);
	pthread_mutex_unlock(&roster->lock);
}
