/* SPDX-License-Identifier: Apache-2.0 */
#include "conformance/step.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/command.h"
#include "support/dk.h"
#include "support/quiet_fork.h"

#define MAX_SAVED 8

/* An output field before the call, to see whether it was set. */
#define UNTOUCHED 0x5a5a5a5a5a5aull

/** A context of the case. */
struct context {
	uint64_t cookie;
	bool attached[2]; /* through DEVICE, DEVICE2 */
	bool app_closes;  /* the driver leaves closing fd2 to us */
	bool sq_mode;
	int fd; /* fd2, or -1 */
	size_t mmio_bytes;
	uint32_t block_bytes;
	struct devport_mmio *mmio;
	struct queue *queue;
};

/** A block that a case has overwritten, to be put back. */
struct saved {
	enum slot ctx;
	uint32_t handle;
	uint64_t lba;
	uint8_t *data;
};

struct state {
	struct runner *runner;
	const struct test_case *c;
	unsigned nr;    /* of the step */
	unsigned depth; /* of forks */
	bool broken;
	struct context ctx[NR_SLOTS];
	struct saved saved[MAX_SAVED];
	unsigned nr_saved;
};

/* ---- printing ---- */

static const char *errno_name(int rc)
{
	const char *name = rc < 0 ? strerrorname_np(-rc) : NULL;

	return rc >= 0 ? "0" : name ? name : "E?";
}

