/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command save: writes the volume to the pipe that came with the request.
 *
 * "freeze" true holds back all changes of contents until the end. The answer comes when the whole
 * volume is in the pipe, so a client reads the pipe first.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "control/commands.h"
#include "fuse/save.h"

/* How often to look whether the daemon ends, while the reader of the pipe is slow. */
#define LOOK_MS 200

/* Return: 0 if there is room or the reader has closed the pipe; -ECANCELED if the daemon ends. */
static int await_room(const struct control_request *request)
{
	struct pollfd pollfd = { .fd = request->fd, .events = POLLOUT };

	do
		if (*request->stop)
			return -ECANCELED;
	while (poll(&pollfd, 1, LOOK_MS) <= 0);
	return 0;
}

static int write_pipe(void *arg, const void *data, size_t bytes)
{
	const struct control_request *request = arg;
	const char *next = data;

	while (bytes) {
		int err = await_room(request);
		ssize_t n = err ? 0 : write(request->fd, next, bytes);

		if (err || (n < 0 && errno != EINTR && errno != EAGAIN))
			return err ? err : -errno;
		if (n > 0) {
			next += n;
			bytes -= (size_t)n;
		}
	}
	return 0;
}

static int explain(struct control_request *request, int err, const struct fs_save_progress *result)
{
	if (err == -EOPNOTSUPP)
		return control_fail(request, err,
				    "whole LUNs keep their contents: nothing to save");
	if (err == -ECANCELED)
		return control_fail(request, err, "the volume was unmounted");
	if (result->failed_ino)
		return control_fail(request, err,
				    "cannot read the file with inode number %" PRIu64 ": %s",
				    result->failed_ino, strerror(-err));
	return err;
}

int control_save(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	const struct fs_save_config config = {
		.freeze = json_object_get_boolean(json_get(request->in, "freeze")),
		.write = write_pipe,
		.arg = request,
	};
	struct fs_save_progress result;
	int flags = request->fd < 0 ? -1 : fcntl(request->fd, F_GETFL);

	/* The reader may stop, and this thread must still see that the daemon ends. */
	if (flags < 0 || fcntl(request->fd, F_SETFL, flags | O_NONBLOCK))
		return control_fail(request, -EBADF, "no pipe came with the request");
	return explain(request, fs_save_volume(volume->fs, &config, &result), &result);
}
