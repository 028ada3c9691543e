/* SPDX-License-Identifier: Apache-2.0 */
#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/options_internal.h"
#include "fuse/transport/transport.h"

#define DEFAULT_PACK_BYTES   (16u << 20)
#define DEFAULT_STRIPE_BYTES (256u << 10)
#define MIN_STRIPE_BYTES     (64u << 10)
#define MAX_THREADS          1024
#define MAX_RING_DEPTH       1024
#define DEFAULT_BUSY_POLL_US 100
#define DEFAULT_WATCHDOG_S   30
#define MAX_WATCHDOG_S       86400

static const char *const names[NR_OPTION_VALUES] = {
	[VALUE_THREADS] = "threads=",
	[VALUE_RING_DEPTH] = "ring_depth=",
	[VALUE_QUEUE_DEPTH] = "queue_depth=",
	[VALUE_BUSY_POLL] = "busy_poll=",
	[VALUE_SIZE] = "size=",
	[VALUE_RESERVE] = "reserve=",
	[VALUE_MAX_INODES] = "max_inodes=",
	[VALUE_MAX_USER_INODES] = "max_inodes_per_user=",
	[VALUE_PACK] = "pack=",
	[VALUE_STRIPE] = "stripe=",
	[VALUE_LOAD] = "load=",
	[VALUE_SURVIVE] = "survive=",
	[VALUE_WATCHDOG] = "watchdog=",
	[VALUE_UID] = "uid=",
	[VALUE_GID] = "gid=",
	[VALUE_MODE] = "mode=",
	[VALUE_DEBUG] = "debug=",
};

const char *option_value_name(enum option_value value)
{
	return names[value];
}

bool option_value_can_change(enum option_value value)
{
	switch (value) {
	case VALUE_SIZE:
	case VALUE_RESERVE:
	case VALUE_MAX_INODES:
	case VALUE_MAX_USER_INODES:
	case VALUE_BUSY_POLL:
	case VALUE_DEBUG:
		return true;
	default:
		return false;
	}
}

static long long number(struct raw_options *raw, enum option_value which, long long min,
			long long max, long long default_value)
{
	const char *text = raw->values[which], *why;
	long long value;

	if (!text)
		return default_value;
	value = strtonum(text, min, max, &why);
	if (why)
		options_complain(raw, "option %s%s is %s; give a number from %lld to %lld",
				 names[which], text, why, min, max);
	return value;
}

static uint64_t size(struct raw_options *raw, enum option_value which, uint64_t default_value)
{
	const char *text = raw->values[which];
	uint64_t value;

	if (!text)
		return default_value;
	if (*text >= '0' && *text <= '9' && expand_number(text, &value) == 0)
		return value;
	options_complain(raw, "option %s%s is not a size such as 64K or 1M", names[which], text);
	return default_value;
}

static uint64_t stripe_size(struct raw_options *raw)
{
	uint64_t value = size(raw, VALUE_STRIPE, DEFAULT_STRIPE_BYTES);

	if (value > 0 && (value < MIN_STRIPE_BYTES || (value & (value - 1))))
		options_complain(raw, "option stripe=%s is not 0 or a power of two from 64K on",
				 raw->values[VALUE_STRIPE]);
	return value;
}

/* Bytes, or a percentage with up to four decimals. */
static void read_reserve(struct raw_options *raw)
{
	const char *text = raw->values[VALUE_RESERVE];
	struct data_limits *limits = &raw->out->limits.data;
	double percent;
	char *end;

	if (!text || !strchr(text, '%')) {
		limits->reserve_bytes = size(raw, VALUE_RESERVE, 0);
		return;
	}
	percent = strtod(text, &end);
	if (*text >= '0' && *text <= '9' && *end == '%' && !end[1] && percent <= 100)
		limits->reserve_ppm = (uint32_t)(percent * 10000 + 0.5);
	else
		options_complain(raw, "option reserve=%s is not a percentage from 0%% to 100%%",
				 text);
}

static void read_limits(struct raw_options *raw)
{
	struct fs_limits *limits = &raw->out->limits;

	limits->data.size_bytes = size(raw, VALUE_SIZE, 0);
	limits->max_inodes = (uint64_t)number(raw, VALUE_MAX_INODES, 0, UINT32_MAX, 0);
	limits->max_user_inodes = (uint64_t)number(raw, VALUE_MAX_USER_INODES, 0, UINT32_MAX, 0);
	read_reserve(raw);
	limits->which = (raw->values[VALUE_SIZE] ? FS_LIMIT_SIZE : 0) |
			(raw->values[VALUE_RESERVE] ? FS_LIMIT_RESERVE : 0) |
			(raw->values[VALUE_MAX_INODES] ? FS_LIMIT_INODES : 0) |
			(raw->values[VALUE_MAX_USER_INODES] ? FS_LIMIT_USER_INODES : 0);
	if (raw->out->physical && (limits->which & (FS_LIMIT_SIZE | FS_LIMIT_RESERVE)))
		options_complain(raw, "options physical and %s cannot be combined",
				 limits->which & FS_LIMIT_SIZE ? "size" : "reserve");
}

