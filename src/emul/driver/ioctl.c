/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of every ioctl: check the state, copy in, check the header, inject faults, execute, copy
 * back.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "emul/driver/driver.h"
#include "emul/store/spec.h"

union ioctl_arg {
	struct dk_hdr hdr;
	struct dk_attach attach;
	struct dk_udirect udirect;
	struct dk_release release;
	struct dk_detach detach;
	struct dk_verify verify;
	struct dk_recover_afu recover;
	struct dk_manage_lun manage;
	struct dk_uvirtual uvirtual;
	struct dk_resize resize;
	struct dk_clone clone;
};

struct ioctl_row {
	const char *name;
	unsigned long request;
	size_t bytes;
	enum emul_fault_point point;
	bool when_failed;    /* allowed in state FAILED */
	bool eagain_is_sync; /* an injected EAGAIN makes the AFU sync fail */
	int (*run)(struct emul_call *call, union ioctl_arg *arg);
};

#define RUN(function, member)                                                 \
	static int run_##member(struct emul_call *call, union ioctl_arg *arg) \
	{                                                                     \
		return function(call, &arg->member);                          \
	}

RUN(emul_do_attach, attach)
RUN(emul_do_user_direct, udirect)
RUN(emul_do_release, release)
RUN(emul_do_detach, detach)
RUN(emul_do_verify, verify)
RUN(emul_do_recover, recover)
RUN(emul_do_manage_lun, manage)
RUN(emul_do_user_virtual, uvirtual)
RUN(emul_do_resize, resize)
RUN(emul_do_clone, clone)

#undef RUN

static const struct ioctl_row rows[] = {
	{ "attach", DK_IOCTL_ATTACH, sizeof(struct dk_attach), EMUL_FAULT_AT_ATTACH, false, false,
	  run_attach },
	{ "user_direct", DK_IOCTL_USER_DIRECT, sizeof(struct dk_udirect), EMUL_FAULT_AT_DIRECT,
	  false, true, run_udirect },
	{ "release", DK_IOCTL_RELEASE, sizeof(struct dk_release), EMUL_FAULT_AT_RELEASE, true, true,
	  run_release },
	{ "detach", DK_IOCTL_DETACH, sizeof(struct dk_detach), EMUL_FAULT_AT_DETACH, true, true,
	  run_detach },
	{ "verify", DK_IOCTL_VERIFY, sizeof(struct dk_verify), EMUL_FAULT_AT_VERIFY, false, false,
	  run_verify },
	{ "recover_afu", DK_IOCTL_RECOVER_AFU, sizeof(struct dk_recover_afu), EMUL_FAULT_AT_RECOVER,
	  false, false, run_recover },
	{ "manage_lun", DK_IOCTL_MANAGE_LUN, sizeof(struct dk_manage_lun), EMUL_FAULT_AT_MANAGE,
	  true, false, run_manage },
	{ "user_virtual", DK_IOCTL_USER_VIRTUAL, sizeof(struct dk_uvirtual), EMUL_FAULT_AT_VIRTUAL,
	  false, true, run_uvirtual },
	{ "vlun_resize", DK_IOCTL_VLUN_RESIZE, sizeof(struct dk_resize), EMUL_FAULT_AT_RESIZE, true,
	  true, run_resize },
	{ "vlun_clone", DK_IOCTL_VLUN_CLONE, sizeof(struct dk_clone), EMUL_FAULT_AT_CLONE, false,
	  true, run_clone },
};

static const struct ioctl_row *find_row(unsigned long request)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].request == request)
			return &rows[i];
	return NULL;
}

/* ---- user memory ---- */

/** Copies from or to program memory; returns -EFAULT if that is not mapped. */
static int copy(void *to, const void *from, size_t bytes, bool to_user)
{
	struct iovec local = { to_user ? (void *)from : to, bytes };
	struct iovec user = { to_user ? to : (void *)from, bytes };
	ssize_t done = to_user ? process_vm_writev(getpid(), &local, 1, &user, 1, 0)
			       : process_vm_readv(getpid(), &local, 1, &user, 1, 0);

	if (done == (ssize_t)bytes)
		return 0;
	/* Some sandboxes forbid these calls; then a bad address crashes the program. */
	if (done < 0 && (errno == ENOSYS || errno == EPERM)) {
		memcpy(to, from, bytes);
		return 0;
	}
	return -EFAULT;
}

/* ---- checks ---- */

/** Checks LUN mode and adapter state, which MANAGE_LUN does not depend on. */
static int check_common_locked(struct emul_call *call, const struct ioctl_row *row)
{
	uint8_t record = call->ad->shm->disk[call->path->lun].record[call->path->port];
	int rc;

	call->lun = record ? record - 1u : 0;
	if (row->point == EMUL_FAULT_AT_MANAGE)
		return 0;
	if (!record)
		return -EINVAL;
	rc = emul_check_state_locked(call);
	return rc == -ENODEV && row->when_failed ? 0 : rc;
}

