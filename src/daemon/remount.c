/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/remount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/explain.h"
#include "base/json.h"
#include "control/client.h"
#include "control/place.h"
#include "control/server.h"
#include "daemon/limits.h"
#include "daemon/mount_table.h"
#include "fuse/fs.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* How long the daemon may take to change an option. */
#define PATIENCE_MS 5000

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
};

/* @list: words, one a line */
static bool has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (!strncmp(at, word, length) && (at[length] == '\n' || !at[length]))
			return true;
	return false;
}

static int ask_options(const struct job *job, char ret_text[FS_OPTIONS_BYTES])
{
	int fd = open(job->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	if (!err && ioctl(fd, FS_IOC_OPTIONS, ret_text))
		err = -errno;
	if (fd >= 0)
		close(fd);
	ret_text[FS_OPTIONS_BYTES - 1] = '\0';
	return err;
}

/* mount(8) may pass the name from the mount table instead of the device. */
static int check_device(const struct job *job, const char *running)
{
	const char *device = job->options->device_list;
	char word[FS_OPTIONS_BYTES];

	snprintf(word, sizeof(word), OPTIONS_DEVICE "%s", device);
	if (!strcmp(job->mount.source, device) || has_word(running, word, strlen(word)))
		return 0;
	return explain_error(&job->to, -EINVAL,
			     "%s is mounted on %s; a remount cannot change it to %s",
			     job->mount.source, job->place, device);
}

/* Options that the daemon can change: control/set.c. */
static bool can_change(const char *word)
{
	return !strncmp(word, "debug=", 6) || !strncmp(word, "busy_poll=", 10);
}

static struct json_object *make_request(const char *word, size_t length)
{
	struct json_object *request = json_object_new_object();
	size_t name = strcspn(word, "=");
	struct json_maker maker = { 0 };

	json_put_number(&maker, request, "version", CONTROL_VERSION);
	json_put_text(&maker, request, "command", "set");
	json_put(&maker, request, "option", json_object_new_string_len(word, (int)name));
	json_put(&maker, request, "value",
		 json_object_new_string_len(word + name + 1, (int)(length - name - 1)));
	if (!maker.failed)
		return request;
	json_object_put(request);
	return NULL;
}

/* Asks the daemon to change one option. */
static int change_word(const struct job *job, const char *word, size_t length)
{
	struct json_object *request = make_request(word, length), *answer = NULL;
	char path[CONTROL_PATH_BYTES];
	int err = request ? control_place_find(job->mount.device, path) : -ENOMEM;

	if (!err)
		err = control_client_ask(path, request, PATIENCE_MS, &answer);
	json_object_put(request);
	if (err)
		return explain_error(&job->to, err, "option %.*s: cannot ask the daemon of %s: %s",
				     (int)length, word, job->place, strerror(-err));
	if (json_get(answer, "error"))
		err = explain_error(&job->to, -EINVAL, "%s", json_get_text(answer, "error"));
	json_object_put(answer);
	return err;
}

static int change_words(const struct job *job)
{
	const char *word = job->options->words ? job->options->words : "";
	int err = 0;

	while (*word && !err) {
		size_t length = strcspn(word, "\n");

		if (can_change(word))
			err = change_word(job, word, length);
		word += length;
		word += *word == '\n';
	}
	return err;
}

static int check_words(const struct job *job, const char *running)
{
	const char *word = job->options->words;

	while (*word) {
		size_t length = strcspn(word, "\n");

		if (!can_change(word) && !has_word(running, word, length))
			return explain_error(&job->to, -EINVAL,
					     "option %.*s: %s was mounted without it; unmount and "
					     "mount it again",
					     (int)length, word, job->place);
		word += length;
		word += *word == '\n';
	}
	return 0;
}

/* The kernel would ignore it without an error. */
static int check_dirsync(const struct job *job)
{
	if (!(job->options->mount_flags & MS_DIRSYNC) ||
	    mount_options_have(job->mount.fs_options, "dirsync"))
		return 0;
	return explain_error(&job->to, -EINVAL,
			     "option dirsync: a remount cannot set it; unmount and mount again");
}

static int check(const struct job *job)
{
	char running[FS_OPTIONS_BYTES] = "";
	int err;

	if (!mount_entry_is_ours(&job->mount))
		return explain_error(&job->to, -EINVAL,
				     "the file system on %s is not a cxlfs volume", job->place);
	err = ask_options(job, running);
	if (err)
		return explain_error(&job->to, err,
				     "cannot read the options of the volume on %s: %s", job->place,
				     strerror(-err));
	err = check_device(job, running);
	if (!err)
		err = check_words(job, running);
	return err ? err : check_dirsync(job);
}

static int change(const struct job *job)
{
	struct fs_limits old;
	int err = limits_change(&job->to, job->place, &job->options->limits, &old);

	if (err)
		return err;
	err = change_words(job);
	if (err)
		limits_restore(job->place, &old);

	if (err)
		return err;
	if (!mount(job->mount.source, job->place, job->mount.type,
		   MS_REMOUNT | job->options->mount_flags, NULL))
		return 0;
	err = -errno;
	limits_restore(job->place, &old);
	return explain_error(&job->to, err, "cannot remount %s: %s%s", job->place, strerror(-err),
			     err == -EBUSY ? "; a file is open for writing" : "");
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
		err = check(&job);
		if (!err)
			err = change(&job);
		mount_entry_free(&job.mount);
	}
	free(job.place);
	return err;
}
