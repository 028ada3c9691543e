/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/lanes.h"

#include "fuse/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fuse/transport/lanes_internal.h"
#include "fuse/transport/place.h"

/* All take their requests from one queue. */
#define MAX_LANES 16

/* ---- being active ---- */

static void start_watching(struct lane *lane)
{
	const struct fs_config *config = &lane->lanes->fs->config;

	lane->watching = !config->synchronous && config->poll_us && !lane_has_only_rest(lane);
	if (lane->watching)
		data_volume_watch(lane->lanes->fs->config.volume);
}

static void stop_watching(struct lane *lane)
{
	if (lane->watching)
		data_volume_unwatch(lane->lanes->fs->config.volume);
	lane->watching = false;
}

static void sleep_until_request(struct lane *lane)
{
	struct pollfd fds[2] = { { .fd = lane->lanes->fs->lanes_fd, .events = POLLIN },
				 { .fd = lane->lanes->wake_fd, .events = POLLIN } };

	stop_watching(lane);
	(void)poll(fds, 2, -1);
	start_watching(lane);
}

static bool poll_volume(struct lane *lane)
{
	bool any = lane->watching && data_volume_poll(lane->lanes->fs->config.volume);
	_Atomic unsigned *nr_quiet = &lane->lanes->nr_quiet;
	unsigned nr = atomic_load_explicit(nr_quiet, memory_order_relaxed);

	if (any || nr < LANES_QUIET)
		atomic_store_explicit(nr_quiet, any ? 0 : nr + 1, memory_order_relaxed);
	return any;
}

/* One look everywhere. Return: 1 there was something; 0; -errno when it is over. */
static int look(struct lane *lane)
{
	int got = lane_take_request(lane);

	if (got == 0)
		lane_end_row(lane);
	if (got >= 0 && poll_volume(lane))
		got = 1;
	return got;
}

/* Nothing was found. Return: false when the lane is no longer needed. */
static bool pause_a_while(struct lane *lane, uint64_t *last_us)
{
	struct lanes *lanes = lane->lanes;
	bool long_ago = lane_has_only_rest(lane) ||
			clock_now_us() - *last_us >= lanes->fs->config.poll_us;

	if ((long_ago || !lane_takes_turns(lane)) && roster_leave(&lanes->roster))
		return false;
	if (!long_ago) {
		(void)sched_yield();
		return true;
	}
	sleep_until_request(lane);
	*last_us = clock_now_us();
	return true;
}

/* Return: true when the lane is not active any more, though it finds what to do. */
static bool leaves_crowd(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;

	return lanes->roster.nr_active > lanes->max_crowd && !lane_takes_turns(lane) &&
	       roster_leave(&lanes->roster);
}

/* Until it is no longer needed. */
static void be_active(struct lane *lane)
{
	uint64_t last_us = clock_now_us();
	int got = 0;

	start_watching(lane);
	while (!roster_has_ended(&lane->lanes->roster) && (got = look(lane)) >= 0) {
		if (got)
			last_us = clock_now_us();
		lane->in_vain = !got;
		if (got ? leaves_crowd(lane) : !pause_a_while(lane, &last_us))
			break;
	}
	stop_watching(lane);
	if (got < 0)
		fs_end_serving(lane->lanes->fs, got == -ENODEV ? 0 : got);
}

static void *lane_main(void *arg)
{
	struct lane *lane = arg;

	lane_enter(lane);
	while (roster_wait(&lane->lanes->roster))
		be_active(lane);
	lane_leave(lane);
	return NULL;
}

/* ---- life ---- */

static int lanes_new(struct fs *fs, unsigned nr_lanes, struct lanes **ret_lanes)
{
	struct lanes *lanes = calloc(1, sizeof(*lanes) + nr_lanes * sizeof(lanes->lane[0]));
	int flags, err;

	if (!lanes)
		return -ENOMEM;
	lanes->fs = fs;
	fs->lanes_fd = fuse_session_fd(fs->session);
	lanes->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	flags = fcntl(fs->lanes_fd, F_GETFL);
	if (lanes->wake_fd < 0 || flags < 0 || fcntl(fs->lanes_fd, F_SETFL, flags | O_NONBLOCK)) {
		err = -errno;
		if (lanes->wake_fd >= 0)
			close(lanes->wake_fd);
		free(lanes);
		return err;
	}
	roster_init(&lanes->roster);
	*ret_lanes = lanes;
	return 0;
}

static void lanes_free(struct lanes *lanes)
{
	roster_fini(&lanes->roster);
	close(lanes->wake_fd);
	free(lanes);
}

/* Return: 0 when at least one could be started. */
static int start_all(struct lanes *lanes, unsigned nr_lanes)
{
	int err = 0;

	for (unsigned i = 0; i < nr_lanes && !err; i++) {
		struct lane *lane = &lanes->lane[i];

		lane->lanes = lanes;
		err = thread_start(&lane->thread, lane_main, lane, "cxlfs-lane");
		if (!err)
			lanes->nr_lanes++;
	}
	return lanes->nr_lanes ? 0 : err;
}

static void wait_until_over(struct lanes *lanes)
{
	const uint64_t one = 1;

	while (!fuse_session_exited(lanes->fs->session))
		(void)sem_wait(&lanes->fs->over);
	roster_end(&lanes->roster);
	(void)!write(lanes->wake_fd, &one, sizeof(one));
}

static unsigned nr_of_use(void)
{
	unsigned nr = place_nr_processors();

	return nr < MAX_LANES ? nr : MAX_LANES;
}

int lanes_serve(struct fs *fs, unsigned max_lanes)
{
	unsigned nr_lanes = max_lanes ? max_lanes : nr_of_use();
	struct lanes *lanes = NULL;
	int err = lanes_new(fs, nr_lanes, &lanes);

	if (err)
		return err;
	lanes->max_crowd = nr_lanes;
	if (!max_lanes && !fs->config.synchronous && nr_lanes > 1)
		lanes->max_crowd /= 2; /* the programs need processors as well */
	err = start_all(lanes, nr_lanes);
	if (!err)
		wait_until_over(lanes);
	for (unsigned i = 0; i < lanes->nr_lanes; i++)
		pthread_join(lanes->lane[i].thread, NULL);
	lanes_free(lanes);
	return err;
}