static void __attribute__((format(printf, 4, 5)))
say(struct state *s, const char *what, int rc, const char *fmt, ...)
{
	va_list ap;

	printf("%s %u%s %s: %s", s->c->name, s->nr, s->depth ? " (child)" : "", what,
	       errno_name(rc));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static const char *lba_text(char text[32], uint64_t last_lba)
{
	if (last_lba == UINT64_MAX)
		return "none";
	if (last_lba == UNTOUCHED)
		return "untouched";
	snprintf(text, 32, "%" PRIu64, last_lba);
	return text;
}

/* ---- ioctls ---- */

static struct devport *dp_of(const struct state *s, const struct step *step)
{
	return s->runner->device[step->dev].dp;
}

/** Issue an ioctl; on failure the structure must come back as it was. */
static int call(struct state *s, const struct step *step, unsigned long request, void *arg,
		size_t bytes, const char **ret_remark)
{
	uint8_t before[256];
	struct devport *dp = dp_of(s, step);
	int rc;

	memcpy(before, arg, bytes);
	rc = dp->ops->ioctl(dp, request, arg);
	*ret_remark = rc && memcmp(before, arg, bytes) ? " structure changed" : "";
	return rc;
}

static const char *fd_text(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (fd < 0)
		return "none";
	return flags < 0 ? "not open" : flags & FD_CLOEXEC ? "new, cloexec" : "new";
}

static void keep(struct context *ctx, const struct step *step, const struct dk_attach *arg)
{
	ctx->cookie = arg->context_id;
	ctx->attached[step->dev] = true;
	ctx->sq_mode = arg->hdr.return_flags & DK_RF_CONTEXT_SQ_CMD_MODE;
	ctx->block_bytes = (uint32_t)arg->block_size;
	ctx->mmio_bytes = arg->mmio_size;
	if (step->op == OP_REUSE)
		return;
	ctx->app_closes = arg->hdr.return_flags & DK_RF_APP_CLOSE_ADAP_FD;
	ctx->fd = (int)arg->adap_fd;
}

static void do_attach(struct state *s, const struct step *step)
{
	bool reuse = step->op == OP_REUSE;
	struct context *ctx = &s->ctx[step->ctx];
	struct dk_attach arg = { .hdr.flags = step->flags,
				 .num_interrupts = step->value,
				 .context_id = reuse ? ctx->cookie : 0 };
	const char *remark;
	int rc = call(s, step, DK_IOCTL_ATTACH, &arg, sizeof(arg), &remark);

	if (rc) {
		say(s, reuse ? "reuse" : "attach", rc, "%s", remark);
		return;
	}
	say(s, reuse ? "reuse" : "attach", rc,
	    " return_flags %#" PRIx64 ", context %s, fd2 %s, mmio %#" PRIx64 ", block %" PRIu64
	    ", last_lba %" PRIu64 ", max_xfer %" PRIu64,
	    arg.hdr.return_flags,
	    arg.context_id == ctx->cookie                                               ? "same"
	    : (arg.context_id & UINT32_MAX) < SISL_MAX_CONTEXTS && arg.context_id >> 32 ? "new"
											: "odd",
	    fd_text((int)arg.adap_fd), arg.mmio_size, arg.block_size, arg.last_lba, arg.max_xfer);
	keep(ctx, step, &arg);
}

static void do_detach(struct state *s, const struct step *step)
{
	struct context *ctx = &s->ctx[step->ctx];
	struct dk_detach arg = { .context_id = ctx->cookie };
	const char *remark;
	int rc = call(s, step, DK_IOCTL_DETACH, &arg, sizeof(arg), &remark);

	if (!rc)
		ctx->attached[step->dev] = false;
	say(s, "detach", rc, "%s", remark);
}

static void do_direct(struct state *s, const struct step *step)
{
	struct dk_udirect arg = { .hdr.flags = step->flags,
				  .context_id = s->ctx[step->ctx].cookie };
	const char *remark;
	int rc = call(s, step, DK_IOCTL_USER_DIRECT, &arg, sizeof(arg), &remark);

	if (rc)
		say(s, "direct", rc, "%s", remark);
	else
		say(s, "direct", rc,
		    " return_flags %#" PRIx64 ", handle %" PRIu64 ", last_lba %" PRIu64,
		    arg.hdr.return_flags, arg.rsrc_handle, arg.last_lba);
}

static void do_virtual(struct state *s, const struct step *step)
{
	struct dk_uvirtual arg = { .hdr.flags = step->flags,
				   .context_id = s->ctx[step->ctx].cookie,
				   .lun_size = step->value };
	const char *remark;
	char lba[32];
	int rc = call(s, step, DK_IOCTL_USER_VIRTUAL, &arg, sizeof(arg), &remark);

	if (rc)
		say(s, "virtual", rc, "%s", remark);
	else
		say(s, "virtual", rc, " return_flags %#" PRIx64 ", handle %" PRIu64 ", last_lba %s",
		    arg.hdr.return_flags, arg.rsrc_handle, lba_text(lba, arg.last_lba));
}

static void do_fill(struct state *s, const struct step *step)
{
	struct dk_uvirtual arg;
	uint64_t nr = 0;
	bool in_order = true;
	int rc;

	while (!(rc = dk_user_virtual(dp_of(s, step), s->ctx[step->ctx].cookie, 0, 0, &arg)))
		in_order &= arg.rsrc_handle == nr++;
	say(s, "fill", rc, " after %" PRIu64 " handles%s", nr, in_order ? "" : " out of order");
}

static void do_resize(struct state *s, const struct step *step)
{
	struct dk_resize arg = { .context_id = s->ctx[step->ctx].cookie,
				 .rsrc_handle = step->handle,
				 .req_size = step->value };
	const char *remark;
	char lba[32];
	int rc = call(s, step, DK_IOCTL_VLUN_RESIZE, &arg, sizeof(arg), &remark);

	if (rc)
		say(s, "resize", rc, "%s", remark);
	else
		say(s, "resize", rc, " return_flags %#" PRIx64 ", last_lba %s",
		    arg.hdr.return_flags, lba_text(lba, arg.last_lba));
}

static void do_release(struct state *s, const struct step *step)
{
	struct dk_release arg = { .context_id = s->ctx[step->ctx].cookie,
				  .rsrc_handle = step->handle };
	const char *remark;
	int rc = call(s, step, DK_IOCTL_RELEASE, &arg, sizeof(arg), &remark);

	say(s, "release", rc, "%s", remark);
}

static void do_verify(struct state *s, const struct step *step)
{
	struct dk_verify arg = { .hint = step->flags,
				 .context_id = s->ctx[step->ctx].cookie,
				 .rsrc_handle = step->handle,
				 .last_lba = UNTOUCHED };
	const char *remark;
	char lba[32];
	int rc;

	arg.sense_data[0] = step->sense[0];
	if (step->sense[0] >= 0x72) {
		memcpy(&arg.sense_data[1], &step->sense[1], 3);
	} else {
		arg.sense_data[2] = step->sense[1];
		arg.sense_data[7] = 10;
		arg.sense_data[12] = step->sense[2];
		arg.sense_data[13] = step->sense[3];
	}
	rc = call(s, step, DK_IOCTL_VERIFY, &arg, sizeof(arg), &remark);
	if (rc)
		say(s, "verify", rc, "%s", remark);
	else
		say(s, "verify", rc, " return_flags %#" PRIx64 ", last_lba %s",
		    arg.hdr.return_flags, lba_text(lba, arg.last_lba));
}

static void do_recover(struct state *s, const struct step *step)
{
	struct dk_recover_afu arg = { .reason = 1,
				      .context_id = s->ctx[step->ctx].cookie,
				      .mmio_size = 1,
				      .adap_fd = 2 },
			      before = arg;
	const char *remark;
	int rc = call(s, step, DK_IOCTL_RECOVER_AFU, &arg, sizeof(arg), &remark);

	if (rc)
		say(s, "recover", rc, "%s", remark);
	else
		say(s, "recover", rc, " return_flags %#" PRIx64 ", outputs %s",
		    arg.hdr.return_flags, memcmp(&arg, &before, sizeof(arg)) ? "set" : "untouched");
}

static void do_clone(struct state *s, const struct step *step)
{
	struct context *src = &s->ctx[step->other];
	struct dk_clone arg = { .context_id_src = src->cookie,
				.context_id_dst = s->ctx[step->ctx].cookie,
				.adap_fd_src = (uint64_t)src->fd };
	const char *remark;
	int rc = call(s, step, DK_IOCTL_VLUN_CLONE, &arg, sizeof(arg), &remark);

	if (rc)
		say(s, "clone", rc, "%s", remark);
	else
		say(s, "clone", rc, " return_flags %#" PRIx64, arg.hdr.return_flags);
}

static void do_manage(struct state *s, const struct step *step)
{
	struct dk_manage_lun arg = { .hdr.flags = step->flags };
	const char *remark;
	int rc;

	memcpy(arg.wwid, s->runner->wwid, DK_WWID_LEN);
	rc = call(s, step, DK_IOCTL_MANAGE_LUN, &arg, sizeof(arg), &remark);
	say(s, "manage", rc, " return_flags %#" PRIx64 "%s", arg.hdr.return_flags, remark);
}

static const char *const raw_names[NR_RAWS] = {
	"version 1",    "rsvd[0]",     "rsvd[1]",       "rsvd[2]",
	"return_flags", "bad address", "unknown flags", "zeroes",
};

static void do_raw(struct state *s, const struct step *step)
{
	union {
		struct dk_hdr hdr;
		uint8_t bytes[160];
	} arg = { { 0 } };
	struct devport *dp = dp_of(s, step);
	const char *remark = "";
	char what[64];
	int rc;

	arg.hdr.version = step->what == RAW_VERSION;
	if (step->what >= RAW_RSVD_0 && step->what <= RAW_RSVD_2)
		arg.hdr.rsvd[step->what - RAW_RSVD_0] = 1;
	arg.hdr.return_flags = step->what == RAW_RETURN_FLAGS;
	if (step->what == RAW_UNKNOWN_FLAGS)
		arg.hdr.flags = 1ull << 40;
	if (step->what == RAW_ADDRESS)
		rc = dp->ops->ioctl(dp, step->request, (void *)8);
	else
		rc = call(s, step, step->request, &arg, sizeof(arg), &remark);
	snprintf(what, sizeof(what), "ioctl %#lx %s", step->request & 0xff, raw_names[step->what]);
	say(s, what, rc, "%s", remark);
}

/* ---- fd2 and commands ---- */

static void do_map(struct state *s, const struct step *step)
{
	struct context *ctx = &s->ctx[step->ctx];
	size_t bytes = step->value ? step->value : ctx->mmio_bytes;
	struct devport *dp = dp_of(s, step);
	struct devport_mmio *mmio = NULL;
	int rc = dp->ops->map(dp, ctx->fd, bytes, &mmio);

	say(s, "map", rc, "%s", "");
	if (rc)
		return;
	ctx->mmio = mmio;
	s->broken |= !!queue_new(mmio, ctx->sq_mode, &ctx->queue);
}

static void unmap(struct context *ctx)
{
	if (ctx->mmio)
		ctx->mmio->ops->unmap(ctx->mmio);
	queue_free(ctx->queue);
	ctx->mmio = NULL;
	ctx->queue = NULL;
}

static void do_unmap(struct state *s, const struct step *step)
{
	unmap(&s->ctx[step->ctx]);
	say(s, "unmap", 0, "%s", "");
}

static void do_close(struct state *s, const struct step *step)
{
	struct context *ctx = &s->ctx[step->ctx];
	struct devport *dp = dp_of(s, step);

	say(s, "close", dp->ops->close_adap_fd(dp, ctx->fd), "%s", "");
	ctx->fd = -1;
	/* Without a mapping that was the last reference, and the context has gone with it. */
	if (!ctx->mmio)
		memset(ctx->attached, 0, sizeof(ctx->attached));
}

static void do_event(struct state *s, const struct step *step)
{
	_Alignas(8) uint8_t buf[CXL_EVENT_READ_MIN];
	struct devport_mmio *mmio = s->ctx[step->ctx].mmio;
	ssize_t got = mmio->ops->event_read(mmio, buf, sizeof(buf));

	say(s, "event", got < 0 ? (int)got : 0, " %zd bytes", got < 0 ? 0 : got);
}

/** Run one command; *@ret_ioasa is all zeros when none came back. */
static int run(struct context *ctx, bool write, const struct step *step, void *data,
	       struct sisl_ioasa *ret_ioasa)
{
	struct sisl_ioarcb *ioarcb =
		queue_fill(ctx->queue, (uint16_t)ctx->cookie, (uint32_t)step->handle, write,
			   step->value, ctx->block_bytes, data);

	memset(ret_ioasa, 0, sizeof(*ret_ioasa));
	switch ((enum bad_command)step->what) {
	case BAD_NOTHING:
		break;
	case BAD_CONTEXT:
		ioarcb->ctx_id ^= 0x100;
		break;
	case BAD_OPCODE:
		ioarcb->cdb[0] = 0x12; /* INQUIRY */
		break;
	case BAD_AFU_COMMAND:
		ioarcb->req_flags |= SISL_REQ_AFU_CMD;
		ioarcb->cdb[0] = 0xc0;
		break;
	case BAD_TWO_BLOCKS:
		ioarcb->cdb[13] = (uint8_t)(ioarcb->cdb[13] * 2);
		ioarcb->data_len *= 2;
		break;
	case BAD_SHORT_DATA:
		ioarcb->data_len /= 2;
		break;
	case BAD_NO_DATA:
		ioarcb->data_len = 0;
		break;
	case BAD_DIRECTION:
		ioarcb->req_flags ^= SISL_REQ_HOST_WRITE;
		break;
	case BAD_NO_RES_HNDL:
		ioarcb->req_flags &= (uint16_t)~SISL_REQ_RES_HNDL;
		break;
	}
	return queue_run(ctx->queue, ret_ioasa);
}

static uint8_t *new_block(void)
{
	uint8_t *block = aligned_alloc(4096, 2 * SISL_LBA_BYTES);

	if (!block)
		abort();
	memset(block, 0, 2 * SISL_LBA_BYTES);
	return block;
}

static void save(struct state *s, const struct step *step)
{
	struct step read = { .handle = step->handle, .value = step->value };
	uint8_t *data = new_block();
	struct sisl_ioasa ioasa;

	if (s->nr_saved == MAX_SAVED || run(&s->ctx[step->ctx], false, &read, data, &ioasa) ||
	    ioasa.ioasc) {
		free(data);
		return;
	}
	s->saved[s->nr_saved++] =
		(struct saved){ step->ctx, (uint32_t)step->handle, step->value, data };
}

static void restore(struct state *s)
{
	struct sisl_ioasa ioasa;

	while (s->nr_saved--) {
		struct saved *saved = &s->saved[s->nr_saved];
		struct step write = { .handle = saved->handle, .value = saved->lba };

		if (s->ctx[saved->ctx].queue)
			(void)run(&s->ctx[saved->ctx], true, &write, saved->data, &ioasa);
		free(saved->data);
	}
	s->nr_saved = 0;
}

static void say_command(struct state *s, const char *what, int rc, const struct sisl_ioasa *ioasa,
			const char *remark)
{
	say(s, what, rc, " ioasa %02x afu %02x scsi %02x fc %02x%s", ioasa->flags, ioasa->afu_rc,
	    ioasa->scsi_rc, ioasa->fc_rc, remark);
}

/** The pattern of a block tells which LBA it was written as. */
static void fill_pattern(uint8_t *data, uint64_t seed)
{
	for (unsigned i = 0; i < SISL_LBA_BYTES; i++)
		data[i] = (uint8_t)(seed * 31 + i * 7 + 1);
}

static void do_write(struct state *s, const struct step *step)
{
	uint8_t *data = new_block();
	struct sisl_ioasa ioasa;
	int rc;

	save(s, step);
	fill_pattern(data, step->value + step->flags);
	rc = run(&s->ctx[step->ctx], true, step, data, &ioasa);
	say_command(s, "write", rc, &ioasa, "");
	free(data);
}

static void do_read(struct state *s, const struct step *step)
{
	uint8_t *data = new_block(), *expected = new_block();
	struct sisl_ioasa ioasa;
	int rc = run(&s->ctx[step->ctx], false, step, data, &ioasa);

	fill_pattern(expected, step->value + step->flags);
	say_command(s, "read", rc, &ioasa,
		    rc || ioasa.ioasc                        ? ""
		    : memcmp(data, expected, SISL_LBA_BYTES) ? ", other data"
							     : ", data as written");
	free(data);
	free(expected);
}

static void do_command(struct state *s, const struct step *step)
{
	uint8_t *data = new_block();
	struct sisl_ioasa ioasa;
	int rc;

	/* A write that ought to be refused may not be. */
	if (step->flags)
		save(s, step);
	rc = run(&s->ctx[step->ctx], step->flags, step, data, &ioasa);
	say_command(s, "command", rc, &ioasa, "");
	/* After a command that never came back its memory stays the device's. */
	if (!rc)
		free(data);
}

/* ---- cases ---- */

static void do_cookie(struct state *s, const struct step *step)
{
	s->ctx[step->ctx].cookie = s->ctx[step->other].cookie ^ step->value;
}

static void clean_context(struct state *s, struct context *ctx)
{
	for (unsigned dev = 0; dev < s->runner->nr_devices; dev++)
		if (ctx->attached[dev])
			s->broken |= !!dk_detach(s->runner->device[dev].dp, ctx->cookie);
	unmap(ctx);
	if (ctx->fd >= 0 && ctx->app_closes)
		s->broken |= !!dk_close_adap_fd(s->runner->device[0].dp, (uint64_t)ctx->fd);
	*ctx = (struct context){ .fd = -1 };
}

static void clean_up(struct state *s)
{
	restore(s);
	for (unsigned i = 0; i < NR_SLOTS; i++)
		clean_context(s, &s->ctx[i]);
}

static const struct step *run_steps(struct state *s, const struct step *step);

/** What a child does first: let go of what it has inherited, and open anew. */
static void start_child(struct state *s)
{
	for (unsigned i = 0; i < NR_SLOTS; i++) {
		unmap(&s->ctx[i]);
		memset(s->ctx[i].attached, 0, sizeof(s->ctx[i].attached));
	}
	for (unsigned i = 0; i < s->nr_saved; i++)
		free(s->saved[i].data);
	s->nr_saved = 0;
	s->depth++;
	close_devices(s->runner);
	if (open_devices(s->runner))
		_exit(1);
}

static const struct step *skip_child(const struct step *step)
{
	unsigned depth = 1;

	for (; depth; step++)
		depth += (step->op == OP_FORK) - (step->op == OP_END);
	return step;
}

/** Run the steps behind OP_FORK in a child. Return: the step after its OP_END. */
static const struct step *do_fork(struct state *s, const struct step *step)
{
	const struct step *after = skip_child(step);
	int status;
	pid_t child;

	fflush(stdout);
	child = quiet_fork();
	if (!child) {
		start_child(s);
		(void)run_steps(s, step);
		clean_up(s);
		close_devices(s->runner);
		fflush(stdout);
		_exit(s->broken);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		s->broken = true;
	s->nr += (unsigned)(after - step);
	return after;
}

static void run_step(struct state *s, const struct step *step)
{
	static void (*const functions[])(struct state *, const struct step *) = {
		[OP_ATTACH] = do_attach,   [OP_REUSE] = do_attach,    [OP_DETACH] = do_detach,
		[OP_DIRECT] = do_direct,   [OP_VIRTUAL] = do_virtual, [OP_RESIZE] = do_resize,
		[OP_RELEASE] = do_release, [OP_VERIFY] = do_verify,   [OP_RECOVER] = do_recover,
		[OP_CLONE] = do_clone,     [OP_MANAGE] = do_manage,   [OP_RAW] = do_raw,
		[OP_FILL] = do_fill,       [OP_COOKIE] = do_cookie,   [OP_MAP] = do_map,
		[OP_UNMAP] = do_unmap,     [OP_CLOSE] = do_close,     [OP_EVENT] = do_event,
		[OP_WRITE] = do_write,     [OP_READ] = do_read,       [OP_COMMAND] = do_command,
	};
	bool needs_mapping = step->op == OP_EVENT || step->op == OP_WRITE || step->op == OP_READ ||
			     step->op == OP_COMMAND;

	if (needs_mapping && !s->ctx[step->ctx].queue)
		say(s, "command", -ENXIO, "%s", " nothing is mapped");
	else
		functions[step->op](s, step);
}

static const struct step *run_steps(struct state *s, const struct step *step)
{
	while (step->op != OP_END) {
		s->nr++;
		if (step->op == OP_FORK) {
			step = do_fork(s, step + 1);
			continue;
		}
		run_step(s, step++);
	}
	return step + 1;
}

bool run_case(struct runner *runner, const struct test_case *c)
{
	struct state s = { .runner = runner, .c = c };

	if ((c->two_luns && runner->nr_devices < 2) || (c->manages && !runner->has_wwid)) {
		printf("%s skipped: needs %s\n", c->name, c->manages ? "-w WWID" : "DEVICE2");
		return true;
	}
	for (unsigned i = 0; i < NR_SLOTS; i++)
		s.ctx[i].fd = -1;
	(void)run_steps(&s, c->steps);
	clean_up(&s);
	if (s.broken)
		printf("%s: could not clean up\n", c->name);
	return !s.broken;
}
