// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * EEH events and everything that can be made to go wrong through debugfs.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <linux/debugfs.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "sim.h"

void sim_eeh_detected(void)
{
	if (sim.eeh_queued)
		return;
	sim.eeh_queued = true;
	pr_info("EEH: frozen device noticed by the kernel\n");
	queue_delayed_work(sim.wq, &sim.eeh_work, msecs_to_jiffies(sim_params.eeh_delay_ms));
}

/* All MMIO reads return ones, nothing completes any more; nobody has noticed yet */
static void freeze(void)
{
	struct sim_ctx *ctx;
	int pe;

	if (sim.frozen)
		return;
	mutex_lock(&sim.lock);
	sim.frozen = true;
	sim.pdev->error_state = pci_channel_io_frozen;
	idr_for_each_entry(&sim.idr, ctx, pe)
	{
		memset(ctx->mmio, 0xff, SIZE_64K);
		wake_up_all(&ctx->wq);
	}
	mutex_unlock(&sim.lock);
	pr_info("EEH: device frozen\n");
}

static void eeh_work_fn(struct work_struct *work)
{
	const struct pci_error_handlers *h = sim.drv->err_handler;
	struct sim_ctx *ctx;
	int pe, rc;

	rc = h->error_detected(sim.pdev, pci_channel_io_frozen);
	pr_info("EEH: error_detected() -> %s\n",
		rc == PCI_ERS_RESULT_NEED_RESET ? "need reset" : "disconnect");

	/* as cxl_context_detach_all() */
	for (pe = 0; pe < MAX_CONTEXT; pe++) {
		ctx = sim.slot[pe];
		if (!ctx || ctx == sim.master)
			continue;
		if (!sim_ctx_detach(ctx) && ctx->mapping)
			unmap_mapping_range(ctx->mapping, 0, 0, 1);
	}

	mutex_lock(&sim.lock);
	sim.frozen = false;
	sim.pdev->error_state = pci_channel_io_normal;
	sim_afu_regs_reset();
	mutex_unlock(&sim.lock);
	sim.eeh_queued = false;
	if (rc != PCI_ERS_RESULT_NEED_RESET)
		return;

	rc = h->slot_reset(sim.pdev);
	pr_info("EEH: slot_reset() -> %s\n",
		rc == PCI_ERS_RESULT_RECOVERED ? "recovered" : "disconnect");
	if (rc == PCI_ERS_RESULT_RECOVERED)
		h->resume(sim.pdev);
	else
		h->error_detected(sim.pdev, pci_channel_io_perm_failure);
	pr_info("EEH: done\n");
}

static void perm_work_fn(struct work_struct *work)
{
	sim.drv->err_handler->error_detected(sim.pdev, pci_channel_io_perm_failure);
}

