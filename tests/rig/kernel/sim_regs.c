// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers of the emulated AFU and the interrupts it raises.
 *
 * Accesses of the kernel trap here synchronously (sim_shim.h); those of user space are plain
 * memory, looked at by the AFU's thread (sim_afu.c).
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/string.h>

#include "sim.h"

u64 *sim_fc_reg(int port, int reg)
{
	struct sisl_global_map *g = (struct sisl_global_map *)sim.global;

	return (u64 *)&g->bank[CHAN2PORTBANK(port)].fc_port_regs[CHAN2BANKPORT(port)][reg / 8];
}

u64 sim_fc_lun(int port, int idx)
{
	struct sisl_global_map *g = (struct sisl_global_map *)sim.global;

	return (__force u64)g->bank[CHAN2PORTBANK(port)]
		.fc_port_luns[CHAN2BANKPORT(port)][idx & (CXLFLASH_NUM_VLUNS - 1)];
}

bool sim_port_online(int port)
{
	return (*sim_fc_reg(port, FC_MTIP_STATUS) & FC_MTIP_STATUS_MASK) == FC_MTIP_STATUS_ONLINE;
}

void sim_kick(void)
{
	sim.kick = true;
	if (sim.thread)
		wake_up_process(sim.thread);
}

/* Power-on contents of the per-context registers */
void sim_host_regs_reset(struct sim_ctx *ctx)
{
	memset(ctx->mmio, 0, SIZE_64K);
	sim_hset(ctx, HOFF(cmd_room), 256);
	sim_hset(ctx, HOFF(intr_mask), ~0ULL);
	if (sim_params.ws_unmap)
		sim_hset(ctx, HOFF(ctx_ctrl), SISL_CTX_CTRL_UNMAP_SECTOR);
	ctx->sq_start = ctx->sq_end = ctx->sq_head = 0;
	ctx->rrq_start = ctx->rrq_end = ctx->rrq_curr = 0;
	ctx->toggle = 1;
	ctx->halted = false;
	ctx->gen++;
}

void sim_ctrl_regs_reset(int pe)
{
	memset(sim.ctrl[pe], 0, sizeof(sim.ctrl[pe]));
	sim.unlocked[pe] = false;
}

void sim_afu_regs_reset(void)
{
	struct sim_ctx *ctx;
	int i;

	for (i = 0; i < MAX_CONTEXT; i++)
		sim_ctrl_regs_reset(i);
	idr_for_each_entry(&sim.idr, ctx, i) sim_host_regs_reset(ctx);
	memset(sim.global, 0, sizeof(sim.global));
	GREG(afu_port_sel) = PORT_MASK(sim_params.nports);
	memcpy(&GREG(afu_version), "SIM1.0 ", 8);
	GREG(interface_version) = (SISL_INTVER_CAP_SQ_CMD_MODE << SISL_INTVER_CAP_SHIFT) | 0x0101;
	for (i = 0; i < sim_params.nports; i++)
		*sim_fc_reg(i, FC_MTIP_STATUS) = FC_MTIP_STATUS_ONLINE;
}

/* ---- interrupts ---- */
void sim_raise_irq(struct sim_ctx *ctx, unsigned int num)
{
	unsigned long flags;

	if (!num)
		return;
	if (ctx->master) {
		irq_handler_t fn = num < ARRAY_SIZE(ctx->irq) ? ctx->irq[num].fn : NULL;

		if (!fn)
			return;
		/* look like a hard interrupt to the driver */
		local_bh_disable();
		local_irq_save(flags);
		fn(num, ctx->irq[num].cookie);
		local_irq_restore(flags);
		local_bh_enable();
		return;
	}
	if (num > ctx->num_irqs) {
		pr_warn_ratelimited("pe %d: LISN %u raised, only %d allocated\n", ctx->pe, num,
				    ctx->num_irqs);
		return;
	}
	spin_lock_irqsave(&ctx->lock, flags);
	__set_bit(num - 1, &ctx->irq_bitmap);
	ctx->pending_irq = true;
	spin_unlock_irqrestore(&ctx->lock, flags);
	wake_up_all(&ctx->wq);
}

void sim_raise_sync_err(struct sim_ctx *ctx, u64 bit, bool fatal)
{
	u64 st = sim_hget(ctx, HOFF(intr_status)) | bit;

	pr_warn("pe %d (pid %d): intr_status |= %#llx%s\n", ctx->pe, ctx->pid, bit,
		fatal ? ", context halted" : "");
	sim_hset(ctx, HOFF(intr_status), st);
	if (fatal)
		ctx->halted = true;
	if (st & ~sim_hget(ctx, HOFF(intr_mask)))
		sim_raise_irq(ctx, sim_hget(ctx, HOFF(ctx_ctrl)) & SISL_CTX_CTRL_LISN_MASK);
}

void sim_raise_async(u64 bits)
{
	u64 ctl = GREG(afu_ctrl) >> 40;
	struct sim_ctx *ctx = sim.slot[(ctl >> 8) & (MAX_CONTEXT - 1)];

	GREG(aintr_status) |= bits;
	if ((GREG(aintr_status) & ~GREG(aintr_mask)) && ctx && ctx->status == STARTED)
		sim_raise_irq(ctx, ctl & 0xff);
}

