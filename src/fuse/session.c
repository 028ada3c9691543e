/* SPDX-License-Identifier: Apache-2.0 */
/* The session with the kernel: notifications, the transport, serving. */
#include "fuse/core.h"

#include <stdio.h>
#include <unistd.h>

#include "fuse/inode.h"
#include "fuse/io.h"
#include "fuse/request.h"

void fs_set_session(struct fs *fs, struct fuse_session *session)
{
	fs->session = session;
	transport_set_session(fs->transport, session);
	fs->may_notify = true;
}

static void report_in_use(struct fs_io *io)
{
	io->fs->config.in_use(io->fs->config.in_use_arg);
	fs_io_put(io);
}

void fs_note_in_use(struct fs *fs)
{
	struct fs_io *io;

	if (atomic_exchange(&fs->in_use, true) || !fs->config.in_use)
		return;
	io = fs_io_get(fs, NULL, 0);
	if (!io)
		return;
	io->run = report_in_use;
	fs_blocking_run(fs->blocking, io);
}

void fs_end_session(struct fs *fs)
{
	pthread_mutex_lock(&fs->notify_lock);
	fs->may_notify = false;
	pthread_mutex_unlock(&fs->notify_lock);
}

void fs_inval_attr(struct fs *fs, uint64_t ino)
{
	pthread_mutex_lock(&fs->notify_lock);
	if (fs->may_notify)
		(void)fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
	pthread_mutex_unlock(&fs->notify_lock);
}

int fs_lun_grew(struct fs *fs, unsigned lun)
{
	struct tree_inode *inode;
	uint64_t ino = 0;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "lun%u", lun);
	fs_read_lock(fs);
	err = tree_lookup(fs->tree, tree_get(fs->tree, TREE_ROOT_INO), name, &inode);
	if (!err) {
		ino = tree_ino(inode);
		err = data_file_grow_whole_lun(tree_payload(inode));
	}
	fs_unlock(fs);
	/* Otherwise the kernel would cache the old size forever. */
	if (!err)
		fs_inval_attr(fs, ino);
	return err;
}

static ssize_t send_message(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fs *fs = userdata;

	return transport_send(fs->transport, fd, iov, count);
}

/* The workers read themselves. */
static ssize_t receive_message(int fd, void *buf, size_t bytes, void *userdata)
{
	(void)userdata;
	return read(fd, buf, bytes);
}

const struct fuse_custom_io fs_ring_io = { .writev = send_message, .read = receive_message };

int fs_use_uring(struct fs *fs)
{
	return transport_use_uring(fs->transport, &fs_ring_io);
}

void fs_end_serving(struct fs *fs, int err)
{
	transport_end(fs->transport, err);
}

/* For transport_serve(). */
struct serving {
	struct fs *fs;
	int (*started)(void *arg);
	void *arg;
};

static int started(void *arg)
{
	const struct serving *serving = arg;

	return serving->started ? serving->started(serving->arg) : 0;
}

static void quiesce(void *arg)
{
	const struct serving *serving = arg;

	fs_quiesce(serving->fs);
}

int fs_serve(struct fs *fs, int (*then)(void *arg), void *arg)
{
	struct serving serving = { fs, then, arg };

	return transport_serve(fs->transport, started, quiesce, &serving);
}

unsigned fs_poll_us(const struct fs *fs)
{
	return transport_get_poll_us(fs->transport);
}

void fs_set_poll_us(struct fs *fs, unsigned poll_us)
{
	transport_set_poll_us(fs->transport, poll_us);
}

struct account *fs_account(struct fs *fs)
{
	return transport_account(fs->transport);
}