static int check_header(const struct dk_hdr *hdr)
{
	if (hdr->version || hdr->rsvd[0] || hdr->rsvd[1] || hdr->rsvd[2] || hdr->return_flags)
		return -EINVAL;
	return 0;
}

/* ---- faults ---- */

static int apply(struct emul_call *call, const struct ioctl_row *row,
		 const struct emul_fault *fault)
{
	switch (fault->action) {
	case EMUL_FAULT_RESET:
		emul_reset(call->ad, fault->kind, fault->ms);
		return 0;
	case EMUL_FAULT_FAIL:
		emul_fail(call->ad);
		return 0;
	case EMUL_FAULT_SHORT:
		call->max_growth = fault->chunks;
		return 0;
	case EMUL_FAULT_LINK_DOWN:
	case EMUL_FAULT_LINK_UP:
		emul_fault_link(&call->ad->shm->fault, fault, clock_now_ns());
		return 0;
	case EMUL_FAULT_KILL:
		call->kill = true;
		return 0;
	case EMUL_FAULT_LATE:
		emul_driver_sleep(fault->ms);
		return 0;
	case EMUL_FAULT_ERRNO:
		if (fault->err != -EAGAIN || !row->eagain_is_sync)
			return fault->err;
		call->sync_error = -EAGAIN;
		return 0;
	default:
		return 0;
	}
}

static int inject(struct emul_call *call, const struct ioctl_row *row)
{
	const enum emul_fault_point points[] = { EMUL_FAULT_AT_IOCTL, row->point };
	struct emul_fault_event event = EMUL_FAULT_EVENT_NONE;
	struct emul_fault_table *table = &call->ad->shm->fault;
	struct emul_fault fault;
	int rc = 0;

	event.lun = call->path->lun;
	for (unsigned i = 0; !rc && i < 2; i++)
		if (emul_fault_armed(table, points[i]) &&
		    emul_fault_take(table, points[i], &event, &fault))
			rc = apply(call, row, &fault);
	return rc;
}

/* ---- execution ---- */

static int run_locked(struct emul_call *call, const struct ioctl_row *row, union ioctl_arg *arg,
		      void *user)
{
	struct emul_adapter *ad = call->ad;
	int rc = check_common_locked(call, row);

	if (rc)
		return rc;
	emul_unlock(ad);
	rc = copy(arg, user, row->bytes, false);
	if (!rc)
		rc = check_header(&arg->hdr);
	if (!rc)
		rc = inject(call, row);
	emul_lock(ad);
	return rc ? rc : row->run(call, arg);
}

int emul_driver_ioctl(struct devport *dp, unsigned long request, void *user)
{
	struct emul_path *path = (struct emul_path *)dp;
	const struct ioctl_row *row = find_row(request);
	struct emul_call call = {
		.ad = path->ad, .path = path, .running = -1, .max_growth = UINT64_MAX
	};
	union ioctl_arg arg;
	int rc;

	if (!row)
		return -EINVAL;
	call.point = row->point;
	emul_lock(path->ad);
	emul_housekeep_locked(path->ad);
	emul_running_enter_locked(&call);
	rc = run_locked(&call, row, &arg, user);
	emul_running_leave_locked(&call);
	emul_unlock(path->ad);
	if (call.kill)
		(void)kill(getpid(), SIGKILL);
	log_debug(LOGC_EMUL, "LUN %u, port %u: %s: %s", path->lun, path->port, row->name,
		  rc < 0 ? strerror(-rc) : "ok");
	if (rc)
		return rc < 0 ? rc : 0;
	return copy(user, &arg, row->bytes, true);
}

/* ---- fd1 ---- */

int emul_driver_open(const char *device, explain_fn explain, void *explain_arg,
		     struct devport **ret_dp)
{
	struct emul_path *path = calloc(1, sizeof(*path));
	struct emul_spec spec;
	int rc;

	if (!path)
		return -ENOMEM;
	rc = emul_spec_parse(device, explain, explain_arg, &spec);
	if (rc)
		goto free_path;
	rc = emul_adapter_open(&spec, explain, explain_arg, &path->ad);
	path->lun = spec.lun;
	path->port = spec.port;
	emul_spec_fini(&spec);
	if (rc)
		goto free_path;
	path->dp.ops = &devport_emul_ops;
	*ret_dp = &path->dp;
	return 0;

free_path:
	free(path);
	return rc;
}

void emul_driver_close(struct devport *dp)
{
	struct emul_path *path = (struct emul_path *)dp;

	if (!path)
		return;
	emul_adapter_put(path->ad);
	free(path);
}
