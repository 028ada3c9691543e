/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfs(8): mount a volume and serve it. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/std_fds.h"
#include "daemon/background.h"
#include "daemon/options.h"
#include "daemon/remount.h"
#include "daemon/signals.h"
#include "daemon/volume.h"

/* @arg: bool, set when a message was printed */
static void explain(void *arg, const char *text)
{
	bool *said = arg;

	fprintf(stderr, "cxlfs: %s\n", text);
	*said = true;
}

static void fuse_log_to_ours(enum fuse_log_level level, const char *format, va_list ap)
{
	log_vmessage((enum log_level)(level < FUSE_LOG_ERR ? FUSE_LOG_ERR : level), format, ap);
}

static void start_logging(const struct options *options)
{
	const struct log_config config = {
		.target = options->foreground ? LOG_TARGET_STDERR : LOG_TARGET_SYSLOG,
		.level = options->fuse_debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		.debug_categories = options->debug_categories,
		.ident = "cxlfs",
	};

	log_open(&config);
	fuse_set_log_func(fuse_log_to_ours);
}

static int serve(struct volume *volume)
{
	struct signals *signals = NULL;
	int err = signals_start(volume, &signals);

	if (!err)
		err = volume_serve(volume);
	(void)sd_notify(0, "STOPPING=1");
	signals_stop(signals);
	if (err)
		log_err("%s: serving ended: %s", volume_mountpoint(volume), strerror(-err));
	return err;
}

static int run(const struct options *options, struct volume *volume, bool *ret_said)
{
	int report_fd = -1;
	int err = 0;

	if (!options->foreground)
		err = background_fork(&report_fd);
	if (err) {
		explain(ret_said, "cannot start in the background");
		return err;
	}
	err = volume_attach(volume);
	if (err)
		return err;
	/* Nothing was mounted until now, so a signal could end the process at once. */
	signals_block();
	err = volume_mount(volume);
	if (err)
		return err;
	if (!options->foreground) {
		(void)!chdir("/");
		err = background_ready(report_fd);
	}
	*ret_said = true; /* from here on errors go to the log */
	if (err) {
		log_notice("startup was interrupted: unmounting %s", volume_mountpoint(volume));
		return err;
	}
	(void)sd_notify(0, "READY=1");
	return serve(volume);
}

/* glibc gives each thread a heap, and all but the first grow by a page at a time, with a system
 * call each. cxlfs allocates too seldom to need more than one. */
static void use_one_heap(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
}

int main(int argc, char **argv)
{
	struct options options;
	struct volume *volume = NULL;
	enum options_result result;
	bool said = false;
	int err = 0;

	if (std_fds_fill())
		return EXIT_FAILURE;
	result = options_parse(argc, argv, &options);
	if (result == OPTIONS_RUN && options.remount) {
		err = remount(&options, explain, NULL);
	} else if (result == OPTIONS_RUN) {
		use_one_heap();
		start_logging(&options);
		signals_prepare(options.foreground);
		err = volume_open(&options, explain, &said, &volume);
		if (!err)
			err = run(&options, volume, &said);
		if (err && !said)
			explain(&said, strerror(-err));
		volume_close(volume);
	}
	options_free(&options);
	return result == OPTIONS_WRONG || err ? EXIT_FAILURE : EXIT_SUCCESS;
}
