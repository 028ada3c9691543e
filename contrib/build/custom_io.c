/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the libfuse that this is linked with lets others send for it: some are built without. */
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>
#include <stddef.h>

static ssize_t send_message(int fd, struct iovec *iov, int count, void *userdata)
{
	(void)fd;
	(void)iov;
	(void)count;
	(void)userdata;
	return -1;
}

static ssize_t receive_message(int fd, void *buf, size_t bytes, void *userdata)
{
	(void)fd;
	(void)buf;
	(void)bytes;
	(void)userdata;
	return -1;
}

int main(void)
{
	static char *argv[] = { "custom_io", NULL };
	static const struct fuse_lowlevel_ops operations;
	static const struct fuse_custom_io io = { .writev = send_message,
						  .read = receive_message };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session =
		fuse_session_new(&args, &operations, sizeof(operations), NULL);

	return !session || fuse_session_custom_io(session, &io, 0);
}
