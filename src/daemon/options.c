/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/help.h"
#include "daemon/options_internal.h"
#include "daemon/remount.h"
#include "daemon/session_args.h"

/* Options that set or clear a member of struct options. */
static const struct {
	const char *text;
	size_t offset;
	bool value;
} switches[] = {
	{ "-f", offsetof(struct options, foreground), true },
	{ "writeback", offsetof(struct options, writeback), true },
	{ "no_writeback", offsetof(struct options, writeback), false },
	{ "idle_sched", offsetof(struct options, idle_sched), true },
	{ "no_idle_sched", offsetof(struct options, idle_sched), false },
	{ "physical", offsetof(struct options, physical), true },
	{ "sandbox", offsetof(struct options, sandbox), true },
	{ "dump_contents", offsetof(struct options, dump_contents), true },
	{ "no_sandbox", offsetof(struct options, sandbox), false },
};

void options_complain(struct raw_options *raw, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	(void)explain_error(raw->to, -EINVAL, "%s", text ? text : "out of memory");
	free(text);
	raw->wrong = true;
}

/* Prints one message. Return: -1. */
static int short_of_memory(struct raw_options *raw)
{
	if (!raw->wrong)
		options_complain(raw, "out of memory");
	return -1;
}

static int take_word(struct raw_options *raw, const char *word)
{
	struct options *out = raw->out;
	char **slot = raw->nr_words == 0 ? &out->device_list : &out->mountpoint;

	if (raw->nr_words++ >= 2) {
		options_complain(raw, "unexpected argument '%s'", word);
		return 0;
	}
	*slot = strdup(word);
	return *slot ? 0 : short_of_memory(raw);
}

static int add_line(struct raw_options *raw, char **lines, const char *name, const char *value)
{
	char *before = *lines, *after;

	if (asprintf(&after, "%s%s%s\n", before ? before : "", name, value) < 0)
		return short_of_memory(raw);
	free(before);
	*lines = after;
	return 0;
}

static int add_word(struct raw_options *raw, const char *name, const char *value)
{
	return add_line(raw, &raw->out->words, name, value);
}

static int take_option(struct raw_options *raw, const char *text)
{
	if (strcmp(text, "-f") && add_word(raw, text, ""))
		return -1;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (!strcmp(text, switches[i].text)) {
			*(bool *)((char *)raw->out + switches[i].offset) = switches[i].value;
			return 0;
		}
	if (!strcmp(text, "io_uring"))
		raw->out->io_uring = IO_URING_YES;
	else if (!strcmp(text, "no_io_uring"))
		raw->out->io_uring = IO_URING_NO;
	else
		options_complain(raw, "unknown option '%s'", text);
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

static bool allows_others(const struct raw_options *raw)
{
	return raw->allow_other || (geteuid() == 0 && !raw->no_allow_other);
}

static int add_values(struct raw_options *raw)
{
	struct options *out = raw->out;
	int err = 0;

	for (size_t i = 0; i < NR_OPTION_VALUES && !err; i++)
		if (raw->values[i])
			err = add_line(raw,
				       option_value_can_change(i) ? &out->changes : &out->words,
				       option_value_name(i), raw->values[i]);
	return err;
}

static int add_other_words(struct raw_options *raw)
{
	const struct options *out = raw->out;
	int err = add_values(raw);

	if (!err && (out->remount ? raw->allow_other : allows_others(raw)))
		err = add_word(raw, "allow_other", "");
	else if (!err && (raw->no_allow_other || !out->remount))
		err = add_word(raw, "no_allow_other", "");
	if (!err && !out->words)
		raw->out->words = strdup("");
	return err || !out->words ? -1 : 0;
}

static enum options_result complete(struct raw_options *raw)
{
	if (raw->help || raw->version) {
		if (raw->help)
			help_print();
		else
			help_print_version();
		return OPTIONS_DONE;
	}
	if (!raw->wrong && raw->nr_words < 2)
		options_complain(raw, "%s; try 'cxlfs --help'",
				 raw->nr_words ? "no mountpoint given" : "no device given");
	/* With writeback the kernel would use its own size of a LUN and accept writes beyond its
	 * end. */
	if (!raw->wrong && raw->out->physical && raw->out->writeback)
		options_complain(raw, "options physical and writeback cannot be combined");
	if (!raw->wrong && raw->out->physical && raw->values[VALUE_LOAD])
		options_complain(raw, "options physical and load cannot be combined");
	if (!raw->wrong)
		option_values_read(raw);
	if (!raw->wrong && (option_devices_split(raw) || add_other_words(raw) ||
			    session_args_complete(&raw->out->session_args, raw->out->device_list,
						  allows_others(raw))))
		(void)short_of_memory(raw);
	return raw->wrong ? OPTIONS_WRONG : OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, const struct explainer *to,
				  struct options *ret_options)
{
	struct raw_options raw = { .out = ret_options, .to = to };
	enum options_result result;

	*ret_options = (struct options){
		.atime = TREE_ATIME_RELATIVE,
		.idle_sched = true,
		.sandbox = true,
		.session_args = FUSE_ARGS_INIT(argc, argv),
	};
	if (fuse_opt_parse(&ret_options->session_args, &raw, option_table, take_argument))
		raw.wrong = true;
	result = complete(&raw);
	for (size_t i = 0; i < NR_OPTION_VALUES; i++)
		free(raw.values[i]);
	return result;
}

void options_free(struct options *options)
{
	fuse_opt_free_args(&options->session_args);
	free(options->load);
	free(options->device_list);
	free(options->devices_buf);
	free(options->mountpoint);
	free(options->words);
	free(options->changes);
}
