/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers requests that a dead process has executed, but perhaps not answered. The answer consists
 * of the outcome in its record and of the present attributes: only other requests that were in
 * progress at the same time can have changed these.
 */
#include <errno.h>

#include "fuse/inode.h"
#include "fuse/request.h"
#include "fuse/takeover/internal.h"

/* The reference was taken with the first execution. */
static int get_entry(struct fs *fs, uint64_t ino, struct fuse_entry_param *ret_entry)
{
	struct tree_inode *inode;

	fs_read_lock(fs);
	inode = tree_get(fs->tree, ino);
	if (inode)
		fs_entry_get_locked(fs, inode, ret_entry);
	fs_unlock(fs);
	return inode ? 0 : -EIO;
}

static void reply_entry(struct fs *fs, fuse_req_t req, const struct replica_outcome *outcome)
{
	struct fuse_file_info fi = { .flags = (int)outcome->value };
	struct fuse_entry_param entry;
	int err = get_entry(fs, outcome->ino, &entry);

	fs_open_flags(&fi);
	if (err)
		fs_reply_err(fs, req, err);
	else if (outcome->kind == REPLICA_OUTCOME_ENTRY)
		fs_reply_entry(fs, req, &entry);
	else
		fs_reply_create(fs, req, &entry, &fi);
}

/* The first execution may have changed the access time, and died before it told the kernel. */
static void reply_open(struct fs *fs, fuse_req_t req, const struct replica_outcome *outcome)
{
	struct fuse_file_info fi = { .flags = (int)outcome->value };

	if (fs->config.atime != TREE_ATIME_STRICT)
		fs_inval_attr(fs, outcome->ino);
	fs_open_flags(&fi);
	fs_reply_open(fs, req, outcome->ino, &fi);
}

static bool answer_executed(struct fs *fs, fuse_req_t req)
{
	const struct replica_outcome *outcome = slot_outcome(slot_here());

	if (!outcome)
		return false;
	switch (outcome->kind) {
	case REPLICA_OUTCOME_ERROR:
		fs_reply_err(fs, req, outcome->error);
		return true;
	case REPLICA_OUTCOME_ENTRY:
	case REPLICA_OUTCOME_CREATED:
		reply_entry(fs, req, outcome);
		return true;
	case REPLICA_OUTCOME_OPENED:
		reply_open(fs, req, outcome);
		return true;
	case REPLICA_OUTCOME_ATTR:
		fs_reply_attr(fs, req, outcome->ino);
		return true;
	default: /* LISTED: the standby has undone it */
		return false;
	}
}

bool answer_instead(struct fs *fs, fuse_req_t req)
{
	return answer_executed(fs, req) || (fs->read_only && refuse_change(fs, req));
}
