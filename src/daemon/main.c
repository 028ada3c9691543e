/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfs(8): mount a volume and serve it. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/core_dump.h"
#include "base/log.h"
#include "base/std_fds.h"
#include "daemon/background.h"
#include "daemon/crash.h"
#include "daemon/options.h"
#include "daemon/program.h"
#include "daemon/remount.h"
#include "daemon/service.h"
#include "daemon/signals.h"
#include "daemon/standby.h"
#include "daemon/takeover.h"
#include "daemon/volume.h"
#include "daemon/watchdog.h"

/* This process, and who waits for it to start: a shell, or the daemon whose volume it takes over.
 */
struct start {
	struct options options;
	struct program program;
	struct takeover takeover;
	struct standby *standby; /* NULL: none */
	int report_fd;           /* of background_fork(); -1: in the foreground, or not yet */
	struct volume *volume;
	bool message_printed; /* later messages go to the log */
};

static void explain(void *arg, const char *text)
{
	struct start *start = arg;

	if (start->takeover.socket >= 0)
		takeover_explain(&start->takeover, text);
	else
		fprintf(stderr, "cxlfs: %s\n", text);
	start->message_printed = true;
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

static int serve(struct start *start, int (*started)(void *arg), void *arg)
{
	struct volume *volume = start->volume;
	struct signals *signals = NULL;
	int err = signals_start(volume, &signals);

	if (!err)
		err = volume_serve(volume, started, arg);
	if (!volume_is_handed_over(volume))
		(void)sd_notify(0, "STOPPING=1");
	signals_stop(signals);
	if (volume_is_handed_over(volume))
		volume_end_process(volume);
	if (err)
		log_err("%s: serving ended: %s", volume_mountpoint(volume), strerror(-err));
	return err;
}

static int take_over(struct start *start)
{
	int err;

	start->takeover.volume = start->volume;
	start->takeover.foreground = start->options.foreground;
	err = takeover_begin(&start->takeover);
	if (err)
		return err;
	signals_block();
	return serve(start, takeover_finish, &start->takeover);
}

static int go_to_background(struct start *start)
{
	int err = 0;

	if (!start->options.foreground)
		err = background_fork(&start->report_fd);
	if (err)
		explain(start, "cannot start in the background");
	return err;
}

/* The standby is the process that was started, or that it leaves in the background. */
static int start_standby(struct start *start)
{
	const struct explainer to = { explain, start };
	int err = standby_is_possible(&start->options, &to);

	if (!err)
		err = go_to_background(start);
	if (!err && start->options.foreground)
		err = service_fork();
	if (err)
		return err;
	err = standby_fork(&start->options, &start->program, start->report_fd, &start->standby);
	if (start->report_fd >= 0)
		close(start->report_fd);
	start->report_fd = -1;
	return err ? explain_error(&to, err, "cannot start the standby: %s", strerror(-err)) : 0;
}

/* A standby reports itself, because from then on the death of this process ends nothing. */
static int report_mount(const struct start *start)
{
	int err = 0;

	if (start->standby && !start->options.foreground)
		background_detach();
	if (start->standby)
		return 0;
	if (start->report_fd >= 0)
		err = background_ready(start->report_fd);
	if (!err)
		(void)sd_notify(0, "READY=1");
	return err;
}

static int mount_and_serve(struct start *start)
{
	struct volume *volume = start->volume;
	int err = start->standby ? 0 : go_to_background(start);

	if (!err)
		err = volume_attach(volume);
	if (err)
		return err;
	/* Nothing was mounted until now, so a signal could end the process at once. */
	signals_block();
	err = volume_mount(volume);
	if (err)
		return err;
	err = report_mount(start);
	start->message_printed = true;
	if (err) {
		log_notice("startup was interrupted: unmounting %s", volume_mountpoint(volume));
		return err;
	}
	return serve(start, NULL, NULL);
}

/* glibc gives each thread a heap, and all but the first grow by a page at a time, with a system
 * call each. cxlfs allocates too seldom to need more than one. */
static void use_one_heap(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
}

static int run(struct start *start)
{
	bool takes_over = start->takeover.socket >= 0;
	int err = 0;

	use_one_heap();
	if (takes_over)
		(void)prctl(PR_SET_NAME, "cxlfs"); /* "exe" otherwise, see program.c */
	if (start->options.dump_contents)
		core_dump_allow_contents();
	start_logging(&start->options);
	signals_prepare(start->options.foreground);
	crash_prepare();
	if (start->options.survive == SURVIVE_CRASH && !takes_over)
		err = start_standby(start);
	if (!err)
		err = volume_open(&start->options, &start->program, explain, start, &start->volume);
	if (!err)
		volume_set_standby(start->volume, start->standby);
	if (!err)
		err = takes_over ? take_over(start) : mount_and_serve(start);
	if (err && !start->message_printed)
		explain(start, strerror(-err));
	volume_close(start->volume);
	return err;
}

static int run_options(struct start *start, int argc, char **argv)
{
	const struct explainer to = { explain, start };
	enum options_result result = options_parse(argc, argv, &to, &start->options);
	int err = result == OPTIONS_WRONG ? -EINVAL : 0;

	if (result == OPTIONS_RUN && start->options.remount)
		err = remount(&start->options, explain, start);
	else if (result == OPTIONS_RUN)
		err = run(start);
	options_free(&start->options);
	return err;
}

int main(int argc, char **argv)
{
	struct start start = { .report_fd = -1 };
	int err;

	if (std_fds_fill())
		return EXIT_FAILURE;
	watchdog_claim();
	err = program_note(&argc, argv, &start.program);
	start.takeover.socket = start.program.predecessor;
	if (err)
		explain(&start, strerror(-err));
	else
		err = run_options(&start, argc, argv);
	program_free(&start.program);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
