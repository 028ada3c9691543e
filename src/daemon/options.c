/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/help.h"
#include "daemon/remount.h"
#include "daemon/session_args.h"

#define MAX_THREADS          1024
#define MAX_RING_DEPTH       1024
#define DEFAULT_BUSY_POLL_US 100
#define MAX_BUSY_POLL_US     1000000

/* The command line while it is being parsed. Values stay text until all are known. */
struct raw_options {
	struct options *out;
	unsigned nr_words;
	bool wrong, help, version;
	bool no_allow_other, allow_other;
	char *threads, *ring_depth, *queue_depth, *busy_poll, *max_inodes, *pack, *uid, *gid, *mode,
		*debug;
};

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

#define RAW(text, member)                                     \
	{                                                     \
		text, offsetof(struct raw_options, member), 1 \
	}

static const struct fuse_opt specs[] = {
	FUSE_OPT_KEY("-h", KEY_HELP),
	FUSE_OPT_KEY("--help", KEY_HELP),
	FUSE_OPT_KEY("-V", KEY_VERSION),
	FUSE_OPT_KEY("--version", KEY_VERSION),
	FUSE_OPT_KEY("-d", KEY_DEBUG_FLAG),
	RAW("threads=%s", threads),
	RAW("ring_depth=%s", ring_depth),
	RAW("queue_depth=%s", queue_depth),
	RAW("busy_poll=%s", busy_poll),
	RAW("max_inodes=%s", max_inodes),
	RAW("pack=%s", pack),
	RAW("uid=%s", uid),
	RAW("gid=%s", gid),
	RAW("mode=%s", mode),
	RAW("debug=%s", debug),
	RAW("--debug=%s", debug),
	RAW("allow_other", allow_other),
	RAW("no_allow_other", no_allow_other),
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

/* Options that are a fixed value for a member of struct options. */
static const struct {
	const char *text;
	size_t offset;
	int value;
} switches[] = {
	{ "io_uring", offsetof(struct options, io_uring), IO_URING_YES },
	{ "no_io_uring", offsetof(struct options, io_uring), IO_URING_NO },
};

static void __attribute__((format(printf, 2, 3)))
complain(struct raw_options *raw, const char *format, ...)
{
	va_list ap;

	fputs("cxlfs: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	raw->wrong = true;
}

/* Prints one message. Return: -1. */
static int short_of_memory(struct raw_options *raw)
{
	if (!raw->wrong)
		complain(raw, "out of memory");
	return -1;
}

static int take_word(struct raw_options *raw, const char *word)
{
	struct options *out = raw->out;
	char **slot = raw->nr_words == 0 ? &out->device_list : &out->mountpoint;

	if (raw->nr_words++ >= 2) {
		complain(raw, "unexpected argument '%s'", word);
		return 0;
	}
	*slot = strdup(word);
	return *slot ? 0 : short_of_memory(raw);
}

static int add_word(struct raw_options *raw, const char *name, const char *value)
{
	char *before = raw->out->words, *after;

	if (asprintf(&after, "%s%s%s\n", before ? before : "", name, value) < 0)
		return short_of_memory(raw);
	free(before);
	raw->out->words = after;
	return 0;
}

static int take_option(struct raw_options *raw, const char *text)
{
	if (strcmp(text, "-f") && add_word(raw, text, ""))
		return -1;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (!strcmp(text, switches[i].text)) {
			*(int *)((char *)raw->out + switches[i].offset) = switches[i].value;
			return 0;
		}
	if (!strcmp(text, "writeback") || !strcmp(text, "no_writeback"))
		raw->out->writeback = text[0] == 'w';
	else if (!strcmp(text, "idle_sched") || !strcmp(text, "no_idle_sched"))
		raw->out->idle_sched = text[0] == 'i';
	else if (!strcmp(text, "physical"))
		raw->out->physical = true;
	else if (!strcmp(text, "-f"))
		raw->out->foreground = true;
	else
		complain(raw, "unknown option '%s'", text);
	return 0;
}

/* Called by fuse_opt_parse(). Return: 0 to drop the argument, 1 to keep it for libfuse. */
static int take_argument(void *data, const char *arg, int key, struct fuse_args *outargs)
{
	struct raw_options *raw = data;

	(void)outargs;
	if (key != FUSE_OPT_KEY_NONOPT)
		remount_take_flag(arg, &raw->out->mount_flags);
	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return take_word(raw, arg);
	case FUSE_OPT_KEY_OPT:
		return take_option(raw, arg);
	case KEY_HELP:
		raw->help = true;
		return 0;
	case KEY_VERSION:
		raw->version = true;
		return 0;
	case KEY_DEBUG_FLAG:
		raw->out->foreground = raw->out->fuse_debug = true;
		return 1;
	case KEY_READ_ONLY:
		raw->out->read_only = true;
		return 1;
	case KEY_REMOUNT:
		raw->out->remount = true;
		return 0;
	case KEY_NAME:
		return add_word(raw, arg, "") ? -1 : 1;
	case KEY_ATIME_NEVER:
		raw->out->atime = TREE_ATIME_NEVER;
		return 1;
	case KEY_ATIME_RELATIVE:
		raw->out->atime = TREE_ATIME_RELATIVE;
		return 0;
	case KEY_ATIME_STRICT:
		raw->out->atime = TREE_ATIME_STRICT;
		return add_word(raw, arg, "");
	case KEY_KEEP:
		return 1;
	default:
		return 0;
	}
}

static long long number(struct raw_options *raw, const char *name, const char *text, long long min,
			long long max, long long default_value)
{
	const char *why;
	long long value;

	if (!text)
		return default_value;
	value = strtonum(text, min, max, &why);
	if (why)
		complain(raw, "option %s=%s is %s; give a number from %lld to %lld", name, text,
			 why, min, max);
	return value;
}

static uint64_t size(struct raw_options *raw, const char *name, const char *text,
		     uint64_t default_value)
{
	uint64_t value;

	if (!text)
		return default_value;
	if (*text >= '0' && *text <= '9' && expand_number(text, &value) == 0)
		return value;
	complain(raw, "option %s=%s is not a size such as 64K or 1M", name, text);
	return default_value;
}

static mode_t octal_mode(struct raw_options *raw, const char *text)
{
	unsigned long value;
	char *end;

	if (!text)
		return 0755;
	value = strtoul(text, &end, 8);
	if (!*text || *end || value > 07777 || *text == '-' || *text == '+')
		complain(raw, "option mode=%s is not an octal number such as 755", text);
	return (mode_t)(value & 07777);
}

static void read_values(struct raw_options *raw)
{
	struct options *out = raw->out;

	out->threads = (unsigned)number(raw, "threads", raw->threads, 1, MAX_THREADS, 0);
	out->ring_depth =
		(unsigned)number(raw, "ring_depth", raw->ring_depth, 1, MAX_RING_DEPTH, 0);
	out->queue_depth = (unsigned)number(raw, "queue_depth", raw->queue_depth, 1,
					    SUPERPIPE_MAX_QUEUE_DEPTH, 0);
	out->busy_poll_us = (unsigned)number(raw, "busy_poll", raw->busy_poll, 0, MAX_BUSY_POLL_US,
					     DEFAULT_BUSY_POLL_US);
	out->max_inodes = (uint64_t)number(raw, "max_inodes", raw->max_inodes, 1, UINT32_MAX, 0);
	out->pack_bytes = size(raw, "pack", raw->pack, 0);
	out->root_uid = (uid_t)number(raw, "uid", raw->uid, 0, UINT32_MAX - 1, geteuid());
	out->root_gid = (gid_t)number(raw, "gid", raw->gid, 0, UINT32_MAX - 1, getegid());
	out->root_mode = octal_mode(raw, raw->mode);
	if (raw->debug && log_parse_categories(raw->debug, &out->debug_categories))
		complain(raw, "option debug=%s names an unknown category; try 'cxlfs --help'",
			 raw->debug);
#if !FS_HAVE_IO_URING
	if (out->io_uring == IO_URING_YES)
		complain(raw, "option io_uring: cxlfs was built without liburing");
#endif
}

/* A comma before "emul:" or "/" starts another device. Any other comma belongs to the options of
 * the device before it. */
static bool starts_device(const char *text)
{
	return text[0] == '/' || !strncmp(text, "emul:", 5);
}

static int split_devices(struct raw_options *raw)
{
	struct options *out = raw->out;
	char *comma, *at;

	at = out->devices_buf = strdup(out->device_list);
	if (!at)
		return -1;
	out->devices[out->nr_devices++] = at;
	while ((comma = strchr(at, ','))) {
		at = comma + 1;
		if ((comma > out->devices_buf && comma[-1] == '\\') || !starts_device(at))
			continue;
		*comma = '\0';
		if (out->nr_devices == SUPERPIPE_MAX_LUNS) {
			complain(raw, "a volume has at most %u devices", SUPERPIPE_MAX_LUNS);
			return 0;
		}
		out->devices[out->nr_devices++] = at;
	}
	return 0;
}

static bool allows_others(const struct raw_options *raw)
{
	return raw->allow_other || (geteuid() == 0 && !raw->no_allow_other);
}

/* Options that a remount cannot change: those with a value, allow_other and the device. */
static int add_other_words(struct raw_options *raw)
{
	const struct {
		const char *name, *value;
	} given[] = {
		{ "threads=", raw->threads },
		{ "ring_depth=", raw->ring_depth },
		{ "queue_depth=", raw->queue_depth },
		{ "busy_poll=", raw->busy_poll },
		{ "max_inodes=", raw->max_inodes },
		{ "pack=", raw->pack },
		{ "uid=", raw->uid },
		{ "gid=", raw->gid },
		{ "mode=", raw->mode },
		{ "debug=", raw->debug },
	};
	const struct options *out = raw->out;
	int err = 0;

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]) && !err; i++)
		if (given[i].value)
			err = add_word(raw, given[i].name, given[i].value);
	if (!err && (out->remount ? raw->allow_other : allows_others(raw)))
		err = add_word(raw, "allow_other", "");
	else if (!err && (raw->no_allow_other || !out->remount))
		err = add_word(raw, "no_allow_other", "");
	if (!err && !out->remount)
		err = add_word(raw, OPTIONS_DEVICE, out->device_list);
	return err;
}

