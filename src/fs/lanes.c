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
#include "fs/place.h"
#include "fs/roster.h"
#include "fs/turns.h"

/* What comes before the bytes of a write; they start on a page. */
#define HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
/* Copying so few is cheaper than another buffer of the size of the largest request. */
#define MAX_COPIED_BYTES (16u << 10)
/* Requests that are waited for in a row, before another lane is called. */
#define CROWD 32
/* Requests in a row that came from another processor, as it seems, before the lane follows. */
#define LATE 8
/* Of so many bytes, if there are more, at once: copying takes longer than calling. */
#define LARGE_BYTES (64u << 10)
/* Looks without a completion, after which the adapter counts as idle: much more than the requests
 * that a busy one may be given at once. */
#define QUIET 4096
/* All take their requests from one queue. */
#define MAX_LANES 16

struct lane {
	struct lanes *lanes;
	pthread_t thread;
	char *buf; /* from the pool; NULL when somebody has kept it */
	size_t buf_bytes;
	unsigned nr_in_row; /* requests, while others waited */
	bool in_vain;	    /* it has looked, since it last found something */
	unsigned nr_late;   /* requests in a row that it had looked for in vain before */
	struct turns turns;
	bool watching;
	bool joined; /* it has been asked how it should run: */
	struct give_way_member *manners;
};

struct lanes {
	struct fs *fs;
	int fd;	     /* the session's */
	int wake_fd; /* ends the sleep of the active lane */
	sem_t over;
	_Atomic int error;
	struct roster roster;
	unsigned max_crowd;	  /* lanes for requests without an end; for all else all of them */
	_Atomic unsigned nr_lanes; /* that were started */
	_Atomic unsigned nr_quiet; /* looks of all, since a completion was found */
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

static bool has_more(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) > 0;
}

/* The lanes may be gone, and the session: then nothing that this says is of any consequence. */
static bool is_wanted(void *arg)
{
	struct fs *fs = arg;

	return has_more(fs->lanes_fd) || data_volume_is_busy(fs->config.volume);
}

/* Not before the first request, which settles whether threads give way. */
static void join(struct lane *lane)
{
	struct fs *fs = lane->lanes->fs;

	if (!lane->joined)
		lane->manners = give_way_join(fs->give_way, is_wanted, fs);
	lane->joined = lane->lanes->fs->give_way != NULL;
}

static void call_another(struct lanes *lanes, unsigned max)
{
	unsigned nr = lanes->nr_lanes;

	roster_call(&lanes->roster, max < nr ? max : nr);
}

/* Programs that wait for commands leave a lane time for each other. */
static bool takes_turns(const struct lane *lane)
{
	return turns_are_taken(&lane->turns) &&
	       atomic_load_explicit(&lane->lanes->nr_quiet, memory_order_relaxed) >= QUIET;
}

/* On the processor of the program the lane would not have run until there was a request. */
static void note_place(struct lane *lane, pid_t tid)
{
	lane->nr_late = lane->in_vain ? lane->nr_late + 1 : 0;
	if (lane->nr_late < LATE)
		return;
	give_way_follow(lane->manners, tid);
	lane->nr_late = 0;
}

static void note_program(struct lane *lane, pid_t tid)
{
	note_place(lane, tid);
	if (turns_note(&lane->turns, tid) && takes_turns(lane))
		call_another(lane->lanes, lane->lanes->nr_lanes);
}

/* The sizes of a read and of a write are in the same place. */
static bool is_large(const struct fuse_in_header *header)
{
	const struct fuse_read_in *in = (const void *)(header + 1);

	return (header->opcode == FUSE_READ || header->opcode == FUSE_WRITE) &&
	       in->size >= LARGE_BYTES;
}

/* It has found nothing more, or a crowd of requests without an end. */
static void end_row(struct lane *lane)
{
	if (lane->nr_in_row)
		give_way_note(lane->manners, lane->nr_in_row);
	lane->nr_in_row = 0;
}

static bool is_waited_for(const struct fuse_in_header *header)
{
	switch (header->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_INTERRUPT:
		return false;
	default:
		return true;
	}
}

/*
 * A program that was answered may have run since, in place of the lane, and sent the next request.
 * That makes no crowd: now that it waits again, nobody else does.
 */
