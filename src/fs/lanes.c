/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/lanes.h"

#include "fs/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fs/give_way.h"

/* What comes before the bytes of a write; they start on a page. */
#define HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
/* Copying so few is cheaper than another buffer of the size of the largest request. */
#define MAX_COPIED_BYTES (16u << 10)
/* Requests in a row, before another lane is called. */
#define CROWD 32

struct lane {
	struct lanes *lanes;
	pthread_t thread;
	char *buf; /* from the pool; NULL when somebody has kept it */
	size_t buf_bytes;
	unsigned nr_in_row; /* requests, without looking in vain */
	bool watching;
	bool joined; /* it has been asked how it should run: */
	struct give_way_member *manners;
};

struct lanes {
	struct fs *fs;
	int fd;	     /* the session's */
	int wake_fd; /* ends the sleep of the active lane */
	sem_t over;
	_Atomic bool stop;
	_Atomic int error;

	pthread_mutex_t lock; /* protects what follows; held to set stop */
	pthread_cond_t called;
	unsigned nr_lanes, nr_active, nr_calls;
	struct lane lane[];
};

static __thread struct lane *lane_here;

/* ---- requests ---- */

static bool has_buffer(struct lane *lane)
{
	struct fs *fs = lane->lanes->fs;
	size_t bytes = fs_request_bytes(fs);

	if (lane->buf && lane->buf_bytes >= bytes)
		return true;
	if (lane->buf)
		fs_io_pool_buffer_put(fs->pool, lane->buf, lane->buf_bytes);
	lane->buf = fs_io_pool_buffer_get(fs->pool, bytes, &lane->buf_bytes);
	return lane->buf != NULL;
}

/* Not before the first request, which settles whether threads give way. */
static void join(struct lane *lane)
{
	if (!lane->joined)
		lane->manners = give_way_join(lane->lanes->fs->give_way);
	lane->joined = lane->lanes->fs->give_way != NULL;
}

static void serve(struct lane *lane, char *request, size_t bytes)
{
	const struct fuse_buf buf = { .mem = request, .size = bytes };
	const struct fuse_in_header *header = (const void *)request;

	join(lane);
	if (header->pid) /* none is the kernel's own */
		give_way_follow(lane->manners, (pid_t)header->pid);
	fuse_session_process_buf(lane->lanes->fs->session, &buf);
}

/* Return: 1 a request was served; 0 there was none; -ENODEV the session is over; -errno. */
static int take_request(struct lane *lane)
{
	char *request;
	ssize_t got;

	if (!has_buffer(lane))
		return 0; /* somebody will give one back */
	request = lane->buf + FS_PAGE_BYTES - HEADER_BYTES;
	got = read(lane->lanes->fd, request, lane->buf_bytes - FS_PAGE_BYTES);
	if (got > 0) {
		serve(lane, request, (size_t)got);
		return 1;
	}
	/* ENOENT: the program was interrupted before the request could be read. */
	if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
		return -errno;
	return 0;
}

bool lanes_here(void)
{
	return lane_here != NULL;
}

int lanes_keep(struct fs_io *io, const char *bytes, size_t nr_bytes)
{
	struct lane *lane = lane_here;

	if (nr_bytes > MAX_COPIED_BYTES) {
		io->buf = lane->buf;
		io->buf_bytes = lane->buf_bytes;
		io->op.buf = (void *)(uintptr_t)bytes;
		lane->buf = NULL;
		return 0;
	}
	io->buf = fs_io_pool_buffer_get(io->fs->pool, nr_bytes, &io->buf_bytes);
	if (!io->buf)
		return -ENOMEM;
	io->op.buf = memcpy(io->buf, bytes, nr_bytes);
	return 0;
}

/* ---- who is active ---- */

static void call_another(struct lanes *lanes)
{
	pthread_mutex_lock(&lanes->lock);
	if (lanes->nr_active + lanes->nr_calls < lanes->nr_lanes) {
		lanes->nr_calls++;
		pthread_cond_signal(&lanes->called);
	}
	pthread_mutex_unlock(&lanes->lock);
}

/* Return: false when all is over. */
static bool become_active(struct lanes *lanes)
{
	bool go;

	pthread_mutex_lock(&lanes->lock);
	while (!lanes->stop && lanes->nr_active && !lanes->nr_calls)
		pthread_cond_wait(&lanes->called, &lanes->lock);
	if (lanes->nr_calls)
		lanes->nr_calls--;
	go = !lanes->stop;
	lanes->nr_active += go;
	pthread_mutex_unlock(&lanes->lock);
	return go;
}