static void free_raw(struct raw_options *raw)
{
	char *texts[] = { raw->threads,    raw->ring_depth, raw->queue_depth, raw->busy_poll,
			  raw->max_inodes, raw->pack,       raw->uid,         raw->gid,
			  raw->mode,       raw->debug };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
}

static enum options_verdict judge(struct raw_options *raw)
{
	if (raw->help || raw->version) {
		if (raw->help)
			help_print();
		else
			help_print_version();
		return OPTIONS_DONE;
	}
	if (!raw->wrong && raw->nr_words < 2)
		complain(raw, "%s; try 'cxlfs --help'",
			 raw->nr_words ? "no mountpoint given" : "no device given");
	/* With writeback the kernel would use its own size of a LUN and accept writes beyond its
	 * end. */
	if (!raw->wrong && raw->out->physical && raw->out->writeback)
		complain(raw, "options physical and writeback cannot be combined");
	if (!raw->wrong)
		read_values(raw);
	if (!raw->wrong && (split_devices(raw) || add_other_words(raw) ||
			    session_args_complete(&raw->out->session_args, raw->out->device_list,
						  allows_others(raw))))
		(void)short_of_memory(raw);
	return raw->wrong ? OPTIONS_WRONG : OPTIONS_RUN;
}

enum options_verdict options_parse(int argc, char **argv, struct options *ret_options)
{
	struct raw_options raw = { .out = ret_options };
	enum options_verdict verdict;

	*ret_options = (struct options){
		.atime = TREE_ATIME_RELATIVE,
		.idle_sched = true,
		.session_args = FUSE_ARGS_INIT(argc, argv),
	};
	if (fuse_opt_parse(&ret_options->session_args, &raw, specs, take_argument))
		raw.wrong = true;
	verdict = judge(&raw);
	free_raw(&raw);
	return verdict;
}

void options_free(struct options *options)
{
	fuse_opt_free_args(&options->session_args);
	free(options->device_list);
	free(options->devices_buf);
	free(options->mountpoint);
	free(options->words);
}
