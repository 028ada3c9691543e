/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxlfsadm save: the daemon writes the volume into a pipe, and this program copies it to the file.
 *
 * So the daemon needs no permission to write files, and it stops if this program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adm/adm.h"
#include "adm/save_file.h"
#include "adm/volume.h"
#include "base/clock.h"

#define PART_BYTES  (1u << 20)
#define PROGRESS_MS 500

struct save {
	const char *mountpoint, *name;
	bool freeze;
	struct save_file file;
	uint64_t nr_bytes;
	uint64_t started_ms, next_progress_ms; /* clock_now_ms() */
};

static volatile sig_atomic_t interrupted;

static void note_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* Without SA_RESTART, so that read(2) and write(2) return. */
static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaction(signals[i], &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* ---- progress ---- */

static void show_progress(struct save *save, bool last)
{
	uint64_t now_ms = clock_now_ms(), ms = now_ms - save->started_ms;
	char bytes[32], rate[32];

	if (!isatty(STDERR_FILENO) || (!last && now_ms < save->next_progress_ms))
		return;
	save->next_progress_ms = now_ms + PROGRESS_MS;
	volume_format_bytes(save->nr_bytes, bytes, sizeof(bytes));
	volume_format_bytes(save->nr_bytes * 1000 / (ms ? ms : 1), rate, sizeof(rate));
	fprintf(stderr, "\r%s saved, %s/s  %s", bytes, rate, last ? "\n" : "");
}

/* ---- the pipe ---- */

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes && !interrupted) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			bytes -= (size_t)n;
		}
	}
	return interrupted ? -EINTR : 0;
}

/* Return: 0 at the end of the pipe; -errno. */
static int copy(struct save *save, int pipe)
{
	static char part[PART_BYTES];
	ssize_t n = 1;
	int err = 0;

	while (!err && n) {
		n = read(pipe, part, sizeof(part));
		if (n < 0 && errno != EINTR)
			return -errno;
		err = interrupted ? -EINTR : 0;
		if (!err && n > 0)
			err = write_all(save->file.fd, part, (size_t)n);
		save->nr_bytes += n > 0 ? (size_t)n : 0;
		show_progress(save, false);
	}
	return err;
}

static int fail(const struct save *save, int err)
{
	if (err == -EINTR)
		adm_say("interrupted; nothing was saved");
	else
		adm_say("cannot write %s: %s", save->name, strerror(-err));
	return ADM_FAILED;
}

static struct json_object *make_request(const struct save *save)
{
	struct json_object *request = volume_request("save");
	struct json_maker maker = { 0 };

	json_put_bool(&maker, request, "freeze", save->freeze);
	return request;
}

/* Return: an exit status. The file is complete then, but not yet under its name. */
static int receive(struct save *save)
{
	struct json_object *answer;
	int pipe[2], connection, err;

	if (pipe2(pipe, O_CLOEXEC))
		return fail(save, -errno);
	(void)fcntl(pipe[0], F_SETPIPE_SZ, PART_BYTES);
	connection = volume_start(save->mountpoint, make_request(save), pipe[1]);
	close(pipe[1]);
	err = connection < 0 ? 0 : copy(save, pipe[0]);
	close(pipe[0]);
	if (connection < 0)
		return ADM_FAILED;
	if (err) {
		close(connection);
		return fail(save, err);
	}
	answer = volume_finish(save->mountpoint, connection);
	json_object_put(answer);
	return answer ? ADM_OK : ADM_FAILED;
}

/* ---- the command ---- */

/* What programs have written may still be in the kernel's cache. */
static int sync_volume(const char *mountpoint)
{
	int fd = open(mountpoint, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 || syncfs(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	if (err)
		adm_say("%s: %s", mountpoint, strerror(-err));
	return err;
}

/* Writing there could wait for what is held back until the end. */
static bool is_on_volume(const struct save *save)
{
	struct stat file, volume;

	return !fstat(save->file.fd, &file) && !stat(save->mountpoint, &volume) &&
	       file.st_dev == volume.st_dev && S_ISREG(file.st_mode);
}

static int save_to_file(struct save *save)
{
	int status = ADM_FAILED, err;

	if (is_on_volume(save))
		adm_say("%s lies on the volume that is to be saved", save->name);
	else
		status = receive(save);
	if (status == ADM_OK) {
		show_progress(save, true);
		err = save_file_commit(&save->file);
		status = err ? fail(save, err) : ADM_OK;
	}
	save_file_abort(&save->file);
	return status;
}

int adm_save(int argc, char *argv[], FILE *out)
{
	struct save save = { .started_ms = clock_now_ms() };
	int err;

	(void)out;
	if (argc > 0 && !strcmp(argv[0], "--freeze")) {
		save.freeze = true;
		argc--, argv++;
	}
	if (argc != 2)
		return ADM_USAGE;
	save.mountpoint = argv[0];
	save.name = argv[1];
	if (!strcmp(save.name, "-") && isatty(STDOUT_FILENO)) {
		adm_say("a saved volume is not text: redirect the standard output");
		return ADM_FAILED;
	}
	catch_signals();
	if (sync_volume(save.mountpoint))
		return ADM_FAILED;
	err = save_file_open(&save.file, save.name);
	return err ? fail(&save, err) : save_to_file(&save);
}