/* Return: false when it is the last one. */
static bool may_go(struct lanes *lanes)
{
	bool may;

	pthread_mutex_lock(&lanes->lock);
	may = lanes->nr_active > 1;
	lanes->nr_active -= may;
	pthread_mutex_unlock(&lanes->lock);
	return may;
}

static void finish(struct lanes *lanes, int err)
{
	const uint64_t one = 1;

	if (err && err != -ENODEV)
		lanes->error = err;
	fuse_session_exit(lanes->fs->session);
	pthread_mutex_lock(&lanes->lock);
	lanes->stop = true;
	pthread_cond_broadcast(&lanes->called);
	pthread_mutex_unlock(&lanes->lock);
	(void)!write(lanes->wake_fd, &one, sizeof(one));
	sem_post(&lanes->over);
}

/* ---- being active ---- */

static void start_watching(struct lane *lane)
{
	lane->watching = lane->lanes->fs->config.poll_us != 0;
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
	struct pollfd fds[2] = { { .fd = lane->lanes->fd, .events = POLLIN },
				 { .fd = lane->lanes->wake_fd, .events = POLLIN } };

	stop_watching(lane);
	(void)poll(fds, 2, -1);
	start_watching(lane);
}

/* It has found nothing more, or a crowd of requests without an end. */
static void end_row(struct lane *lane)
{
	if (lane->nr_in_row)
		give_way_note(lane->manners, lane->nr_in_row);
	lane->nr_in_row = 0;
}

/* One look everywhere. Return: 1 there was something; 0; -errno when it is over. */
static int look(struct lane *lane)
{
	int got = take_request(lane);

	if (got > 0 && ++lane->nr_in_row == CROWD) {
		end_row(lane);
		call_another(lane->lanes);
	}
	if (got == 0)
		end_row(lane);
	if (got >= 0 && lane->watching && data_volume_poll(lane->lanes->fs->config.volume))
		got = 1;
	return got;
}

/* Until it is no longer needed. */
static void be_active(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	uint64_t last_us = clock_now_us();
	int got = 0;

	start_watching(lane);
	while (!lanes->stop && (got = look(lane)) >= 0) {
		if (got) {
			last_us = clock_now_us();
		} else if (may_go(lanes)) {
			break;
		} else if (clock_now_us() - last_us < lanes->fs->config.poll_us) {
			(void)sched_yield();
		} else {
			sleep_until_request(lane);
			last_us = clock_now_us();
		}
	}
	stop_watching(lane);
	if (got < 0)
		finish(lanes, got);
}

static void *lane_main(void *arg)
{
	struct lane *lane = lane_here = arg;

	while (become_active(lane->lanes))
		be_active(lane);
	if (lane->buf)
		fs_io_pool_buffer_put(lane->lanes->fs->pool, lane->buf, lane->buf_bytes);
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
	lanes->fd = fuse_session_fd(fs->session);
	lanes->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	flags = fcntl(lanes->fd, F_GETFL);
	if (lanes->wake_fd < 0 || flags < 0 || fcntl(lanes->fd, F_SETFL, flags | O_NONBLOCK)) {
		err = -errno;
		if (lanes->wake_fd >= 0)
			close(lanes->wake_fd);
		free(lanes);
		return err;
	}
	pthread_mutex_init(&lanes->lock, NULL);
	pthread_cond_init(&lanes->called, NULL);
	sem_init(&lanes->over, 0, 0);
	*ret_lanes = lanes;
	return 0;
}

static void lanes_free(struct lanes *lanes)
{
	sem_destroy(&lanes->over);
	pthread_cond_destroy(&lanes->called);
	pthread_mutex_destroy(&lanes->lock);
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
		if (!err) {
			pthread_mutex_lock(&lanes->lock);
			lanes->nr_lanes++;
			pthread_mutex_unlock(&lanes->lock);
		}
	}
	return lanes->nr_lanes ? 0 : err;
}

int lanes_serve(struct fs *fs, unsigned nr_lanes)
{
	struct lanes *lanes = NULL;
	int err = lanes_new(fs, nr_lanes, &lanes);

	if (err)
		return err;
	err = start_all(lanes, nr_lanes);
	while (!err && !lanes->stop)
		if (sem_wait(&lanes->over) && fuse_session_exited(fs->session))
			finish(lanes, 0);
	for (unsigned i = 0; i < lanes->nr_lanes; i++)
		pthread_join(lanes->lane[i].thread, NULL);
	if (!err)
		err = lanes->error;
	lanes_free(lanes);
	return err;
}
