/* SPDX-License-Identifier: Apache-2.0 */
/* options_internal - what the files that parse the command line share. */
#ifndef CXLFS_DAEMON_OPTIONS_INTERNAL_H
#define CXLFS_DAEMON_OPTIONS_INTERNAL_H

#include "daemon/options.h"

/* Keys that fuse_opt_parse() passes on for the options of the table. */
enum {
	KEY_HELP = 1,
	KEY_VERSION,
	KEY_DEBUG_FLAG,
	KEY_READ_ONLY,
	KEY_REMOUNT,
	KEY_NAME, /* as KEY_KEEP; cannot be changed later */
	KEY_KEEP, /* passed on to libfuse, which makes it a mount flag */
	KEY_DROP, /* for mount(8), fstab(5) or systemd only */
	KEY_ATIME_NEVER,
	KEY_ATIME_RELATIVE,
	KEY_ATIME_STRICT,
};

/* Options with a value: "threads=4". */
enum option_value {
	VALUE_THREADS,
	VALUE_RING_DEPTH,
	VALUE_QUEUE_DEPTH,
	VALUE_BUSY_POLL,
	VALUE_SIZE,
	VALUE_RESERVE,
	VALUE_MAX_INODES,
	VALUE_MAX_USER_INODES,
	VALUE_PACK,
	VALUE_STRIPE,
	VALUE_LOAD,
	VALUE_SURVIVE,
	VALUE_WATCHDOG,
	VALUE_UID,
	VALUE_GID,
	VALUE_MODE,
	VALUE_DEBUG,
	NR_OPTION_VALUES,
};

/* The command line while it is being parsed. Values stay text until all are known. */
struct raw_options {
	struct options *out;
	const struct explainer *to;
	unsigned nr_words;
	bool wrong; /* it has been explained */
	bool help, version;
	bool no_allow_other, allow_other;
	char *values[NR_OPTION_VALUES]; /* allocated; NULL: not given */
};

extern const struct fuse_opt option_table[];

/** options_complain() - explain what is wrong with the command line */
void options_complain(struct raw_options *raw, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** option_value_name() - return the name of an option with a value, as in "threads=" */
const char *option_value_name(enum option_value value);

/** option_value_can_change() - return true if the option can change while the volume is mounted */
bool option_value_can_change(enum option_value value);

/** option_values_read() - convert all values and store them in the result */
void option_values_read(struct raw_options *raw);

/**
 * option_devices_split() - split the list of devices and store it in the result
 * Return: 0, also after a complaint; -1 out of memory.
 */
int option_devices_split(struct raw_options *raw);

#endif