static mode_t octal_mode(struct raw_options *raw)
{
	const char *text = raw->values[VALUE_MODE];
	unsigned long value;
	char *end;

	if (!text)
		return 0755;
	value = strtoul(text, &end, 8);
	if (!*text || *end || value > 07777 || *text == '-' || *text == '+')
		options_complain(raw, "option mode=%s is not an octal number such as 755", text);
	return (mode_t)(value & 07777);
}

static enum survive_choice survive(struct raw_options *raw)
{
	static const char *const words[] = {
		[SURVIVE_UPGRADE] = "upgrade", [SURVIVE_NO] = "no", [SURVIVE_CRASH] = "crash"
	};
	const char *text = raw->values[VALUE_SURVIVE];

	for (size_t i = 0; text && i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i]))
			return (enum survive_choice)i;
	if (text)
		options_complain(raw, "option survive=%s is not no, upgrade or crash", text);
	return SURVIVE_UPGRADE;
}

static void read_survival(struct raw_options *raw)
{
	struct options *out = raw->out;

	out->survive = survive(raw);
	out->watchdog_s =
		(unsigned)number(raw, VALUE_WATCHDOG, 0, MAX_WATCHDOG_S, DEFAULT_WATCHDOG_S);
	if (out->physical && raw->values[VALUE_SURVIVE] && out->survive != SURVIVE_NO)
		options_complain(raw, "options survive=%s and physical cannot be combined",
				 raw->values[VALUE_SURVIVE]);
	if (out->survive != SURVIVE_CRASH)
		return;
	if (out->io_uring == IO_URING_YES)
		options_complain(raw, "options survive=crash and io_uring cannot be combined");
	out->io_uring = IO_URING_NO;
}

void option_values_read(struct raw_options *raw)
{
	const char *debug = raw->values[VALUE_DEBUG];
	struct options *out = raw->out;

	out->has_busy_poll = raw->values[VALUE_BUSY_POLL] != NULL;
	out->has_debug = debug != NULL;

	out->threads = (unsigned)number(raw, VALUE_THREADS, 1, MAX_THREADS, 0);
	out->ring_depth = (unsigned)number(raw, VALUE_RING_DEPTH, 1, MAX_RING_DEPTH, 0);
	out->queue_depth =
		(unsigned)number(raw, VALUE_QUEUE_DEPTH, 1, SUPERPIPE_MAX_QUEUE_DEPTH, 0);
	out->busy_poll_us = (unsigned)number(raw, VALUE_BUSY_POLL, 0, TRANSPORT_MAX_POLL_US,
					     DEFAULT_BUSY_POLL_US);
	read_limits(raw);
	read_survival(raw);
	out->pack_bytes = size(raw, VALUE_PACK, DEFAULT_PACK_BYTES);
	out->stripe_bytes = stripe_size(raw);
	out->root_uid = (uid_t)number(raw, VALUE_UID, 0, UINT32_MAX - 1, geteuid());
	out->root_gid = (gid_t)number(raw, VALUE_GID, 0, UINT32_MAX - 1, getegid());
	out->root_mode = octal_mode(raw);
	out->load = raw->values[VALUE_LOAD] ? strdup(raw->values[VALUE_LOAD]) : NULL;
	if (raw->values[VALUE_LOAD] && !out->load)
		options_complain(raw, "out of memory");
	if (debug && log_parse_categories(debug, &out->debug_categories))
		options_complain(raw,
				 "option debug=%s names an unknown category; try 'cxlfs --help'",
				 debug);
#if !FS_HAVE_IO_URING
	if (out->io_uring == IO_URING_YES)
		options_complain(raw, "option io_uring: cxlfs was built without liburing");
#endif
}

/* A comma before "emul:" or "/" starts another device. Any other comma belongs to the options of
 * the device before it. */
static bool starts_device(const char *text)
{
	return text[0] == '/' || !strncmp(text, "emul:", 5);
}

/* In the name of an emulated adapter, a backslash escapes a comma or another backslash. */
static bool is_escaped(const char *start, const char *comma)
{
	const char *at = comma;

	while (at > start && at[-1] == '\\')
		at--;
	return (comma - at) % 2;
}

int option_devices_split(struct raw_options *raw)
{
	struct options *out = raw->out;
	char *comma, *at;

	at = out->devices_buf = strdup(out->device_list);
	if (!at)
		return -1;
	out->devices[out->nr_devices++] = at;
	while ((comma = strchr(at, ','))) {
		at = comma + 1;
		if (is_escaped(out->devices_buf, comma) || !starts_device(at))
			continue;
		*comma = '\0';
		if (out->nr_devices == SUPERPIPE_MAX_LUNS) {
			options_complain(raw, "a volume has at most %u devices",
					 SUPERPIPE_MAX_LUNS);
			return 0;
		}
		out->devices[out->nr_devices++] = at;
	}
	if (!*out->devices[0])
		options_complain(raw, "no device given; try 'cxlfs --help'");
	return 0;
}
