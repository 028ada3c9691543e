/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operations, and the negotiation with the kernel in INIT. */
#include <string.h>

#include "base/log.h"
#include "fuse/core.h"
#include "fuse/operations.h"

/* Concurrent requests that the kernel may send for read-ahead, writeback and direct I/O. */
#define MAX_BACKGROUND 256

static bool want(struct fuse_conn_info *conn, uint64_t capability)
{
#if FS_FUSE_AT_LEAST(3, 17, 0)
	return fuse_set_feature_flag(conn, capability);
#else
	if (!(conn->capable & capability))
		return false;
	conn->want |= (unsigned)capability;
	return true;
#endif
}

static void do_without(struct fuse_conn_info *conn, uint64_t capability)
{
#if FS_FUSE_AT_LEAST(3, 17, 0)
	fuse_unset_feature_flag(conn, capability);
#else
	conn->want &= ~(unsigned)capability;
#endif
}

static bool offers(const struct fuse_conn_info *conn, uint64_t capability)
{
#if FS_FUSE_AT_LEAST(3, 17, 0)
	return conn->capable_ext & capability;
#else
	return conn->capable & capability;
#endif
}

/* Opening a file needs no request if it changes no access time. With physical it does: O_TRUNC must
 * not truncate a LUN, and only the open request can tell it from truncate(2). */
static void negotiate_opening(struct fs *fs, struct fuse_conn_info *conn)
{
	fs->no_opendir = offers(conn, FUSE_CAP_NO_OPENDIR_SUPPORT);
	fs->no_open = offers(conn, FUSE_CAP_NO_OPEN_SUPPORT) && !fs->config.physical &&
		      fs->config.atime == TREE_ATIME_NEVER;
}

static void negotiate_caching(struct fs *fs, struct fuse_conn_info *conn)
{
	/* cxlfs has no other writer, so data changes only through this kernel. */
	do_without(conn, FUSE_CAP_AUTO_INVAL_DATA);
	(void)want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA);
	(void)want(conn, FUSE_CAP_CACHE_SYMLINKS);
	(void)want(conn, FUSE_CAP_READDIRPLUS);
	(void)want(conn, FUSE_CAP_READDIRPLUS_AUTO);
	if (fs->config.writeback && !want(conn, FUSE_CAP_WRITEBACK_CACHE)) {
		log_notice(
			"option writeback is ignored: this kernel has no writeback cache for FUSE");
		fs->config.writeback = false;
	}
}

static void negotiate_semantics(struct fs *fs, struct fuse_conn_info *conn)
{
	(void)want(conn, FUSE_CAP_EXPORT_SUPPORT);
	(void)want(conn, FUSE_CAP_PARALLEL_DIROPS);
	/* The parent's default ACL may replace the umask, so the kernel must not apply it. */
	if (want(conn, FUSE_CAP_POSIX_ACL))
		(void)want(conn, FUSE_CAP_DONT_MASK);
#if FS_HAVE_KILL_SUIDGID
	/* Without it the kernel would ask for the security.capability xattr before each write. */
	(void)want(conn, FUSE_CAP_HANDLE_KILLPRIV_V2);
#endif
	/* Truncating drops set-id bits, and the reply to an open cannot report the new mode. So an
	 * open with O_TRUNC must truncate by a separate request. With physical O_TRUNC does
	 * nothing. */
	if (fs->config.physical)
		(void)want(conn, FUSE_CAP_ATOMIC_O_TRUNC);
	else
		do_without(conn, FUSE_CAP_ATOMIC_O_TRUNC);
}

static void negotiate_transport(struct fs *fs, struct fuse_conn_info *conn)
{
	do_without(conn, FUSE_CAP_SPLICE_READ);
#ifdef FUSE_CAP_OVER_IO_URING
	do_without(conn, FUSE_CAP_OVER_IO_URING); /* the rings of libfuse */
#endif
#if FS_FUSE_AT_LEAST(3, 18, 0)
	conn->no_interrupt = 1; /* requests are short, or cannot be cancelled */
#endif
	transport_negotiate(fs->transport, conn);
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
}

static void note_agreed(struct fs *fs, const struct fuse_conn_info *conn)
{
#if FS_FUSE_AT_LEAST(3, 17, 0)
	fs->agreed.want = conn->want_ext;
#else
	fs->agreed.want = conn->want;
#endif
	fs->agreed.max_write = conn->max_write;
	fs->agreed.max_readahead = conn->max_readahead;
	fs->agreed.max_background = conn->max_background;
	fs->agreed.congestion_threshold = conn->congestion_threshold;
	fs->agreed.time_gran = conn->time_gran;
}

void fs_op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;

	negotiate_caching(fs, conn);
	negotiate_opening(fs, conn);
	negotiate_semantics(fs, conn);
	negotiate_transport(fs, conn);
	note_agreed(fs, conn);
	if (fs->config.negotiated && !fs->is_adopted)
		fs->config.negotiated(fs->config.negotiated_arg);
}

/*
 * Missing on purpose: flush, fsync, fsyncdir, access and locks. libfuse answers the first of each
 * with -ENOSYS; the kernel then sends no more and treats them as successful. An answered write is
 * on the flash, and the kernel writes its dirty pages before it would send a flush or an fsync. The
 * kernel checks permissions (default_permissions) and keeps locks itself.
 */
static const struct fuse_lowlevel_ops operations = {
	.init = fs_op_init,
	.lookup = fs_op_lookup,
	.forget = fs_op_forget,
	.forget_multi = fs_op_forget_multi,
	.getattr = fs_op_getattr,
#if FS_HAVE_STATX
	.statx = fs_op_statx,
#endif
	.setattr = fs_op_setattr,
	.statfs = fs_op_statfs,
	.mknod = fs_op_mknod,
	.mkdir = fs_op_mkdir,
	.unlink = fs_op_unlink,
	.rmdir = fs_op_rmdir,
	.symlink = fs_op_symlink,
	.readlink = fs_op_readlink,
	.link = fs_op_link,
	.rename = fs_op_rename,
	.create = fs_op_create,
#if FS_HAVE_TMPFILE
	.tmpfile = fs_op_tmpfile,
#endif
	.opendir = fs_op_opendir,
	.readdir = fs_op_readdir,
	.readdirplus = fs_op_readdirplus,
	.open = fs_op_open,
	.release = fs_op_release,
	.read = fs_op_read,
	.write = fs_op_write,
	.fallocate = fs_op_fallocate,
	.lseek = fs_op_lseek,
	.copy_file_range = fs_op_copy_file_range,
	.setxattr = fs_op_setxattr,
	.getxattr = fs_op_getxattr,
	.listxattr = fs_op_listxattr,
	.removexattr = fs_op_removexattr,
};

const struct fuse_lowlevel_ops *fs_operations(void)
{
	return &operations;
}
