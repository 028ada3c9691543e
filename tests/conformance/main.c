/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conformance - what a superpipe adapter answers to everything, a line for each step.
 *
 *     conformance [-w WWID] [-c PREFIX] DEVICE [DEVICE2]
 *
 * DEVICE and DEVICE2 are two LUNs of one adapter, `emul:` names or nodes of the real driver, in
 * superpipe mode and not in use. The output of two runs on adapters of the same configuration is
 * to be compared with diff. Blocks that are written are put back; contexts and handles are given
 * back. The MANAGE_LUN cases run only when the WWID of DEVICE is given (32 hexadecimal digits),
 * since without it the LUN could not be put into superpipe mode again.
 *
 * Exit status: 0 all cases ran; 1 something could not be put right again; 2 it could not start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/step.h"
#include "support/dk.h"

static const struct test_case *const subjects[] = {
	attach_cases, handle_cases, table_cases, clone_cases, lun_cases, fd2_cases, command_cases,
};

static void explain(void *arg, const char *text)
{
	fprintf(stderr, "conformance: %s: %s\n", (const char *)arg, text);
}

int open_devices(struct runner *runner)
{
	for (unsigned i = 0; i < runner->nr_devices; i++) {
		struct device *device = &runner->device[i];
		const struct devport_ops *ops = devport_find(device->name);
		int rc = ops->open(device->name, explain, (void *)(uintptr_t)device->name,
				   &device->dp);

		if (!rc)
			continue;
		while (i--)
			runner->device[i].dp->ops->close(runner->device[i].dp);
		return rc;
	}
	return 0;
}

void close_devices(struct runner *runner)
{
	for (unsigned i = 0; i < runner->nr_devices; i++)
		runner->device[i].dp->ops->close(runner->device[i].dp);
}

static bool parse_wwid(const char *text, uint8_t wwid[DK_WWID_LEN])
{
	unsigned byte;

	if (strlen(text) != 2 * DK_WWID_LEN ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * DK_WWID_LEN)
		return false;
	for (unsigned i = 0; i < DK_WWID_LEN; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		wwid[i] = (uint8_t)byte;
	}
	return true;
}

/** A LUN that somebody uses would answer differently, and its user suffer. */
static bool is_unused(const struct device *device)
{
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct dk_uvirtual uvirtual;
	bool unused;

	if (dk_attach(device->dp, O_RDWR, &attach)) {
		fprintf(stderr, "conformance: %s: cannot attach\n", device->name);
		return false;
	}
	unused = !dk_user_direct(device->dp, attach.context_id, &udirect) &&
		 dk_user_virtual(device->dp, attach.context_id, 0, 0, &uvirtual) == -EINVAL &&
		 !dk_release(device->dp, attach.context_id, udirect.rsrc_handle) &&
		 !dk_user_virtual(device->dp, attach.context_id, 0, 0, &uvirtual);
	(void)dk_detach(device->dp, attach.context_id);
	if (attach.hdr.return_flags & DK_RF_APP_CLOSE_ADAP_FD)
		(void)dk_close_adap_fd(device->dp, attach.adap_fd);
	if (!unused)
		fprintf(stderr, "conformance: %s is in use\n", device->name);
	return unused;
}

static int run_all(struct runner *runner, const char *prefix)
{
	int status = 0;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		for (const struct test_case *c = subjects[i]; c->name; c++)
			if (!strncmp(c->name, prefix, strlen(prefix)) && !run_case(runner, c))
				status = 1;
	return status;
}

static int usage(void)
{
	fprintf(stderr, "usage: conformance [-w WWID] [-c PREFIX] DEVICE [DEVICE2]\n");
	return 2;
}

int main(int argc, char *argv[])
{
	struct runner runner = { 0 };
	const char *prefix = "";
	int status, opt;

	while ((opt = getopt(argc, argv, "w:c:")) != -1) {
		if (opt == 'c')
			prefix = optarg;
		else if (opt != 'w' || !parse_wwid(optarg, runner.wwid))
			return usage();
		else
			runner.has_wwid = true;
	}
	runner.nr_devices = (unsigned)(argc - optind);
	if (runner.nr_devices < 1 || runner.nr_devices > 2)
		return usage();
	for (unsigned i = 0; i < runner.nr_devices; i++)
		runner.device[i].name = argv[optind + (int)i];
	if (open_devices(&runner))
		return 2;
	status = 2;
	if (is_unused(&runner.device[0]) && (runner.nr_devices < 2 || is_unused(&runner.device[1])))
		status = run_all(&runner, prefix);
	close_devices(&runner);
	return status;
}
