/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of another tree, repeated on its replica. */
#include <errno.h>
#include <string.h>

#include "tree/change.h"
#include "tree/inode.h"

/* A change, and the inodes that it names. */
struct replay {
	struct tree *tree;
	const struct tree_change *change;
	struct tree_inode *inode; /* NULL: the change names none; these two exist */
	struct tree_inode *other;
};

/* The same inode must get the same number. */
static int check_made(const struct replay *r, int err, const struct tree_inode *made)
{
	return err || tree_ino(made) == r->change->new_ino ? err : -EPROTO;
}

static int replay_mknod(const struct replay *r)
{
	const struct tree_change *c = r->change;
	struct tree_inode *made = NULL;
	int err = tree_mknod(r->tree, r->inode, c->name, c->mode, c->rdev, &c->caller, &made);

	return check_made(r, err, made);
}

static int replay_symlink(const struct replay *r)
{
	const struct tree_change *c = r->change;
	const char *target = c->value;
	struct tree_inode *made = NULL;
	int err;

	if (!target || strnlen(target, c->value_bytes) + 1 != c->value_bytes)
		return -EPROTO;
	err = tree_symlink(r->tree, r->inode, c->name, target, &c->caller, &made);
	return check_made(r, err, made);
}

static int replay_tmpfile(const struct replay *r)
{
	struct tree_inode *made = NULL;
	int err = tree_tmpfile(r->tree, r->inode, r->change->mode, &r->change->caller, &made);

	return check_made(r, err, made);
}

static int replay_link(const struct replay *r)
{
	return tree_link(r->tree, r->other, r->inode, r->change->name, &r->change->caller);
}

static int replay_unlink(const struct replay *r)
{
	return tree_unlink(r->tree, r->inode, r->change->name, &r->change->caller, NULL);
}

static int replay_rmdir(const struct replay *r)
{
	return tree_rmdir(r->tree, r->inode, r->change->name, &r->change->caller);
}

static int replay_rename(const struct replay *r)
{
	const struct tree_change *c = r->change;
	struct tree_inode *whiteout = NULL;
	int err =
		tree_rename(r->tree, r->inode, c->name, r->other, c->new_name, c->what, &c->caller);

	if (err || !c->new_ino)
		return err;
	err = tree_lookup(r->tree, r->inode, c->name, &whiteout);
	return check_made(r, err, whiteout);
}

static int replay_setattr(const struct replay *r)
{
	const struct tree_change *c = r->change;
	const struct tree_attr attr = {
		.mode = c->mode,
		.uid = c->uid,
		.gid = c->gid,
		.atime = c->atime,
		.mtime = c->mtime,
		.ctime = c->ctime,
		.btime = c->btime,
	};

	return tree_setattr(r->tree, r->inode, c->what, &attr, &c->caller);
}

static int replay_drop_setid(const struct replay *r)
{
	return tree_drop_setid(r->tree, r->inode, r->change->caller.may_setgid) ? 0 : -EPROTO;
}

static int replay_touch_modified(const struct replay *r)
{
	tree_touch_modified(r->tree, r->inode, &r->change->caller.now);
	return 0;
}

static int replay_touch_accessed(const struct replay *r)
{
	tree_touch_accessed(r->tree, r->inode, &r->change->caller.now);
	return 0;
}

static int replay_setxattr(const struct replay *r)
{
	const struct tree_change *c = r->change;

	return tree_setxattr(r->tree, r->inode, c->name, c->value, c->value_bytes, 0, c->clear_sgid,
			     &c->caller);
}

static int replay_removexattr(const struct replay *r)
{
	return tree_removexattr(r->tree, r->inode, r->change->name, &r->change->caller);
}

static int replay_ref(const struct replay *r)
{
	tree_ref(r->tree, r->inode, r->change->count);
	return 0;
}

static int replay_unref(const struct replay *r)
{
	tree_unref(r->tree, r->inode, r->change->count);
	return 0;
}

static int replay_add_writers(const struct replay *r)
{
	tree_add_writers(r->tree, r->inode, (int)r->change->count);
	return 0;
}

static int replay_set_max_inodes(const struct replay *r)
{
	return tree_set_max_inodes(r->tree, r->change->count);
}

typedef int replay_fn(const struct replay *r);

static replay_fn *const functions[TREE_NR_CHANGES] = {
	[TREE_CHANGE_MKNOD] = replay_mknod,
	[TREE_CHANGE_SYMLINK] = replay_symlink,
	[TREE_CHANGE_TMPFILE] = replay_tmpfile,
	[TREE_CHANGE_LINK] = replay_link,
	[TREE_CHANGE_UNLINK] = replay_unlink,
	[TREE_CHANGE_RMDIR] = replay_rmdir,
	[TREE_CHANGE_RENAME] = replay_rename,
	[TREE_CHANGE_SETATTR] = replay_setattr,
	[TREE_CHANGE_DROP_SETID] = replay_drop_setid,
	[TREE_CHANGE_TOUCH_MODIFIED] = replay_touch_modified,
	[TREE_CHANGE_TOUCH_ACCESSED] = replay_touch_accessed,
	[TREE_CHANGE_SETXATTR] = replay_setxattr,
	[TREE_CHANGE_REMOVEXATTR] = replay_removexattr,
	[TREE_CHANGE_REF] = replay_ref,
	[TREE_CHANGE_UNREF] = replay_unref,
	[TREE_CHANGE_ADD_WRITERS] = replay_add_writers,
	[TREE_CHANGE_SET_MAX_INODES] = replay_set_max_inodes,
};

static bool find_inodes(struct replay *r)
{
	const struct tree_change *c = r->change;
	bool has_other = c->kind == TREE_CHANGE_LINK || c->kind == TREE_CHANGE_RENAME;

	r->inode = tree_get(r->tree, c->ino);
	r->other = tree_get(r->tree, c->other_ino);
	return (r->inode || c->kind == TREE_CHANGE_SET_MAX_INODES) && (r->other || !has_other);
}

int tree_replay(struct tree *tree, const struct tree_change *change)
{
	struct replay r = { .tree = tree, .change = change };
	int err = find_inodes(&r) ? functions[change->kind](&r) : -EPROTO;

	return err && err != -ENOMEM ? -EPROTO : err;
}
