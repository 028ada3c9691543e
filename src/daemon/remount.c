/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/remount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/explain.h"
#include "base/json.h"
#include "control/client.h"
#include "control/path.h"
#include "control/server.h"
#include "daemon/mount_table.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* How long the daemon may take to change an option. */
#define PATIENCE_MS 30000

#define ATIME_FLAGS (MS_NOATIME | MS_RELATIME | MS_STRICTATIME)

static const struct {
	const char *option;
	unsigned long clear, set;
} flag_options[] = {
	{ "ro", 0, MS_RDONLY },
	{ "rw", MS_RDONLY, 0 },
	{ "nosuid", 0, MS_NOSUID },
	{ "suid", MS_NOSUID, 0 },
	{ "nodev", 0, MS_NODEV },
	{ "dev", MS_NODEV, 0 },
	{ "noexec", 0, MS_NOEXEC },
	{ "exec", MS_NOEXEC, 0 },
	{ "sync", 0, MS_SYNCHRONOUS },
	{ "async", MS_SYNCHRONOUS, 0 },
	{ "dirsync", 0, MS_DIRSYNC },
	{ "nosymfollow", 0, MS_NOSYMFOLLOW },
	{ "symfollow", MS_NOSYMFOLLOW, 0 },
	{ "noatime", ATIME_FLAGS, MS_NOATIME },
	{ "relatime", ATIME_FLAGS, MS_RELATIME },
	{ "atime", ATIME_FLAGS, MS_RELATIME },
	{ "strictatime", ATIME_FLAGS, MS_STRICTATIME },
	{ "nodiratime", 0, MS_NODIRATIME },
	{ "diratime", MS_NODIRATIME, 0 },
	{ "lazytime", 0, MS_LAZYTIME },
	{ "nolazytime", MS_LAZYTIME, 0 },
};

void remount_take_flag(const char *option, unsigned long *flags)
{
	for (size_t i = 0; i < sizeof(flag_options) / sizeof(flag_options[0]); i++)
		if (!strcmp(option, flag_options[i].option))
			*flags = (*flags & ~flag_options[i].clear) | flag_options[i].set;
}

struct job {
	const struct options *options;
	struct explainer to;
	char *place; /* absolute */
	struct mount_entry mount;
	struct json_object *before; /* what was set until now; NULL: nothing has changed */
};

/* ---- options of the daemon ---- */

/* @lines: words, one a line; NULL: none */
static void put_words(struct json_maker *maker, struct json_object *array, const char *lines)
{
	while (lines && *lines) {
		size_t length = strcspn(lines, "\n");

		json_append(maker, array, json_object_new_string_len(lines, (int)length));
		lines += length;
		lines += *lines == '\n';
	}
}

/* mount(8) may pass the name from the mount table instead of the device. */
static const char *other_device(const struct job *job)
{
	const char *device = job->options->device_list;

	return strcmp(job->mount.source, device) ? device : "";
}

/* Return: a request without options; NULL: no memory. */
static struct json_object *make_request(struct json_maker *maker, struct json_object **ret_words)
{
	struct json_object *request = json_object_new_object();

	json_put_number(maker, request, "version", CONTROL_VERSION);
	json_put_text(maker, request, "command", "set");
	*ret_words = json_put_array(maker, request, "options");
	return request;
}

/* @request: freed */
static int ask(const struct job *job, const struct json_maker *maker, struct json_object *request,
	       struct json_object **ret_answer)
{
	char path[CONTROL_PATH_BYTES];
	int err = maker->failed ? -ENOMEM : control_path_find(job->mount.device, path);

	if (!err)
		err = control_client_ask(path, request, PATIENCE_MS, ret_answer);
	json_object_put(request);
	if (err == -ENXIO)
		return explain_error(&job->to, err, "%s has no control socket for this user",
				     job->place);
	if (err)
		return explain_error(&job->to, err, "cannot ask the daemon of %s: %s", job->place,
				     strerror(-err));
	if (json_get(*ret_answer, "error"))
		err = explain_error(&job->to, -EINVAL, "%s", json_get_text(*ret_answer, "error"));
	return err;
}

