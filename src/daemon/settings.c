/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/limits.h"
#include "daemon/volume_internal.h"

/* ---- a command line ---- */

/* The program, two words, "-o" and an option for each change, and "remount". */
#define MAX_ARGUMENTS (2 * CONTROL_MAX_OPTIONS + 6)

/* A comma or a backslash in a value is a part of it. Return: for free(). */
static char *escape(const char *word)
{
	char *escaped = malloc(2 * strlen(word) + 1), *at = escaped;

	if (!escaped)
		return NULL;
	for (; *word; *at++ = *word++)
		if (*word == ',' || *word == '\\')
			*at++ = '\\';
	*at = '\0';
	return escaped;
}

static int add_words(const struct control_change *change, const struct explainer *to, char **argv,
		     int *argc)
{
	for (unsigned i = 0; i < change->nr_words; i++) {
		const char *word = change->words[i];

		if (*word < 'a' || *word > 'z')
			return explain_error(to, -EINVAL, "'%s' is not a mount option", word);
		argv[(*argc)++] = "-o";
		argv[*argc] = escape(word);
		if (!argv[(*argc)++])
			return explain_error(to, -ENOMEM, "out of memory");
	}
	return 0;
}

/* Reads the options as the command line of a remount. Call options_free() in every case. */
static int parse(const struct volume *volume, const struct control_change *change,
		 const struct explainer *to, struct options *ret_options)
{
	char *argv[MAX_ARGUMENTS + 1] = { "cxlfs", volume->options->device_list, volume->mountpoint,
					  "-o", "remount" };
	int argc = 5, err = add_words(change, to, argv, &argc);

	*ret_options = (struct options){ .device_list = NULL };
	if (!err && options_parse(argc, argv, to, ret_options) != OPTIONS_RUN)
		err = -EINVAL;
	for (int i = 6; i < argc; i += 2)
		free(argv[i]);
	return err;
}

/* ---- what is fixed ---- */

/* @list: words, one a line */
static bool has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (!strncmp(at, word, length) && (at[length] == '\n' || !at[length]))
			return true;
	return false;
}

static int check_fixed(const struct volume *volume, const char *word, const struct explainer *to)
{
	while (*word) {
		size_t length = strcspn(word, "\n");

		if (!has_word(volume->options->words, word, length))
			return explain_error(to, -EINVAL,
					     "option %.*s: %s was mounted without it; unmount and "
					     "mount it again",
					     (int)length, word, volume->mountpoint);
		word += length;
		word += *word == '\n';
	}
	return 0;
}

static int check_device(const struct volume *volume, const char *device, const struct explainer *to)
{
	const char *mounted = volume->options->device_list;

	if (!*device || !strcmp(device, mounted))
		return 0;
	return explain_error(to, -EINVAL, "%s is mounted on %s; a remount cannot change it to %s",
			     mounted, volume->mountpoint, device);
}

/* ---- what changes ---- */

static int set_limits(struct volume *volume, const struct fs_limits *limits,
		      const struct explainer *to)
{
	struct fs_usage usage;
	int err = limits->which ? fs_set_limits(volume->fs, limits) : 0;

	if (!err)
		return 0;
	fs_get_usage(volume->fs, &usage);
	return limits_refused(to, err, limits, &usage);
}

/* Lock: handover_lock. First what can fail. */
static int apply_locked(struct volume *volume, const struct options *options,
			const struct explainer *to)
{
	int err;

	if (volume->stopped || volume->handed_over)
		return explain_error(to, -EBUSY, "the daemon ends");
	err = set_limits(volume, &options->limits, to);
	if (err)
		return err;
	if (options->has_busy_poll)
		fs_set_poll_us(volume->fs, options->busy_poll_us);
	if (options->has_debug)
		log_set_debug_categories(options->debug_categories);
	volume_resend_state(volume);
	return 0;
}

/* An upgrade has told the successor what is set when it takes the lock. */
static int apply(struct volume *volume, const struct options *options, const struct explainer *to)
{
	int err;

	if (pthread_mutex_trylock(&volume->handover_lock))
		return explain_error(to, -EBUSY, "the daemon is being replaced, or ends");
	err = apply_locked(volume, options, to);
	pthread_mutex_unlock(&volume->handover_lock);
	return err;
}

int settings_change(struct volume *volume, const struct control_change *change,
		    const struct explainer *to)
{
	struct options options;
	int err = parse(volume, change, to, &options);

	if (!err)
		err = check_device(volume, change->device, to);
	if (!err)
		err = check_fixed(volume, options.words, to);
	if (!err)
		err = apply(volume, &options, to);
	options_free(&options);
	return err;
}
