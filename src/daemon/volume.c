/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/volume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/crash.h"
#include "daemon/load.h"
#include "daemon/mountpoint.h"
#include "daemon/program.h"
#include "daemon/sandbox.h"
#include "daemon/standby.h"
#include "daemon/volume_internal.h"

#define URING_SWITCH "/sys/module/fuse/parameters/enable_uring"

int volume_fail(struct volume *volume, int err, const char *what)
{
	return explain_error(&volume->explainer, err, "%s: %s", what, strerror(-err));
}

/* The layers below keep this function for as long as they live. */
static void explain_current(void *arg, const char *text)
{
	const struct volume *volume = arg;

	if (volume->explainer.explain)
		volume->explainer.explain(volume->explainer.arg, text);
}

int volume_open(const struct options *options, const struct program *program, explain_fn explain,
		void *explain_arg, struct volume **ret_volume)
{
	struct volume *volume = calloc(1, sizeof(*volume));
	const struct superpipe_options sp_options = {
		.queue_depth = options->queue_depth,
		.physical = options->physical,
		.notify = volume_adapter_event,
		.notify_arg = volume,
		.send_context = options->survive == SURVIVE_CRASH ? volume_send_context : NULL,
		.send_context_arg = volume,
	};
	int err = 0;

	if (!volume) {
		explain(explain_arg, "out of memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&volume->event_lock, NULL);
	pthread_mutex_init(&volume->handover_lock, NULL);
	pthread_mutex_init(&volume->state_lock, NULL);
	volume->options = options;
	volume->program = program;
	volume->explainer = (struct explainer){ explain, explain_arg };
	volume->taking_over = program->predecessor >= 0;
	if (!volume->taking_over)
		err = mountpoint_prepare(options->mountpoint, explain, explain_arg,
					 &volume->mountpoint);
	if (!err)
		err = superpipe_open((const char *const *)options->devices, options->nr_devices,
				     &sp_options, explain_current, volume, &volume->superpipe);
	if (err) {
		volume_close(volume);
		return err;
	}
	*ret_volume = volume;
	return 0;
}

/* Checked before anything starts, so that an unsupported option fails early. */
static bool kernel_has_io_uring(void)
{
	FILE *file = fopen(URING_SWITCH, "re");
	int answer = file ? fgetc(file) : EOF;

	if (file)
		fclose(file);
	return FS_HAVE_IO_URING && answer == 'Y';
}

static int choose_transport(struct volume *volume, bool *ret_io_uring)
{
	bool there = kernel_has_io_uring();

	if (volume->options->io_uring == IO_URING_YES && !there)
		return explain_error(
			&volume->explainer, -EOPNOTSUPP,
			"option io_uring: this kernel does not offer FUSE over io_uring "
			"(it needs Linux 6.14 and 'echo Y >" URING_SWITCH "')");
	*ret_io_uring = there && volume->options->io_uring != IO_URING_NO;
	return 0;
}

/* Needs a libfuse that was built with custom I/O. */
static int use_io_uring(struct volume *volume)
{
	int err = fs_use_uring(volume->fs);

	if (err && volume->options->io_uring == IO_URING_YES)
		return volume_fail(volume, err,
				   "option io_uring: this libfuse does not support it");
	if (err)
		log_notice("FUSE over io_uring is not used: this libfuse does not support it: %s",
			   strerror(-err));
	return 0;
}

static int start_helper(struct volume *volume)
{
	const struct priv_helper_config config = {
		.mountpoint = volume->mountpoint,
		.session_args = &volume->options->session_args,
		.strictatime = volume->options->atime == TREE_ATIME_STRICT,
		.foreground = volume->options->foreground,
		.program = volume->program,
	};
	int err = priv_helper_start(&config, &volume->helper);

	return err ? volume_fail(volume, err, "cannot start a process") : 0;
}

int volume_enter_sandbox(struct volume *volume)
{
	int err = start_helper(volume);

	if (err)
		return err;
	control_socket_prepare(&volume->control);
	if (volume->options->sandbox)
		err = sandbox_enter(volume->superpipe, volume->control.directory);
	return err ? volume_fail(volume, err, "cannot limit the access to files") : 0;
}

/* The file must be opened before the sandbox is entered. */
static int attach(struct volume *volume, int *ret_load_fd)
{
	const char *load = volume->options->load;
	int err = choose_transport(volume, &volume->io_uring);

	if (!err && load)
		err = load_open(load, &volume->explainer, ret_load_fd);
	if (!err)
		err = volume_enter_sandbox(volume);
	if (!err)
		err = superpipe_attach(volume->superpipe);
	if (!err && volume->standby)
		err = superpipe_send_contexts(volume->superpipe);
	if (!err)
		err = volume_start_data(volume);
	if (!err && volume->standby)
		fs_start_journal(volume->fs, true);
	if (!err && load)
		err = load_run(volume->fs, *ret_load_fd, load, &volume->explainer);
	return err;
}

int volume_attach(struct volume *volume)
{
	int load_fd = -1;
	int err = attach(volume, &load_fd);

	if (load_fd >= 0)
		close(load_fd);
	return err;
}

void volume_follow_mount(struct volume *volume)
{
	enum tree_atime atime;

	if (mount_watch_atime(&volume->mount, &atime))
		fs_set_atime(volume->fs, atime);
}

int volume_set_connection(struct volume *volume, int fd)
{
	char name[32];

	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	if (!fuse_session_mount(volume->session, name))
		return 0;
	close(fd);
	return -EBADF;
}

/* The session serves the connection that the helper has made. */
static int mount_session(struct volume *volume)
{
	int fd, err = priv_helper_mount(volume->helper, &fd);

	if (err)
		return err;
	volume->mounted = true;
	return volume_set_connection(volume, fd);
}

int volume_new_session(struct volume *volume)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	const struct fuse_args *given = &volume->options->session_args;
	int err = 0;

	for (int i = 0; i < given->argc && !err; i++)
		err = fuse_opt_add_arg(&args, given->argv[i]);
	if (!err)
		volume->session = fuse_session_new(&args, fs_operations(), sizeof(*fs_operations()),
						   volume->fs);
	fuse_opt_free_args(&args);
	if (!volume->session)
		return volume_fail(volume, -EINVAL, "libfuse did not accept the mount options");
	fs_set_session(volume->fs, volume->session);
	return 0;
}

int volume_mount(struct volume *volume)
{
	int err = volume_new_session(volume);

	if (err)
		return err;
	err = mount_session(volume);
	if (err)
		return volume_fail(volume, err, "cannot mount");
	volume->started_ns = clock_now_ns();
	mount_watch_start(&volume->mount, volume->mountpoint);
	if (volume->io_uring && (err = use_io_uring(volume)))
		return err;
	err = volume_start_control(volume);
	if (err)
		control_socket_log_failure(volume->mountpoint, err);
	control_socket_publish(&volume->control);
	err = volume_listen_to_standby(volume);
	return err ? err : volume_send_state(volume);
}

int volume_serve(struct volume *volume, int (*started)(void *arg), void *arg)
{
	int err;

	/* With a predecessor, volume_takeover_finish() does it. */
	if (!volume->taking_over && volume->options->sandbox)
		sandbox_limit_calls();
	err = fs_serve(volume->fs, started, arg);

	/* The kernel reports an unmount and an aborted connection in the same way. */
	if (!err && !volume->stopped && !volume->handed_over && volume->mounted &&
	    mount_watch_remains(&volume->mount))
		err = -ECONNABORTED;
	return err;
}

static void stop_locked(struct volume *volume)
{
	/* If no file is open, the kernel then ends the session cleanly. */
	if (mount_watch_is_on_top(&volume->mount)) {
		int err = priv_helper_unmount(volume->helper);

		if (!err)
			return;
		/* An unprivileged user may not unmount; volume_close() detaches. */
		if (err == -EBUSY)
			log_notice("%s is in use: access to its open files fails from now on",
				   volume->mountpoint);
	}
	fs_quiesce(volume->fs);
	fs_end_serving(volume->fs, 0);
}

void volume_stop(struct volume *volume)
{
	volume->stopped = true;
	pthread_mutex_lock(&volume->handover_lock);
	if (!volume->taking_over && !volume->handed_over)
		stop_locked(volume);
	pthread_mutex_unlock(&volume->handover_lock);
}

/* The adapter reports events until it is closed, which is after fs is freed. */
static void stop_events(struct volume *volume)
{
	pthread_mutex_lock(&volume->event_lock);
	volume->mounted = false;
	pthread_mutex_unlock(&volume->event_lock);
}

/* The connection has been closed, so that the kernel does not wait for answers. */
static void unmount(struct volume *volume)
{
	int err = 0;

	if (mount_watch_is_on_top(&volume->mount))
		err = priv_helper_detach(volume->helper);
	if (err)
		log_err("cannot unmount %s: %s", volume->mountpoint, strerror(-err));
}

void volume_close(struct volume *volume)
{
	bool was_mounted;

	if (!volume)
		return;
	standby_end(volume->standby);
	control_socket_close(&volume->control);
	was_mounted = volume->mounted;
	if (volume->fs)
		fs_end_session(volume->fs);
	stop_events(volume);
	if (volume->session)
		fuse_session_destroy(volume->session);
	if (was_mounted)
		unmount(volume);
	crash_set_account(NULL);
	fs_free(volume->fs);
	data_volume_free(volume->data);
	superpipe_close(volume->superpipe);
	standby_free(volume->standby);
	priv_helper_stop(volume->helper);
	pthread_mutex_destroy(&volume->state_lock);
	pthread_mutex_destroy(&volume->handover_lock);
	pthread_mutex_destroy(&volume->event_lock);
	free(volume->mountpoint);
	free(volume);
}

const char *volume_mountpoint(const struct volume *volume)
{
	return volume->mountpoint;
}