/* ---- kernel side MMIO ---- */
void sim_ctx_abort(struct sim_ctx *ctx)
{
	u64 tail = sim_hget(ctx, HOFF(sq_tail));

	ctx->gen++;
	if (tail >= ctx->sq_start && tail <= ctx->sq_end && ctx->sq_start)
		ctx->sq_head = tail;
	sim_hset(ctx, HOFF(sq_head), ctx->sq_head);
	sim_hset(ctx, HOFF(sq_ctx_reset), 0);
}

void sim_latch_sq(struct sim_ctx *ctx)
{
	ctx->sq_start = sim_hget(ctx, HOFF(sq_start));
	ctx->sq_end = sim_hget(ctx, HOFF(sq_end));
	ctx->sq_head = ctx->sq_start;
	sim_hset(ctx, HOFF(sq_head), ctx->sq_head);
}

void sim_latch_rrq(struct sim_ctx *ctx)
{
	ctx->rrq_start = sim_hget(ctx, HOFF(rrq_start));
	ctx->rrq_end = sim_hget(ctx, HOFF(rrq_end));
	ctx->rrq_curr = ctx->rrq_start;
	ctx->toggle = 1;
}

static u64 mmio_read(u64 off)
{
	struct sim_ctx *ctx;
	int n;

	if (off < HOSTS_SZ) {
		ctx = sim.slot[off / SIZE_64K];
		return ctx ? sim_hget(ctx, off % SIZE_64K) : 0;
	}
	off -= HOSTS_SZ;
	if (off < CTRLS_SZ) {
		n = off / cache_line_size();
		off = (off % cache_line_size()) / 8;
		if (off == CTRL(mbox_r))
			sim.unlocked[n] = true;
		return sim.ctrl[n][off];
	}
	off -= CTRLS_SZ;
	if (WARN_ON(off >= SIZE_64K))
		return ~0ULL;
	return sim.global[off / 8];
}

u64 sim_readq_be(const volatile void __iomem *addr)
{
	if (sim.frozen) {
		sim_eeh_detected();
		return ~0ULL;
	}
	return mmio_read((u64)addr - (u64)MAP_COOKIE);
}

u64 sim_readq_le(const volatile void __iomem *addr)
{
	return sim_readq_be(addr); /* only afu_version, kept as a string */
}

void sim_writeq_be(u64 val, volatile void __iomem *addr)
{
	u64 off = (u64)addr - (u64)MAP_COOKIE;
	struct sim_ctx *ctx;
	int n, port;

	if (sim.frozen)
		return;

	if (off < HOSTS_SZ) {
		ctx = sim.slot[off / SIZE_64K];
		off %= SIZE_64K;
		if (!ctx)
			return;
		switch (off) {
		case HOFF(intr_clear):
			sim_hset(ctx, HOFF(intr_status), sim_hget(ctx, HOFF(intr_status)) & ~val);
			return;
		case HOFF(sq_ctx_reset):
			if (!(val & 1))
				return;
			if (sim.stick_reset > 0) {
				sim.stick_reset--;
				sim_hset(ctx, off, 1);
				return;
			}
			sim_ctx_abort(ctx);
			return;
		case HOFF(intr_status):
		case HOFF(cmd_room):
		case HOFF(sq_head):
			return; /* read only */
		}
		sim_hset(ctx, off, val);
		if (off == HOFF(sq_end))
			sim_latch_sq(ctx);
		else if (off == HOFF(rrq_end))
			sim_latch_rrq(ctx);
		else if (off == HOFF(sq_tail))
			sim_kick();
		return;
	}

	off -= HOSTS_SZ;
	if (off < CTRLS_SZ) {
		n = off / cache_line_size();
		off = (off % cache_line_size()) / 8;
		if (off == CTRL(ctx_cap) && val) {
			/* write protected until mbox_r is read; needs a live pe */
			ctx = sim.slot[n];
			if (!sim.unlocked[n] || !ctx || ctx->status != STARTED)
				return;
			sim.unlocked[n] = false;
		}
		sim.ctrl[n][off] = val;
		return;
	}

	off -= CTRLS_SZ;
	if (WARN_ON(off >= SIZE_64K))
		return;
	if (off == offsetof(struct sisl_global_regs, aintr_clear)) {
		GREG(aintr_status) &= ~val;
		return;
	}
	for (port = 0; port < sim_params.nports; port++) {
		u64 *regs = sim_fc_reg(port, 0);
		u64 r = (u64)&sim.global[off / 8] - (u64)regs;

		if ((u64)&sim.global[off / 8] < (u64)regs || r >= CXLFLASH_NUM_REGS * 8)
			continue;
		switch (r) {
		case FC_MTIP_CMDCONFIG:
			*sim_fc_reg(port, FC_MTIP_STATUS) = val & FC_MTIP_CMDCONFIG_ONLINE
								    ? FC_MTIP_STATUS_ONLINE
								    : FC_MTIP_STATUS_OFFLINE;
			break;
		case FC_CONFIG2:
			if (val & (SISL_FC_SHUTDOWN_NORMAL | SISL_FC_SHUTDOWN_ABRUPT))
				*sim_fc_reg(port, FC_STATUS) |= SISL_STATUS_SHUTDOWN_COMPLETE;
			break;
		case FC_ERROR:
			*sim_fc_reg(port, FC_ERROR) &= ~val;
			return;
		}
	}
	sim.global[off / 8] = val;
}