/* ---- debugfs ---- */
static ssize_t ctl_write(struct file *file, const char __user *ubuf, size_t len, loff_t *off)
{
	char buf[128], arg[32];
	u64 v, w;
	int a, n, f[7] = { 0 };

	if (len >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, len))
		return -EFAULT;
	buf[len] = 0;
	strim(buf);

	if (!strcmp(buf, "freeze")) {
		freeze();
	} else if (!strcmp(buf, "eeh")) {
		freeze();
		sim_eeh_detected();
	} else if (!strcmp(buf, "perm")) {
		freeze();
		sim.eeh_queued = true; /* there is no way back */
		queue_work(sim.wq, &sim.perm_work);
	} else if (!strcmp(buf, "remove")) {
		sim.drv->remove(sim.pdev);
	} else if (sscanf(buf, "aintr %llx", &v) == 1) {
		mutex_lock(&sim.lock);
		sim_raise_async(v);
		mutex_unlock(&sim.lock);
	} else if (sscanf(buf, "port %d %31s", &a, arg) == 2) {
		if (a < 0 || a >= sim_params.nports)
			return -EINVAL;
		*sim_fc_reg(a, FC_MTIP_STATUS) =
			!strcmp(arg, "online") ? FC_MTIP_STATUS_ONLINE : FC_MTIP_STATUS_OFFLINE;
	} else if (sscanf(buf, "ua %d %x %x", &a, &f[0], &f[1]) == 3) {
		if (a < 0 || a >= sim.nluns)
			return -EINVAL;
		sim.lun[a].ua_asc = f[0];
		sim.lun[a].ua_ascq = f[1];
	} else if (sscanf(buf, "resize %d %llu", &a, &w) == 2) {
		if (a < 0 || a >= sim.nluns || !w)
			return -EINVAL;
		sim.lun[a].nblocks = w;
		sim.lun[a].ua_asc = 0x2a; /* capacity data has changed */
		sim.lun[a].ua_ascq = 0x09;
	} else if (sscanf(buf, "dropsync %d", &a) == 1) {
		sim.drop_sync = a;
	} else if (sscanf(buf, "stickreset %d", &a) == 1) {
		sim.stick_reset = a;
	} else {
		/* fail <count> <flags> <afu_rc> <scsi_rc> <fc_rc> [key asc ascq] */
		n = sscanf(buf, "fail %d %x %x %x %x %x %x %x", &a, &f[0], &f[1], &f[2], &f[3],
			   &f[4], &f[5], &f[6]);
		if (n < 5)
			return -EINVAL;
		sim.inject = (struct sim_inject){ .flags = f[0],
						  .afu_rc = f[1],
						  .scsi_rc = f[2],
						  .fc_rc = f[3],
						  .key = f[4],
						  .asc = f[5],
						  .ascq = f[6],
						  .count = a };
	}
	return len;
}

static const struct file_operations ctl_fops = {
	.write = ctl_write,
};

static int state_show(struct seq_file *m, void *v)
{
	static const char *const names[] = { "probing", "probed", "normal", "reset", "failterm" };
	struct cxlflash_cfg *cfg = pci_get_drvdata(sim.pdev);
	struct sim_ctx *ctx;
	int pe, i;

	seq_printf(m, "driver state %s, frozen %d\n", names[cfg->state], sim.frozen);
	seq_printf(m, "commands: user %llu master %llu sync %llu\n", sim.nuser, sim.nmaster,
		   sim.nsync);
	seq_printf(m, "to come: drop_sync %d, stick_reset %d, fail %d\n", sim.drop_sync,
		   sim.stick_reset, sim.inject.count);
	for (i = 0; i < sim.nluns; i++)
		seq_printf(m, "lun %d: %llu blocks, ports %x\n", i, sim.lun[i].nblocks,
			   sim_params.lun_ports[i]);
	mutex_lock(&sim.lock);
	idr_for_each_entry(&sim.idr, ctx, pe) seq_printf(
		m,
		"pe %d: %s%s%s pid %d cmds %llu cap %llx rht %llx cnt_id %llx sq %llx-%llx head "
		"%llx tail %llx rrq %llx-%llx curr %llx t %llu irqs %d pend %lx\n",
		pe, ctx->master ? "master " : "",
		ctx->status == STARTED  ? "started"
		: ctx->status == OPENED ? "opened"
					: "closed",
		ctx->halted ? " HALTED" : "", ctx->pid, ctx->ncmds, sim.ctrl[pe][CTRL(ctx_cap)],
		sim.ctrl[pe][CTRL(rht_start)], sim.ctrl[pe][CTRL(rht_cnt_id)], ctx->sq_start,
		ctx->sq_end, ctx->sq_head, sim_hget(ctx, HOFF(sq_tail)), ctx->rrq_start,
		ctx->rrq_end, ctx->rrq_curr, ctx->toggle, ctx->num_irqs, ctx->irq_bitmap);
	mutex_unlock(&sim.lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

void sim_eeh_init(void)
{
	struct dentry *d = debugfs_create_dir("cxlflash_sim", NULL);

	INIT_DELAYED_WORK(&sim.eeh_work, eeh_work_fn);
	INIT_WORK(&sim.perm_work, perm_work_fn);
	debugfs_create_file("ctl", 0200, d, NULL, &ctl_fops);
	debugfs_create_file("state", 0400, d, NULL, &state_fops);
}
