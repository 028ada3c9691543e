// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Command processing: SQ fetch, checks, RHT and LXT translation, IOASA, RRQ.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <asm/unaligned.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <scsi/scsi_proto.h>

#include "sim.h"

static int select_port(u32 mask, struct sisl_ioasa *sa)
{
	u32 avail = 0;
	int i;

	for (i = 0; i < sim_params.nports; i++)
		if (sim_port_online(i) && (GREG(afu_port_sel) & (1ULL << i)))
			avail |= 1 << i;
	if (!(avail & mask)) {
		sa->rc.afu_rc = SISL_AFU_RC_NO_CHANNELS;
		sa->afu_extra = ((avail & 3) << 2) | (mask & 3);
		return -1;
	}
	avail &= mask;
	for (i = 0; i < MAX_FC_PORTS; i++) {
		sim.rr = (sim.rr + 1) % MAX_FC_PORTS;
		if (avail & (1 << sim.rr))
			break;
	}
	return sim.rr;
}

/* Returns false when no response must be posted */
static bool exec_rcb(struct sim_ctx *ctx, struct sisl_ioarcb *rcb, struct sisl_ioasa *sa)
{
	const u64 *ctrl = sim.ctrl[ctx->pe];
	u64 cap = ctrl[CTRL(ctx_cap)], lun_id, lba;
	struct sisl_rht_entry rhte;
	struct sisl_rht_entry_f1 *f1 = (void *)&rhte;
	struct sim_xfer x = { .ctx = ctx,
			      .ea = rcb->data_ea,
			      .len = rcb->data_len,
			      .gen = ctx->gen,
			      .req_flags = rcb->req_flags };
	bool write;
	u32 nblk, ports;
	int port;
	u8 cdb[16];

	memcpy(cdb, rcb->cdb, sizeof(cdb));
	if (rcb->ctx_id != ctx->pe && !(cap & SISL_CTX_CAP_PROXY_ISSUE))
		goto cap_violation;

	if (rcb->req_flags & SISL_REQ_FLAGS_AFU_CMD) {
		if (!(cap & SISL_CTX_CAP_AFU_CMD))
			goto cap_violation;
		if (cdb[0] == SISL_AFU_CMD_SYNC) {
			sim.nsync++;
			if (sim.drop_sync > 0) {
				sim.drop_sync--;
				return false;
			}
			return true;
		}
		goto cap_violation;
	}

	if (rcb->ioadl_len)
		pr_warn_once("pe %d: ioadl_len %u ignored\n", ctx->pe, rcb->ioadl_len);

	if (!(rcb->req_flags & SISL_REQ_FLAGS_RES_HNDL)) {
		if (!(cap & SISL_CTX_CAP_REAL_MODE))
			goto cap_violation;
		port = select_port(rcb->port_sel, sa);
		if (port < 0)
			return true;
		if (rcb->req_flags & SISL_REQ_FLAGS_TMF_CMD)
			return true;
		sim_scsi_cmd(&x, port, rcb->lun_id, cdb, sa);
		return !x.aborted;
	}

	/* translated mode: READ(16) and WRITE(16) only */
	write = cdb[0] == WRITE_16;
	if (!((cdb[0] == READ_16 && (cap & SISL_CTX_CAP_READ_CMD)) ||
	      (write && (cap & SISL_CTX_CAP_WRITE_CMD))))
		goto cap_violation;
	/* the hosting context must be allowed to host translation tables */
	if (!(sim.ctrl[(ctrl[CTRL(rht_cnt_id)] >> 32) & (MAX_CONTEXT - 1)][CTRL(ctx_cap)] &
	      SISL_CTX_CAP_HOST_XLATE)) {
		sa->rc.afu_rc = SISL_AFU_RC_NOT_XLATE_HOST;
		return true;
	}
	if (ctrl[CTRL(rht_start)] & 15) {
		sa->rc.afu_rc = SISL_AFU_RC_RHT_UNALIGNED;
		return true;
	}
	if (!ctrl[CTRL(rht_start)] || rcb->res_hndl >= (ctrl[CTRL(rht_cnt_id)] >> 48)) {
		sa->rc.afu_rc = SISL_AFU_RC_RHT_OUT_OF_BOUNDS;
		return true;
	}
	rhte = ((struct sisl_rht_entry *)ctrl[CTRL(rht_start)])[rcb->res_hndl];
	lba = get_unaligned_be64(&cdb[2]);
	nblk = get_unaligned_be32(&cdb[10]);

	/* In this order a free entry, all zeros, is a matter of permission, as on the card */
	if (!(rhte.fp & (write ? RHT_PERM_WRITE : RHT_PERM_READ))) {
		sa->rc.afu_rc = SISL_AFU_RC_RHT_RW_PERM;
		return true;
	}
	if ((rhte.fp >> 4) == 1 ? !(f1->valid & 0x80) : rhte.nmask == 0) {
		sa->rc.afu_rc = SISL_AFU_RC_RHT_INVALID;
		return true;
	}

	if ((rhte.fp >> 4) == 1) {
		lun_id = f1->lun_id;
		port = select_port(f1->port_sel, sa);
		if (port < 0)
			return true;
	} else {
		u64 chunk = lba >> rhte.nmask, off = lba & ((1ULL << rhte.nmask) - 1);
		u64 lxt;

		if ((u64)rhte.lxt_start & 7) {
			sa->rc.afu_rc = SISL_AFU_RC_LXT_UNALIGNED;
			return true;
		}
		/* nothing may cross a chunk: its neighbour can be anywhere */
		if (chunk >= rhte.lxt_cnt || !rhte.lxt_start || off + nblk > (1ULL << rhte.nmask) ||
		    (sim_params.vlun_max_blocks && nblk > sim_params.vlun_max_blocks)) {
			sa->rc.afu_rc = SISL_AFU_RC_LXT_OUT_OF_BOUNDS;
			return true;
		}
		if (nblk > 1)
			pr_info_once("pe %d: virtual LUN transfer of %u blocks; real AFUs are only "
				     "documented for one 4K block\n",
				     ctx->pe, nblk);
		lxt = rhte.lxt_start[chunk].rlba_base;
		if (!((lxt >> 4) & (write ? RHT_PERM_WRITE : RHT_PERM_READ))) {
			sa->rc.afu_rc = SISL_AFU_RC_LXT_RW_PERM;
			return true;
		}
		ports = lxt & 0xf;
		port = select_port(ports, sa);
		if (port < 0)
			return true;
		lun_id = sim_fc_lun(port, (lxt >> 8) & 0xff);
		put_unaligned_be64((lxt & ~0xffffULL) | off, &cdb[2]);
	}

	if (write != !!(rcb->req_flags & SISL_REQ_FLAGS_HOST_WRITE)) {
		sa->rc.fc_rc = SISL_FC_RC_ABORTOK;
		return true;
	}
	if (sim.inject.count > 0) {
		sim.inject.count--;
		sa->rc.flags = sim.inject.flags;
		sa->rc.afu_rc = sim.inject.afu_rc;
		sa->rc.fc_rc = sim.inject.fc_rc;
		sa->rc.scsi_rc = sim.inject.scsi_rc;
		sa->port = port;
		if (sim.inject.key)
			sim_set_sense(sa, sim.inject.key, sim.inject.asc, sim.inject.ascq);
		return true;
	}
	if (rcb->data_ea & 15)
		pr_warn_once("pe %d: data_ea %#llx not 16 byte aligned\n", ctx->pe, rcb->data_ea);
	sim_scsi_cmd(&x, port, lun_id, cdb, sa);
	return !x.aborted;

cap_violation:
	sa->rc.afu_rc = SISL_AFU_RC_CAP_VIOLATION;
	return true;
}

