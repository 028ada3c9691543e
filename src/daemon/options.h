/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - parses the command line of cxlfs(8).
 */
#ifndef CXLFS_DAEMON_OPTIONS_H
#define CXLFS_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/explain.h"
#include "fuse/fs.h"
#include "fuse/transport/libfuse.h"
#include "superpipe/superpipe.h"
#include "tree/tree.h"

enum survive_choice {
	SURVIVE_UPGRADE, /* the daemon can be replaced while it lives */
	SURVIVE_NO,
	SURVIVE_CRASH, /* also when it has died: see standby.h */
};

enum io_uring_choice { IO_URING_IF_THERE, IO_URING_YES, IO_URING_NO };

struct options {
	char *device_list;                 /* as given; the name in the mount table */
	char *devices[SUPERPIPE_MAX_LUNS]; /* pointers into devices_buf */
	unsigned nr_devices;
	char *devices_buf;
	char *mountpoint; /* as given */
	bool foreground;
	bool fuse_debug; /* -d */
	bool read_only;
	unsigned debug_categories; /* of base/log.h */
	enum io_uring_choice io_uring;
	bool writeback;
	bool idle_sched;    /* see fuse/transport/idle_sched.h */
	bool physical;      /* whole LUNs as files */
	bool sandbox;       /* see sandbox.h */
	bool dump_contents; /* of files, in core dumps */
	enum tree_atime atime;
	unsigned threads;              /* serving /dev/fuse, at most; 0: see fs_serve() */
	unsigned ring_depth;           /* requests a core with io_uring, 0: default */
	unsigned queue_depth;          /* commands in flight, 0: default */
	unsigned busy_poll_us;         /* how long threads that serve poll */
	bool has_busy_poll, has_debug; /* these two were given */
	struct fs_limits limits;       /* those that were given are set */
	uint64_t pack_bytes;           /* see data_volume_set_pack_bytes() */
	uint64_t stripe_bytes;         /* see data_volume_set_stripe_bytes() */
	enum survive_choice survive;
	unsigned watchdog_s; /* the standby kills a daemon that hangs for this time; 0: never */
	char *load;          /* a saved volume, see daemon/load.h; NULL: none */
	uid_t root_uid;
	gid_t root_gid;
	mode_t root_mode;
	bool remount;              /* change the flags of what is mounted */
	unsigned long mount_flags; /* of mount(2), for that */
	char *words;               /* options of the daemon, as given: a line each; may be empty */
	char *changes;             /* those that can change; NULL: none */
	struct fuse_args session_args; /* for fuse_session_new() */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

/**
 * options_parse() - read the command line
 * Prints help and version on stdout and returns OPTIONS_DONE. Explains mistakes and returns
 * OPTIONS_WRONG. Call options_free() in every case.
 */
enum options_result options_parse(int argc, char **argv, const struct explainer *to,
				  struct options *ret_options);
void options_free(struct options *options);

#endif
