/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "daemon/options_internal.h"

/* fuse_opt_parse() stores a copy of the text after '='. */
#define VALUE(text, value)                                           \
	{                                                            \
		text, offsetof(struct raw_options, values[value]), 1 \
	}

#define FLAG(text, member)                                    \
	{                                                     \
		text, offsetof(struct raw_options, member), 1 \
	}

const struct fuse_opt option_table[] = {
	FUSE_OPT_KEY("-h", KEY_HELP),
	FUSE_OPT_KEY("--help", KEY_HELP),
	FUSE_OPT_KEY("-V", KEY_VERSION),
	FUSE_OPT_KEY("--version", KEY_VERSION),
	FUSE_OPT_KEY("-d", KEY_DEBUG_FLAG),
	VALUE("threads=%s", VALUE_THREADS),
	VALUE("ring_depth=%s", VALUE_RING_DEPTH),
	VALUE("queue_depth=%s", VALUE_QUEUE_DEPTH),
	VALUE("busy_poll=%s", VALUE_BUSY_POLL),
	VALUE("size=%s", VALUE_SIZE),
	VALUE("reserve=%s", VALUE_RESERVE),
	VALUE("max_inodes=%s", VALUE_MAX_INODES),
	VALUE("max_inodes_per_user=%s", VALUE_MAX_USER_INODES),
	VALUE("pack=%s", VALUE_PACK),
	VALUE("stripe=%s", VALUE_STRIPE),
	VALUE("load=%s", VALUE_LOAD),
	VALUE("survive=%s", VALUE_SURVIVE),
	VALUE("watchdog=%s", VALUE_WATCHDOG),
	VALUE("uid=%s", VALUE_UID),
	VALUE("gid=%s", VALUE_GID),
	VALUE("mode=%s", VALUE_MODE),
	VALUE("debug=%s", VALUE_DEBUG),
	VALUE("--debug=%s", VALUE_DEBUG),
	FLAG("allow_other", allow_other),
	FLAG("no_allow_other", no_allow_other),
	FUSE_OPT_KEY("noatime", KEY_ATIME_NEVER),
	FUSE_OPT_KEY("relatime", KEY_ATIME_RELATIVE),
	FUSE_OPT_KEY("strictatime", KEY_ATIME_STRICT),
	FUSE_OPT_KEY("ro", KEY_READ_ONLY),
	FUSE_OPT_KEY("rw", KEY_KEEP),
	FUSE_OPT_KEY("suid", KEY_KEEP),
	FUSE_OPT_KEY("nosuid", KEY_KEEP),
	FUSE_OPT_KEY("dev", KEY_KEEP),
	FUSE_OPT_KEY("nodev", KEY_KEEP),
	FUSE_OPT_KEY("exec", KEY_KEEP),
	FUSE_OPT_KEY("noexec", KEY_KEEP),
	FUSE_OPT_KEY("sync", KEY_KEEP),
	FUSE_OPT_KEY("async", KEY_KEEP),
	FUSE_OPT_KEY("dirsync", KEY_KEEP),
	FUSE_OPT_KEY("symfollow", KEY_KEEP),
	FUSE_OPT_KEY("nosymfollow", KEY_KEEP),
	FUSE_OPT_KEY("fsname=", KEY_NAME),
	FUSE_OPT_KEY("remount", KEY_REMOUNT),
	FUSE_OPT_KEY("atime", KEY_ATIME_RELATIVE),
	FUSE_OPT_KEY("diratime", KEY_DROP),
	FUSE_OPT_KEY("nodiratime", KEY_DROP),
	FUSE_OPT_KEY("lazytime", KEY_DROP),
	FUSE_OPT_KEY("nolazytime", KEY_DROP),
	FUSE_OPT_KEY("default_permissions", KEY_DROP),
	FUSE_OPT_KEY("user_id=", KEY_DROP),
	FUSE_OPT_KEY("group_id=", KEY_DROP),
	FUSE_OPT_KEY("rootmode=", KEY_DROP),
	FUSE_OPT_KEY("max_read=", KEY_DROP),
	FUSE_OPT_KEY("blksize=", KEY_DROP),
	FUSE_OPT_KEY("subtype=", KEY_DROP),
	FUSE_OPT_KEY("seclabel", KEY_DROP),
	FUSE_OPT_KEY("defaults", KEY_DROP),
	FUSE_OPT_KEY("auto", KEY_DROP),
	FUSE_OPT_KEY("noauto", KEY_DROP),
	FUSE_OPT_KEY("nofail", KEY_DROP),
	FUSE_OPT_KEY("_netdev", KEY_DROP),
	FUSE_OPT_KEY("user", KEY_DROP),
	FUSE_OPT_KEY("nouser", KEY_DROP),
	FUSE_OPT_KEY("users", KEY_DROP),
	FUSE_OPT_KEY("user=", KEY_DROP),
	FUSE_OPT_KEY("owner", KEY_DROP),
	FUSE_OPT_KEY("group", KEY_DROP),
	FUSE_OPT_KEY("silent", KEY_DROP),
	FUSE_OPT_KEY("loud", KEY_DROP),
	FUSE_OPT_KEY("comment=", KEY_DROP),
	FUSE_OPT_KEY("uhelper=", KEY_DROP),
	FUSE_OPT_KEY("helper=", KEY_DROP),
	FUSE_OPT_KEY("x-", KEY_DROP),
	FUSE_OPT_KEY("X-", KEY_DROP),
	FUSE_OPT_END,
};
