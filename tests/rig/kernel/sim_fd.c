// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The adapter file descriptor (fd2): poll, read, ioctl, mmap and release as in
 * drivers/misc/cxl/file.c.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <uapi/misc/cxl.h>
#include <uapi/scsi/cxlflash_ioctl.h>

#include "sim.h"

static int sim_fs_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, 0x1697697f) ? 0 : -ENOMEM;
}

static struct file_system_type sim_fs_type = {
	.name = "cxl",
	.owner = THIS_MODULE,
	.init_fs_context = sim_fs_init_fs_context,
	.kill_sb = kill_anon_super,
};

static bool event_pending(struct sim_ctx *ctx)
{
	return ctx->pending_irq;
}

static __poll_t sim_fd_poll(struct file *file, struct poll_table_struct *pt)
{
	struct sim_ctx *ctx = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &ctx->wq, pt);
	spin_lock_irq(&ctx->lock);
	if (event_pending(ctx))
		mask |= EPOLLIN | EPOLLRDNORM;
	else if (ctx->status == CLOSED)
		mask |= EPOLLERR;
	spin_unlock_irq(&ctx->lock);
	return mask;
}

static ssize_t sim_fd_read(struct file *file, char __user *buf, size_t count, loff_t *off)
{
	struct sim_ctx *ctx = file->private_data;
	struct cxl_event ev;
	int rc;

	if (sim.frozen)
		return -EIO;
	if (count < CXL_READ_MIN_SIZE)
		return -EINVAL;

	spin_lock_irq(&ctx->lock);
	while (!event_pending(ctx) && ctx->status != CLOSED) {
		spin_unlock_irq(&ctx->lock);
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		rc = wait_event_interruptible(ctx->wq, event_pending(ctx) ||
							       ctx->status == CLOSED || sim.frozen);
		if (rc)
			return rc;
		if (sim.frozen)
			return -EIO;
		spin_lock_irq(&ctx->lock);
	}
	if (!event_pending(ctx)) {
		spin_unlock_irq(&ctx->lock);
		return -EIO;
	}
	memset(&ev, 0, sizeof(ev));
	ev.header.process_element = ctx->pe;
	ev.header.size = sizeof(struct cxl_event_header) + sizeof(struct cxl_event_afu_interrupt);
	ev.header.type = CXL_EVENT_AFU_INTERRUPT;
	ev.irq.irq = __ffs(ctx->irq_bitmap) + 1;
	__clear_bit(ev.irq.irq - 1, &ctx->irq_bitmap);
	if (!ctx->irq_bitmap)
		ctx->pending_irq = false;
	spin_unlock_irq(&ctx->lock);

	if (copy_to_user(buf, &ev, ev.header.size))
		return -EFAULT;
	return ev.header.size;
}

static long sim_fd_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sim_ctx *ctx = file->private_data;
	struct cxl_afu_id id = { .flags = CXL_AFUID_FLAG_SLAVE, .afu_mode = CXL_MODE_DIRECTED };
	u32 pe = ctx->pe;

	if (ctx->status == CLOSED || sim.frozen)
		return -EIO;
	switch (cmd) {
	case CXL_IOCTL_START_WORK:
		return -EIO; /* already started */
	case CXL_IOCTL_GET_PROCESS_ELEMENT:
		return copy_to_user((void __user *)arg, &pe, sizeof(pe)) ? -EFAULT : 0;
	case CXL_IOCTL_GET_AFU_ID:
		return copy_to_user((void __user *)arg, &id, sizeof(id)) ? -EFAULT : 0;
	}
	return -EINVAL;
}

/*
 * cxl maps the problem state area with VM_PFNMAP. The pages are ordinary RAM
 * here and UML lacks pte_special(), so VM_MIXEDMAP is used instead: like
 * VM_PFNMAP it copies the page tables at fork(), and it keeps the reference
 * counts of both these pages and the driver's error page right.
 */
static vm_fault_t sim_mmap_fault(struct vm_fault *vmf)
{
	struct sim_ctx *ctx = vmf->vma->vm_file->private_data;
	u64 off = (u64)vmf->pgoff << PAGE_SHIFT;

	if (off >= SIZE_64K || ctx->status != STARTED)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(ctx->mmio + off);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct sim_vmops = {
	.fault = sim_mmap_fault,
};

int sim_fd_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct sim_ctx *ctx = file->private_data;

	if (ctx->status != STARTED || sim.frozen)
		return -EIO;
	if (((u64)vma->vm_pgoff << PAGE_SHIFT) + (vma->vm_end - vma->vm_start) > SIZE_64K)
		return -EINVAL;
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE) {
		pr_warn("MAP_PRIVATE mapping of the problem state area refused\n");
		return -EINVAL; /* the real one hits a BUG_ON() on fault */
	}
	vma->vm_flags |= VM_IO | VM_MIXEDMAP;
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_ops = &sim_vmops;
	return 0;
}

int sim_fd_release(struct inode *inode, struct file *file)
{
	struct sim_ctx *ctx = file->private_data;

	sim_ctx_detach(ctx);
	sim_ctx_free(ctx);
	return 0;
}

static int sim_fd_open(struct inode *inode, struct file *file)
{
	return -ENXIO;
}

struct file *sim_get_fd(void *cookie, struct file_operations *fops, int *fd)
{
	struct sim_ctx *ctx = cookie;
	int flags = O_RDWR | O_CLOEXEC, fdtmp, rc;
	struct inode *inode;
	struct file *file;
	char name[16];

	if (ctx->mapping)
		return ERR_PTR(-EEXIST);
	fdtmp = get_unused_fd_flags(flags);
	if (fdtmp < 0)
		return ERR_PTR(fdtmp);

#define PATCH_FOPS(op, fn)             \
	do {                           \
		if (!fops->op)         \
			fops->op = fn; \
	} while (0)
	PATCH_FOPS(open, sim_fd_open);
	PATCH_FOPS(poll, sim_fd_poll);
	PATCH_FOPS(read, sim_fd_read);
	PATCH_FOPS(release, sim_fd_release);
	PATCH_FOPS(unlocked_ioctl, sim_fd_ioctl);
	PATCH_FOPS(compat_ioctl, sim_fd_ioctl);
	PATCH_FOPS(mmap, sim_fd_mmap);

	rc = simple_pin_fs(&sim_fs_type, &sim.vfs_mount, &sim.vfs_cnt);
	if (rc < 0)
		goto err_fd;
	inode = alloc_anon_inode(sim.vfs_mount->mnt_sb);
	if (IS_ERR(inode))
		goto err_fs;
	snprintf(name, sizeof(name), "cxl:%d", ctx->pe);
	file = alloc_file_pseudo(inode, sim.vfs_mount, name, flags & (O_ACCMODE | O_NONBLOCK),
				 fops);
	if (IS_ERR(file)) {
		iput(inode);
		goto err_fs;
	}
	file->private_data = ctx;
	ctx->mapping = file->f_mapping;
	*fd = fdtmp;
	return file;
err_fs:
	simple_release_fs(&sim.vfs_mount, &sim.vfs_cnt);
err_fd:
	put_unused_fd(fdtmp);
	return NULL;
}
