/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover - tests the clone interface of superpipe/ on the real driver or the emulator.
 *
 *     takeover DEVICE fork|exec|drop
 *
 * A parent writes a vLUN. Its child, after fork or after fork and exec, takes over the vLUN, reads
 * the data and writes more. The parent reads that, grows its vLUN, which does not affect the child,
 * and ends. The child still reads all data. drop: the child drops the vLUN at once.
 * Exit status 0 if all steps succeed.
 */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "superpipe/clone.h"
#include "superpipe/superpipe.h"

#define NR_LBAS 64
#define PARENTS 0x5a
#define CHILDS  0xc3

struct volume {
	struct superpipe *sp;
	struct superpipe_vlun *vlun;
};

/* Passed to an exec'd child as hexadecimal bytes in an argument. */
struct message {
	struct superpipe_clone_source context;
	struct superpipe_vlun_source vlun;
	int to_parent, from_parent;
};

static void __attribute__((noreturn)) die(const char *what, int err)
{
	fprintf(stderr, "takeover %d: %s: %s\n", (int)getpid(), what,
		strerror(err < 0 ? -err : err));
	exit(1);
}

static void must(int err, const char *what)
{
	if (err)
		die(what, err);
}

static void explain(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "takeover %d: %s\n", (int)getpid(), text);
}

/* ---- data ---- */

struct waited_io {
	struct superpipe_io io; /* first */
	sem_t done;
};

static void io_done(struct superpipe_io *io)
{
	sem_post(&((struct waited_io *)io)->done);
}

static void transfer(struct volume *v, uint64_t lba, bool write, void *buf)
{
	struct waited_io waited = { .io = { .vlun = v->vlun,
					    .lba = lba,
					    .nr_lbas = NR_LBAS,
					    .write = write,
					    .buf = buf,
					    .done = io_done } };

	sem_init(&waited.done, 0, 0);
	superpipe_submit(v->sp, &waited.io);
	while (sem_wait(&waited.done))
		;
	sem_destroy(&waited.done);
	must(waited.io.status, write ? "write" : "read");
}

static void *buffer(void)
{
	void *buf = aligned_alloc(SUPERPIPE_LBA_BYTES, NR_LBAS * SUPERPIPE_LBA_BYTES);

	if (!buf)
		die("memory", ENOMEM);
	return buf;
}

static void write_pattern(struct volume *v, uint64_t lba, int pattern)
{
	void *buf = buffer();

	memset(buf, pattern, NR_LBAS * SUPERPIPE_LBA_BYTES);
	transfer(v, lba, true, buf);
	free(buf);
}

static void check_pattern(struct volume *v, uint64_t lba, int pattern, const char *what)
{
	unsigned char *buf = buffer();

	memset(buf, ~pattern, NR_LBAS * SUPERPIPE_LBA_BYTES);
	transfer(v, lba, false, buf);
	for (size_t i = 0; i < NR_LBAS * SUPERPIPE_LBA_BYTES; i++)
		if (buf[i] != pattern)
			die(what, EIO);
	free(buf);
}

/* ---- messages between parent and child ---- */

static void tell(int fd)
{
	if (write(fd, "", 1) != 1)
		die("tell", errno);
}

static void await(int fd, const char *what)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		die(what, EPIPE);
}

/* ---- the child ---- */

static int child(struct volume *v, int to_parent, int from_parent)
{
	uint64_t granted;

	check_pattern(v, 0, PARENTS, "the child does not find the parent's data");
	write_pattern(v, NR_LBAS, CHILDS);
	tell(to_parent);
	await(from_parent, "the parent has not gone well");
	/* The parent has closed its side, and may have ended. */
	check_pattern(v, 0, PARENTS, "the parent's data went with it");
	check_pattern(v, NR_LBAS, CHILDS, "the child's data went with the parent");
	must(superpipe_vlun_resize(v->vlun, 2, &granted), "growing the child's side");
	if (granted != 2)
		die("growing the child's side", ENOSPC);
	write_pattern(v, superpipe_lun_info(v->sp, 0)->chunk_lbas, CHILDS);
	must(superpipe_vlun_close(v->vlun), "closing the child's vLUN");
	superpipe_close(v->sp);
	return 0;
}