static void exec_one(struct sim_ctx *ctx, struct sisl_ioarcb *rcb)
{
	u64 ioasa_ea = (u64)rcb->ioasa, entry;
	struct sisl_ioasa sa;
	u32 gen = ctx->gen;

	memset(&sa, 0, sizeof(sa));
	ctx->ncmds++;
	if (ctx->master)
		sim.nmaster++;
	else
		sim.nuser++;
	if (!exec_rcb(ctx, rcb, &sa))
		return;
	if (ctx->gen != gen || sim.frozen)
		return;

	if (sim_params.trace)
		pr_info("pe %d flags %04x %s %#x cdb %16phN len %u ea %llx -> ioasc %08x extra "
			"%02x resid %u\n",
			ctx->pe, rcb->req_flags,
			rcb->req_flags & SISL_REQ_FLAGS_RES_HNDL ? "rh" : "port", rcb->res_hndl,
			rcb->cdb, rcb->data_len, rcb->data_ea, be32_to_cpu(*(__be32 *)&sa.rc),
			sa.afu_extra, sa.resid);

	/* the host_use part of the IOASA belongs to the host */
	if (sim_ctx_copy(ctx, ioasa_ea, &sa, offsetof(struct sisl_ioasa, host_use), true)) {
		sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_SA_WRITE, true);
		return;
	}
	if (ioasa_ea & 15)
		pr_warn_once("pe %d: ioasa %#llx not 16 byte aligned\n", ctx->pe, ioasa_ea);
	entry = (ioasa_ea & ~SISL_RESP_HANDLE_T_BIT) | ctx->toggle;
	if (!ctx->rrq_start || sim_ctx_copy(ctx, ctx->rrq_curr, &entry, sizeof(entry), true)) {
		sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_RRQ_WRITE, true);
		return;
	}
	if (ctx->rrq_curr < ctx->rrq_end) {
		ctx->rrq_curr += sizeof(u64);
	} else {
		ctx->rrq_curr = ctx->rrq_start;
		ctx->toggle ^= SISL_RESP_HANDLE_T_BIT;
	}
	sim_raise_irq(ctx, rcb->msi);
}

#define BATCH 16
static struct sisl_ioarcb batch[BATCH];

