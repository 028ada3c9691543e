/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/lanes.h"

#include "fuse/internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fuse/transport/give_way.h"
#include "fuse/transport/lanes_internal.h"
#include "fuse/transport/request.h"
#include "fuse/transport/uring_abi.h"

/* What comes before the bytes of a write; they start on a page. */
#define HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
/* Copying so few is cheaper than another buffer of the size of the largest request. */
#define MAX_COPIED_BYTES (16u << 10)
/* Requests that are waited for in a row, before another lane is called. */
#define CROWD 32
/* Requests in a row that came from another processor, as it seems, before the lane follows. */
#define LATE 8

static __thread struct lane *lane_here;

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

bool lane_has_only_rest(const struct lane *lane)
{
	return atomic_load_explicit(&lane->lanes->fs->rings, memory_order_relaxed) != NULL;
}

/* Not before the first request, which settles whether threads give way. */
static void join(struct lane *lane)
{
	struct fs *fs = lane->lanes->fs;

	if (lane->joined || !fs->give_way)
		return;
	lane->joined = true;
	if (lane_has_only_rest(lane))
		lane->bystander = give_way_keep_out(fs->give_way);
	else
		lane->manners = give_way_join(fs->give_way, is_wanted, fs);
}

static void call_another(struct lanes *lanes, unsigned max)
{
	unsigned nr = lanes->nr_lanes;

	roster_call(&lanes->roster, max < nr ? max : nr);
}

/* Programs that wait for commands leave a lane time for each other. */
bool lane_takes_turns(const struct lane *lane)
{
	return turns_are_taken(&lane->turns) &&
	       atomic_load_explicit(&lane->lanes->nr_quiet, memory_order_relaxed) >= LANES_QUIET;
}

/* True for the requests that close(2) can send. execve(2) closes files while it locks the program's
 * /proc/PID/stat, so a lane that reads it before it answers would wait for ever. Pages that are
 * written back then come without a pid. */
static bool may_be_in_exec(const struct fuse_in_header *header)
{
	switch (header->opcode) {
	case FUSE_FLUSH:
	case FUSE_FSYNC:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_SETATTR:
	case FUSE_SETLK:
	case FUSE_SETLKW:
		return true;
	default:
		return false;
	}
}

/* On the processor of the program the lane would not have run until there was a request. */
static void note_place(struct lane *lane, const struct fuse_in_header *header)
{
	lane->nr_late = lane->in_vain ? lane->nr_late + 1 : 0;
	if (lane->nr_late < LATE || may_be_in_exec(header))
		return;
	give_way_follow(lane->manners, (pid_t)header->pid);
	lane->nr_late = 0;
}

static void note_program(struct lane *lane, const struct fuse_in_header *header)
{
	note_place(lane, header);
	if (turns_note(&lane->turns, (pid_t)header->pid) && lane_takes_turns(lane))
		call_another(lane->lanes, lane->lanes->nr_lanes);
}

void lane_end_row(struct lane *lane)
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

	if (look && !has_more(lane->lanes->fs->lanes_fd))
		lane_end_row(lane);
	if (++lane->nr_in_row < CROWD)
		return;
	lane_end_row(lane);
	call_another(lane->lanes, lane->lanes->max_crowd);
}

/* libfuse would only know of its own rings. */
static void note_offer(struct fs *fs, const struct fuse_in_header *header)
{
	const struct fuse_init_in *in = (const void *)(header + 1);

	fs->offers_rings = header->len >= sizeof(*header) + sizeof(*in) &&
			   in->flags & URING_ABI_INIT_EXTENDED && in->flags2 & URING_ABI_INIT2_RING;
}

static void serve(struct lane *lane, char *request, size_t bytes)
{
	struct lanes *lanes = lane->lanes;
	const struct fuse_buf buf = { .mem = request, .size = bytes };
	const struct fuse_in_header *header = (const void *)request;
	bool is_init = header->opcode == FUSE_INIT;

	if (is_init)
		note_offer(lanes->fs, header);
	join(lane);
	if (is_waited_for(header))
		count_crowd(lane);
	if (header->pid) /* none is the kernel's own */
		note_program(lane, header);
	if (lanes->fs->config.synchronous && request_is_large(header) && has_more(lanes->fs->lanes_fd))
		call_another(lanes, lanes->nr_lanes);
	fuse_session_process_buf(lanes->fs->session, &buf);
	if (is_init && !lanes->fs->max_write)
		fs_end_serving(lanes->fs, -ENOMEM); /* libfuse had none for the request */
	else if (is_init && fuse_session_exited(lanes->fs->session))
		fs_end_serving(lanes->fs, -EPROTO);
}

int lane_take_request(struct lane *lane)
{
	char *request;
	ssize_t got;

	if (!has_buffer(lane))
		return 0; /* somebody will give one back */
	request = lane->buf + FS_PAGE_BYTES - HEADER_BYTES;
	got = read(lane->lanes->fs->lanes_fd, request, lane->buf_bytes - FS_PAGE_BYTES);
	if (got > 0) {
		serve(lane, request, (size_t)got);
		return 1;
	}
	/* ENOENT: the program was interrupted before the request could be read. */
	if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
		return -errno;
	return 0;
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

void lane_enter(struct lane *lane)
{
	lane_here = lane;
}

void lane_leave(struct lane *lane)
{
	if (lane->buf)
		fs_io_pool_buffer_put(lane->lanes->fs->pool, lane->buf, lane->buf_bytes);
	lane->buf = NULL;
	give_way_leave_alone(lane->lanes->fs->give_way, lane->bystander);
	lane_here = NULL;
}