static int exec_child(const char *device, const char *text)
{
	struct message message;
	struct volume v;
	unsigned byte;

	for (size_t i = 0; i < sizeof(message); i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			die("message", EINVAL);
		((unsigned char *)&message)[i] = (unsigned char)byte;
	}
	must(superpipe_open(&device, 1, &(struct superpipe_options){ 0 }, explain, NULL, &v.sp),
	     "open in the child");
	must(superpipe_attach_clone(v.sp, &message.context), "attach and clone");
	must(superpipe_vlun_import(v.sp, &message.vlun, &v.vlun), "adopt");
	return child(&v, message.to_parent, message.from_parent);
}

static void __attribute__((noreturn))
become(const char *self, const char *device, const struct message *message)
{
	char text[2 * sizeof(*message) + 1];

	for (size_t i = 0; i < sizeof(*message); i++)
		sprintf(text + 2 * i, "%02x", ((const unsigned char *)message)[i]);
	execl(self, self, device, "child", text, (char *)NULL);
	die("exec", errno);
}

/* ---- the parent ---- */

static void open_volume(const char *device, struct volume *v)
{
	uint64_t granted;

	must(superpipe_open(&device, 1, &(struct superpipe_options){ 0 }, explain, NULL, &v->sp),
	     "open");
	must(superpipe_attach(v->sp), "attach");
	must(superpipe_vlun_open(v->sp, 0, &v->vlun), "vLUN");
	must(superpipe_vlun_resize(v->vlun, 1, &granted), "resize");
	write_pattern(v, 0, PARENTS);
}

static void close_volume(struct volume *v)
{
	must(superpipe_vlun_close(v->vlun), "closing the parent's vLUN");
	superpipe_close(v->sp);
}

static pid_t start_child(struct volume *v, const char *self, const char *device, bool exec,
			 const int up[2], const int down[2])
{
	struct message message = { .to_parent = up[1], .from_parent = down[0] };
	pid_t pid;

	memset(&message.context, 0, sizeof(message.context));
	must(superpipe_clone_export(v->sp, &message.context), "export");
	superpipe_vlun_export(v->vlun, &message.vlun);
	pid = fork();
	if (pid < 0)
		die("fork", errno);
	if (pid)
		return pid;
	close(up[0]);
	close(down[1]);
	if (exec)
		become(self, device, &message);
	must(superpipe_takeover(v->sp), "takeover");
	exit(child(v, up[1], down[0]));
}

static void parent(const char *self, const char *device, bool exec)
{
	int up[2], down[2], status;
	struct volume v;
	uint64_t granted;
	pid_t pid;

	if (pipe(up) || pipe(down))
		die("pipe", errno);
	open_volume(device, &v);
	pid = start_child(&v, self, device, exec, up, down);
	close(up[1]);
	close(down[0]);
	await(up[0], "the child has not taken over");
	check_pattern(&v, NR_LBAS, CHILDS, "the parent does not see the child's data");
	must(superpipe_vlun_resize(v.vlun, 3, &granted), "growing the parent's side");
	close_volume(&v);
	tell(down[1]);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the child", ECHILD);
}

static void drop(const char *device)
{
	struct volume v;
	int status;
	pid_t pid;

	open_volume(device, &v);
	pid = fork();
	if (!pid) {
		superpipe_drop_after_fork(v.sp);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("the child", ECHILD);
	check_pattern(&v, 0, PARENTS, "the child took the data with it");
	close_volume(&v);
}

int main(int argc, char *argv[])
{
	if (argc == 4 && !strcmp(argv[2], "child"))
		return exec_child(argv[1], argv[3]);
	if (argc == 3 && (!strcmp(argv[2], "fork") || !strcmp(argv[2], "exec")))
		parent(argv[0], argv[1], argv[2][0] == 'e');
	else if (argc == 3 && !strcmp(argv[2], "drop"))
		drop(argv[1]);
	else
		return 2;
	return 0;
}