static void count_crowd(struct lane *lane)
{
	unsigned nr = lane->nr_in_row;
	bool look = nr && (nr & (nr - 1)) == 0; /* seldom, when there is one */

	if (look && !has_more(lane->lanes->fd))
		end_row(lane);
	if (++lane->nr_in_row < CROWD)
		return;
	end_row(lane);
	call_another(lane->lanes, lane->lanes->max_crowd);
}

static void serve(struct lane *lane, char *request, size_t bytes)
{
	struct lanes *lanes = lane->lanes;
	const struct fuse_buf buf = { .mem = request, .size = bytes };
	const struct fuse_in_header *header = (const void *)request;

	join(lane);
	if (is_waited_for(header))
		count_crowd(lane);
	if (header->pid) /* none is the kernel's own */
		note_program(lane, (pid_t)header->pid);
	if (lanes->fs->config.synchronous && is_large(header) && has_more(lanes->fd))
		call_another(lanes, lanes->nr_lanes);
	fuse_session_process_buf(lanes->fs->session, &buf);
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

/* ---- being active ---- */

static void finish(struct lanes *lanes, int err)
{
	const uint64_t one = 1;

	if (err && err != -ENODEV)
		lanes->error = err;
	fuse_session_exit(lanes->fs->session);
	roster_end(&lanes->roster);
	(void)!write(lanes->wake_fd, &one, sizeof(one));
	sem_post(&lanes->over);
}

static void start_watching(struct lane *lane)
{
	const struct fs_config *config = &lane->lanes->fs->config;

	lane->watching = !config->synchronous && config->poll_us;
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

static bool poll_volume(struct lane *lane)
{
	bool any = lane->watching && data_volume_poll(lane->lanes->fs->config.volume);
	_Atomic unsigned *nr_quiet = &lane->lanes->nr_quiet;
	unsigned nr = atomic_load_explicit(nr_quiet, memory_order_relaxed);

	if (any || nr < QUIET)
		atomic_store_explicit(nr_quiet, any ? 0 : nr + 1, memory_order_relaxed);
	return any;
}

/* One look everywhere. Return: 1 there was something; 0; -errno when it is over. */
static int look(struct lane *lane)
{
	int got = take_request(lane);

	if (got == 0)
		end_row(lane);
	if (got >= 0 && poll_volume(lane))
		got = 1;
	return got;
}

/* Nothing was found. Return: false when the lane is no longer needed. */
static bool pause_a_while(struct lane *lane, uint64_t *last_us)
{
	struct lanes *lanes = lane->lanes;
	bool long_ago = clock_now_us() - *last_us >= lanes->fs->config.poll_us;

	if ((long_ago || !takes_turns(lane)) && roster_leave(&lanes->roster))
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

	return lanes->roster.nr_active > lanes->max_crowd && !takes_turns(lane) &&
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
		finish(lane->lanes, got);
}

static void *lane_main(void *arg)
{
	struct lane *lane = lane_here = arg;

	while (roster_wait(&lane->lanes->roster))
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
	lanes->fd = fs->lanes_fd = fuse_session_fd(fs->session);
	lanes->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	flags = fcntl(lanes->fd, F_GETFL);
	if (lanes->wake_fd < 0 || flags < 0 || fcntl(lanes->fd, F_SETFL, flags | O_NONBLOCK)) {
		err = -errno;
		if (lanes->wake_fd >= 0)
			close(lanes->wake_fd);
		free(lanes);
		return err;
	}
	roster_init(&lanes->roster);
	sem_init(&lanes->over, 0, 0);
	*ret_lanes = lanes;
	return 0;
}

static void lanes_free(struct lanes *lanes)
{
	sem_destroy(&lanes->over);
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
	lanes->max_crowd = max_lanes || fs->config.synchronous ? nr_lanes : (nr_lanes + 1) / 2;
	err = start_all(lanes, nr_lanes);
	while (!err && !roster_has_ended(&lanes->roster))
		if (sem_wait(&lanes->over) && fuse_session_exited(fs->session))
			finish(lanes, 0);
	for (unsigned i = 0; i < lanes->nr_lanes; i++)
		pthread_join(lanes->lane[i].thread, NULL);
	if (!err)
		err = lanes->error;
	lanes_free(lanes);
	return err;
}
