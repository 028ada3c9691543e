/* SPDX-License-Identifier: Apache-2.0 */
/*
 * first_access - reads a register for the first time while an ioctl uses the context.
 *
 *     first_access DEVICE
 *
 * One thread resizes a vLUN, and its AFU SYNC is lost: the driver sleeps with the context's lock.
 * Another thread reads a register through a new mapping; its page fault needs that lock. Exit
 * status 0 if both return.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "devport/devport.h"
#include "support/dk.h"

#define SIM "/sys/kernel/debug/cxlflash_sim/"

struct resizing {
	struct devport *dp;
	uint64_t context_id, handle;
	int rc;
};

static void must(int rc, const char *what)
{
	if (!rc)
		return;
	fprintf(stderr, "first_access: %s: %s\n", what, strerror(-rc));
	exit(1);
}

static void explain(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "first_access: %s\n", text);
}

static void lose_next_sync(void)
{
	FILE *ctl = fopen(SIM "ctl", "w");

	if (!ctl || fputs("dropsync 1", ctl) < 0 || fclose(ctl))
		must(-errno, SIM "ctl");
}

static int sync_is_lost(void)
{
	FILE *state = fopen(SIM "state", "r");
	char line[512];
	int lost = 0;

	if (!state)
		must(-errno, SIM "state");
	while (fgets(line, sizeof(line), state))
		lost |= strstr(line, "drop_sync 0") != NULL;
	fclose(state);
	return lost;
}

static void *resize(void *arg)
{
	struct resizing *mine = arg;
	struct dk_resize answer;

	mine->rc = dk_resize(mine->dp, mine->context_id, mine->handle, 1, &answer);
	return NULL;
}

/* Reads the register after the resize has entered the driver. */
static uint64_t read_meanwhile(struct resizing *resizing, struct devport_mmio *mmio)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	pthread_t resizer;
	uint64_t status;

	lose_next_sync();
	must(-pthread_create(&resizer, NULL, resize, resizing), "thread");
	while (!sync_is_lost())
		nanosleep(&moment, NULL);
	status = resizing->dp->ops->read64(mmio, SISL_INTR_STATUS);
	must(-pthread_join(resizer, NULL), "join");
	return status;
}

int main(int argc, char *argv[])
{
	const struct devport_ops *ops = &devport_kernel_ops;
	struct resizing resizing = { .rc = 0 };
	struct devport_mmio *mmio;
	struct dk_uvirtual uvirtual;
	struct dk_attach attach;
	uint64_t status;

	if (argc != 2)
		return 2;
	must(ops->open(argv[1], explain, NULL, &resizing.dp), argv[1]);
	must(dk_attach(resizing.dp, O_RDWR, &attach), "attach");
	must(ops->map(resizing.dp, (int)attach.adap_fd, attach.mmio_size, &mmio), "map");
	must(dk_user_virtual(resizing.dp, attach.context_id, 0, 0, &uvirtual), "open a vLUN");
	resizing.context_id = attach.context_id;
	resizing.handle = uvirtual.rsrc_handle;
	status = read_meanwhile(&resizing, mmio);
	must(resizing.rc, "resize");
	must(status ? -EIO : 0, "the register that was read");
	must(dk_detach(resizing.dp, attach.context_id), "detach");
	ops->unmap(mmio);
	must(ops->close_adap_fd(resizing.dp, (int)attach.adap_fd), "close fd2");
	ops->close(resizing.dp);
	return 0;
}
