// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contexts: "cxlflash_cxl_ops", the backend that the driver selects through
 * cxlflash_assign_ops(). Behaves like drivers/misc/cxl/{api,context}.c.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "sim.h"

void *sim_ctx_new(struct pci_dev *pdev, void *afu_cookie)
{
	struct sim_ctx *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	int pe;

	if (!ctx)
		return ERR_PTR(-ENOMEM);
	ctx->mmio = alloc_pages_exact(SIZE_64K, GFP_KERNEL | __GFP_ZERO);
	if (!ctx->mmio) {
		kfree(ctx);
		return ERR_PTR(-ENOMEM);
	}
	init_waitqueue_head(&ctx->wq);
	spin_lock_init(&ctx->lock);
	ctx->status = OPENED;
	mutex_lock(&sim.lock);
	pe = idr_alloc(&sim.idr, ctx, 0, min_t(int, sim_params.max_ctx, MAX_CONTEXT), GFP_KERNEL);
	if (pe >= 0) {
		ctx->pe = pe;
		sim_host_regs_reset(ctx);
		sim_ctrl_regs_reset(pe);
		sim.slot[pe] = ctx;
	}
	mutex_unlock(&sim.lock);
	if (pe < 0) {
		free_pages_exact(ctx->mmio, SIZE_64K);
		kfree(ctx);
		return ERR_PTR(pe);
	}
	return ctx;
}

int sim_ctx_detach(struct sim_ctx *ctx)
{
	enum ctx_status old;

	mutex_lock(&sim.lock);
	old = ctx->status;
	ctx->status = CLOSED;
	ctx->gen++;
	if (old == STARTED) {
		sim_ctrl_regs_reset(ctx->pe);
		if (ctx->mm) {
			mmdrop(ctx->mm);
			ctx->mm = NULL;
		}
	}
	mutex_unlock(&sim.lock);
	if (old != STARTED)
		return -EBUSY;
	wake_up_all(&ctx->wq);
	return 0;
}

void sim_ctx_free(struct sim_ctx *ctx)
{
	if (ctx->mapping)
		simple_release_fs(&sim.vfs_mount, &sim.vfs_cnt);
	mutex_lock(&sim.lock);
	idr_remove(&sim.idr, ctx->pe);
	sim.slot[ctx->pe] = NULL;
	mutex_unlock(&sim.lock);
	free_pages_exact(ctx->mmio, SIZE_64K);
	kfree(ctx);
}

static int be_release_context(void *cookie)
{
	struct sim_ctx *ctx = cookie;

	if (ctx->status >= STARTED)
		return -EBUSY;
	sim_ctx_free(ctx);
	return 0;
}

static void *be_get_context(struct pci_dev *pdev, void *afu_cookie)
{
	return sim.master;
}

static void be_set_master(void *cookie)
{
	((struct sim_ctx *)cookie)->master = true;
}

static int be_process_element(void *cookie)
{
	return ((struct sim_ctx *)cookie)->pe;
}

static int be_start_context(void *cookie)
{
	struct sim_ctx *ctx = cookie;

	mutex_lock(&sim.lock);
	if (ctx->status != STARTED)
		ctx->status = STARTED;
	mutex_unlock(&sim.lock);
	return 0;
}

static int be_start_work(void *cookie, u64 irqs)
{
	struct sim_ctx *ctx = cookie;

	if ((s64)irqs < sim_params.pp_irqs)
		return -EINVAL;
	if (irqs < 4)
		pr_info_once("ATTACH with num_interrupts %llu; real CAPI flash AFUs may "
			     "retry_transient on 4\n",
			     irqs);
	if (sim.frozen)
		return -EIO;
	ctx->num_irqs = irqs;
	ctx->pid = task_tgid_nr(current);
	mutex_lock(&sim.lock);
	ctx->mm = current->mm;
	mmgrab(ctx->mm);
	ctx->status = STARTED;
	mutex_unlock(&sim.lock);
	sim_kick();
	return 0;
}

static int be_stop_context(void *cookie)
{
	return sim_ctx_detach(cookie);
}

static int be_map_afu_irq(void *cookie, int num, irq_handler_t handler, void *data, char *name)
{
	struct sim_ctx *ctx = cookie;

	if (num <= 0 || num > ctx->num_irqs)
		return -ENOENT;
	ctx->irq[num].cookie = data;
	ctx->irq[num].fn = handler;
	return 100 + ctx->pe * 8 + num;
}

static void be_unmap_afu_irq(void *cookie, int num, void *data)
{
	struct sim_ctx *ctx = cookie;

	mutex_lock(&sim.lock);
	ctx->irq[num].fn = NULL;
	mutex_unlock(&sim.lock);
}

static int be_allocate_afu_irqs(void *cookie, int num)
{
	((struct sim_ctx *)cookie)->num_irqs = num;
	return 0;
}

static void be_free_afu_irqs(void *cookie)
{
	((struct sim_ctx *)cookie)->num_irqs = 0;
}

static u64 be_get_irq_objhndl(void *cookie, int irq)
{
	return 0;
}

static void __iomem *be_psa_map(void *cookie)
{
	struct sim_ctx *ctx = cookie;

	return ctx->status == STARTED ? (void __iomem *)MAP_COOKIE : NULL;
}

static void be_psa_unmap(void __iomem *addr)
{
}

static int be_afu_reset(void *cookie)
{
	if (sim.frozen)
		return -EIO;
	mutex_lock(&sim.lock);
	sim_afu_regs_reset();
	mutex_unlock(&sim.lock);
	pr_info("AFU reset\n");
	return 0;
}

static void be_perst(void *afu_cookie, bool image)
{
}

static ssize_t be_read_adapter_vpd(struct pci_dev *pdev, void *buf, size_t count)
{
	memset(buf, 0, count);
	return count;
}

static void *be_create_afu(struct pci_dev *pdev)
{
	return &sim;
}

static void be_destroy_afu(void *afu_cookie)
{
}

static void *be_fops_get_context(struct file *file)
{
	return file->private_data;
}

const struct cxlflash_backend_ops cxlflash_cxl_ops = {
	.module = THIS_MODULE,
	.psa_map = be_psa_map,
	.psa_unmap = be_psa_unmap,
	.process_element = be_process_element,
	.map_afu_irq = be_map_afu_irq,
	.unmap_afu_irq = be_unmap_afu_irq,
	.get_irq_objhndl = be_get_irq_objhndl,
	.start_context = be_start_context,
	.stop_context = be_stop_context,
	.afu_reset = be_afu_reset,
	.set_master = be_set_master,
	.get_context = be_get_context,
	.dev_context_init = sim_ctx_new,
	.release_context = be_release_context,
	.perst_reloads_same_image = be_perst,
	.read_adapter_vpd = be_read_adapter_vpd,
	.allocate_afu_irqs = be_allocate_afu_irqs,
	.free_afu_irqs = be_free_afu_irqs,
	.create_afu = be_create_afu,
	.destroy_afu = be_destroy_afu,
	.get_fd = sim_get_fd,
	.fops_get_context = be_fops_get_context,
	.start_work = be_start_work,
	.fd_mmap = sim_fd_mmap,
	.fd_release = sim_fd_release,
};