/* The kernel has the flags: without anything else, the daemon need not know. */
static bool concerns_daemon(const struct job *job)
{
	const struct options *options = job->options;

	return options->changes || *options->words || *other_device(job);
}

static int change_daemon(struct job *job)
{
	struct json_object *words, *answer = NULL, *request;
	struct json_maker maker = { 0 };
	int err;

	request = make_request(&maker, &words);
	json_put_text(&maker, request, "device", other_device(job));
	put_words(&maker, words, job->options->words);
	put_words(&maker, words, job->options->changes);
	err = ask(job, &maker, request, &answer);
	if (!err)
		job->before = json_object_get(json_get(answer, "before"));
	json_object_put(answer);
	return err;
}

static void put_old_word(struct json_maker *maker, struct json_object *array, const char *name,
			 size_t length, const char *value)
{
	char word[256];

	snprintf(word, sizeof(word), "%.*s=%s", (int)length, name, value);
	json_append(maker, array, json_object_new_string(word));
}

/* The options that have changed, as they were. */
static void restore_daemon(const struct job *job)
{
	const char *line = job->options->changes ? job->options->changes : "";
	struct json_object *words, *answer = NULL, *request;
	struct json_maker maker = { 0 };

	request = make_request(&maker, &words);
	json_object_object_foreach(job->before, name, value)
	{
		size_t length = strlen(name);

		for (const char *at = line; *at; at += strcspn(at, "\n"), at += *at == '\n')
			if (!strncmp(at, name, length) && at[length] == '=')
				put_old_word(&maker, words, name, length,
					     json_object_get_string(value));
	}
	(void)ask(job, &maker, request, &answer);
	json_object_put(answer);
}

/* ---- flags ---- */

/* The kernel would ignore it without an error. */
static int check_dirsync(const struct job *job)
{
	if (!(job->options->mount_flags & MS_DIRSYNC) ||
	    mount_options_have(job->mount.fs_options, "dirsync"))
		return 0;
	return explain_error(&job->to, -EINVAL,
			     "option dirsync: a remount cannot set it; unmount and mount again");
}

static int change_flags(const struct job *job)
{
	int err;

	if (!mount(job->mount.source, job->place, job->mount.type,
		   MS_REMOUNT | job->options->mount_flags, NULL))
		return 0;
	err = -errno;
	return explain_error(&job->to, err, "cannot remount %s: %s%s", job->place, strerror(-err),
			     err == -EBUSY ? "; a file is open for writing" : "");
}

static int change(struct job *job)
{
	int err;

	if (!mount_entry_is_ours(&job->mount))
		return explain_error(&job->to, -EINVAL,
				     "the file system on %s is not a cxlfs volume", job->place);
	err = check_dirsync(job);
	if (!err && concerns_daemon(job))
		err = change_daemon(job);
	if (!err)
		err = change_flags(job);
	if (err && job->before)
		restore_daemon(job);
	json_object_put(job->before);
	return err;
}

int remount(const struct options *options, explain_fn explain, void *explain_arg)
{
	struct job job = { .options = options,
			   .to = { explain, explain_arg },
			   .place = realpath(options->mountpoint, NULL) };
	int err;

	if (!job.place)
		return explain_error(&job.to, -errno, "mountpoint %s: %s", options->mountpoint,
				     strerror(errno));
	err = mount_table_top(job.place, &job.mount);
	if (err) {
		(void)explain_error(&job.to, err, "%s: %s", job.place,
				    err == -EINVAL ? "nothing is mounted there" : strerror(-err));
	} else {
		mount_table_unescape(job.mount.source);
		err = change(&job);
		mount_entry_free(&job.mount);
	}
	free(job.place);
	return err;
}