static int process_ctx(struct sim_ctx *ctx)
{
	int n = 0, i, total = 0;
	u64 tail, v;

	if (ctx->status != STARTED || ctx->halted || sim.frozen)
		return 0;

	if (!ctx->master) {
		/* side effects of user MMIO stores, noticed by polling */
		v = sim_hget(ctx, HOFF(intr_clear));
		if (v) {
			sim_hset(ctx, HOFF(intr_clear), 0);
			sim_hset(ctx, HOFF(intr_status), sim_hget(ctx, HOFF(intr_status)) & ~v);
		}
		if (sim_hget(ctx, HOFF(rrq_end)) &&
		    (sim_hget(ctx, HOFF(rrq_start)) != ctx->rrq_start ||
		     sim_hget(ctx, HOFF(rrq_end)) != ctx->rrq_end))
			sim_latch_rrq(ctx);
		if (sim_hget(ctx, HOFF(sq_end)) &&
		    (sim_hget(ctx, HOFF(sq_start)) != ctx->sq_start ||
		     sim_hget(ctx, HOFF(sq_end)) != ctx->sq_end))
			sim_latch_sq(ctx);
		if (sim_hget(ctx, HOFF(sq_ctx_reset)) & 1)
			sim_ctx_abort(ctx);
		if (sim_hget(ctx, HOFF(ioarrin))) {
			pr_warn_once("pe %d: IOARRIN write, but this AFU is SQ mode\n", ctx->pe);
			sim_hset(ctx, HOFF(ioarrin), 0);
			sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_CMDROOM, true);
			return 1;
		}
	}
	if (!ctx->sq_start)
		return 0;

	for (;;) {
		tail = sim_hget(ctx, HOFF(sq_tail));
		if (!tail || ctx->sq_head == tail)
			break;
		if (!ctx->master && sim_hget(ctx, HOFF(endian_ctrl)) != SISL_ENDIAN_CTRL_LE) {
			pr_err("pe %d: endian_ctrl %#llx is not little endian\n", ctx->pe,
			       sim_hget(ctx, HOFF(endian_ctrl)));
			sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_RCB_READ, true);
			return 1;
		}
		if (tail < ctx->sq_start || tail > ctx->sq_end ||
		    (tail - ctx->sq_start) % sizeof(struct sisl_ioarcb)) {
			pr_err("pe %d: sq_tail %#llx outside of SQ %#llx-%#llx\n", ctx->pe, tail,
			       ctx->sq_start, ctx->sq_end);
			sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_RCB_READ, true);
			return 1;
		}
		for (n = 0; n < BATCH && ctx->sq_head != tail; n++) {
			if (sim_ctx_copy(ctx, ctx->sq_head, &batch[n], sizeof(batch[n]), false)) {
				sim_raise_sync_err(ctx, SISL_ISTATUS_PERM_ERR_RCB_READ, true);
				return 1;
			}
			if (ctx->sq_head < ctx->sq_end)
				ctx->sq_head += sizeof(struct sisl_ioarcb);
			else
				ctx->sq_head = ctx->sq_start;
			sim_hset(ctx, HOFF(sq_head), ctx->sq_head);
		}
		if (sim_params.io_delay_us && !ctx->master)
			usleep_range(sim_params.io_delay_us, sim_params.io_delay_us + 10);
		for (i = 0; i < n; i++) {
			u32 gen = ctx->gen;

			exec_one(ctx, &batch[sim_params.reorder && !ctx->master ? n - 1 - i : i]);
			if (ctx->gen != gen || ctx->halted || sim.frozen)
				break;
		}
		total += n;
		if (ctx->halted || sim.frozen || total >= 64)
			break;
	}
	return total;
}

int sim_thread_fn(void *unused)
{
	ktime_t last = ktime_get();
	struct sim_ctx *ctx;
	int pe, work, users;

	/* or a user spinning on its RRQ delays us by a scheduling granularity */
	sched_set_fifo_low(current);

	while (!kthread_should_stop()) {
		sim.kick = false;
		work = users = 0;
		mutex_lock(&sim.lock);
		idr_for_each_entry(&sim.idr, ctx, pe)
		{
			work += process_ctx(ctx);
			if (!ctx->master && ctx->status == STARTED)
				users++;
		}
		mutex_unlock(&sim.lock);
		if (work)
			last = ktime_get();

		set_current_state(TASK_IDLE);
		if (sim.kick) {
			__set_current_state(TASK_RUNNING);
			cond_resched();
		} else if (users && !sim.frozen) {
			s64 idle = ktime_us_delta(ktime_get(), last);
			int us = idle < 2000     ? sim_params.poll_us
				 : idle < 100000 ? max(sim_params.poll_us, 100)
						 : sim_params.idle_poll_us;
			ktime_t t = ns_to_ktime((u64)us * NSEC_PER_USEC);

			schedule_hrtimeout(&t, HRTIMER_MODE_REL);
		} else {
			schedule();
		}
	}
	return 0;
}
