/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Emulated CAPI flash adapter for the unmodified cxlflash driver: what its parts share.
 *
 *	sim_pci.c	the PCI function, parameters, start-up
 *	sim_eeh.c	EEH events, faults on request (debugfs)
 *	sim_ctx.c	contexts: the backend of the driver
 *	sim_fd.c	the adapter file descriptor (fd2)
 *	sim_regs.c	registers and interrupts
 *	sim_afu.c	command processing
 *	sim_target.c	the SCSI target
 *
 * User space MMIO is plain memory that a kernel thread polls, hence only the SQ command mode is
 * offered (SISL_INTVER_CAP_SQ_CMD_MODE).
 *
 * UML is uniprocessor and not preemptible: code between two sleeping points is atomic against
 * every other thread, which is relied upon throughout.
 */
#ifndef _SIM_H
#define _SIM_H

#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <scsi/scsi.h>
#include <scsi/scsi_host.h>

/* common.h uses what sislite.h declares, and does not include it. */
#include "sislite.h"

#include "common.h"
#include "main.h"

#define MAX_SIM_LUNS 8
#define BLK          4096u
#define BOUNCE_ORDER 6
#define BOUNCE_SZ    (PAGE_SIZE << BOUNCE_ORDER)

/* Kernel command line: cxlflash.NAME=VALUE */
struct sim_params {
	char *store[MAX_SIM_LUNS];
	int nstore;
	int lun_ports[MAX_SIM_LUNS];
	int nports;
	int max_ctx;
	int pp_irqs;
	bool ws_unmap;
	int poll_us;
	int idle_poll_us;
	int io_delay_us;
	bool reorder;
	int vlun_max_blocks;
	int eeh_delay_ms;
	bool trace;
};

extern struct sim_params sim_params;

enum ctx_status { CLOSED, OPENED, STARTED }; /* as enum cxl_context_status */

struct sim_ctx {
	int pe;
	enum ctx_status status;
	bool master;
	bool halted; /* permanent error, only exit helps */
	u8 *mmio;    /* 64K problem state area */
	struct mm_struct *mm;
	pid_t pid;
	struct address_space *mapping;
	wait_queue_head_t wq;
	spinlock_t lock;
	int num_irqs;
	unsigned long irq_bitmap;
	bool pending_irq;
	struct {
		irq_handler_t fn;
		void *cookie;
	} irq[8];
	/* latched queue state */
	u64 sq_start, sq_end, sq_head;
	u64 rrq_start, rrq_end, rrq_curr;
	u64 toggle;
	u32 gen; /* bumped when in-flight work is aborted */
	u64 ncmds;
};

struct sim_lun {
	int fd;
	u64 nblocks;
	u8 ua_asc, ua_ascq; /* pending unit attention, user path */
	u8 ua_master;       /* pending unit attention, master path */
};

struct sim_inject {
	int count;
	u8 flags, afu_rc, scsi_rc, fc_rc;
	u8 key, asc, ascq;
};

struct sim_adapter {
	struct mutex lock; /* contexts and command processing */
	struct idr idr;
	struct sim_ctx *slot[MAX_CONTEXT];
	struct sim_ctx *master;     /* default context */
	u64 ctrl[MAX_CONTEXT][16];  /* struct sisl_ctrl_map registers */
	bool unlocked[MAX_CONTEXT]; /* ctx_cap write enable */
	u64 global[SIZE_64K / 8];
	struct sim_lun lun[MAX_SIM_LUNS];
	int nluns;
	struct task_struct *thread;
	bool kick;
	u8 *bounce;
	bool frozen; /* EEH: MMIO reads all ones */
	bool eeh_queued;
	struct workqueue_struct *wq;
	struct delayed_work eeh_work;
	struct work_struct perm_work;
	struct pci_dev *pdev;
	struct pci_driver *drv;
	int rr;          /* port round robin */
	int drop_sync;   /* swallow that many AFU SYNCs */
	int stick_reset; /* that many SQ context resets never end */
	struct sim_inject inject;
	u64 nuser, nmaster, nsync;
	int vfs_cnt;
	struct vfsmount *vfs_mount;
};

extern struct sim_adapter sim;

/* No memory behind it: all accesses go through the accessors below */
#define MAP_COOKIE ((struct cxlflash_afu_map __iomem *)0x0ca7000000000000ULL)
#define HOSTS_SZ   (MAX_CONTEXT * (u64)SIZE_64K)
#define CTRLS_SZ   (MAX_CONTEXT * (u64)cache_line_size())

#define CTRL(field) (offsetof(struct sisl_ctrl_map, field) / 8)
#define GREG(field) sim.global[offsetof(struct sisl_global_regs, field) / 8]
#define HOFF(field) offsetof(struct sisl_host_map, field)

static inline u64 sim_hget(struct sim_ctx *ctx, unsigned int off)
{
	return be64_to_cpu(READ_ONCE(*(__be64 *)(ctx->mmio + off)));
}

static inline void sim_hset(struct sim_ctx *ctx, unsigned int off, u64 val)
{
	WRITE_ONCE(*(__be64 *)(ctx->mmio + off), cpu_to_be64(val));
}

/* sim_regs.c */
u64 *sim_fc_reg(int port, int reg);
u64 sim_fc_lun(int port, int idx);
bool sim_port_online(int port);
void sim_kick(void);
void sim_host_regs_reset(struct sim_ctx *ctx);
void sim_ctrl_regs_reset(int pe);
void sim_afu_regs_reset(void);
void sim_raise_irq(struct sim_ctx *ctx, unsigned int num);
void sim_raise_sync_err(struct sim_ctx *ctx, u64 bit, bool fatal);
void sim_raise_async(u64 bits);
void sim_ctx_abort(struct sim_ctx *ctx);
void sim_latch_sq(struct sim_ctx *ctx);
void sim_latch_rrq(struct sim_ctx *ctx);

/* sim_target.c */
struct sim_xfer {
	struct sim_ctx *ctx;
	u64 ea;
	u32 len; /* host buffer length */
	u32 gen;
	u16 req_flags;
	bool aborted;
};

int sim_ctx_copy(struct sim_ctx *ctx, u64 ea, void *buf, size_t len, bool to_ctx);
void sim_set_sense(struct sisl_ioasa *sa, u8 key, u8 asc, u8 ascq);
void sim_scsi_cmd(struct sim_xfer *x, int port, u64 lun_id, const u8 *cdb, struct sisl_ioasa *sa);

/* sim_afu.c */
int sim_thread_fn(void *unused);

/* sim_ctx.c */
void *sim_ctx_new(struct pci_dev *pdev, void *afu_cookie);
int sim_ctx_detach(struct sim_ctx *ctx);
void sim_ctx_free(struct sim_ctx *ctx);

/* sim_fd.c */
struct file *sim_get_fd(void *cookie, struct file_operations *fops, int *fd);
int sim_fd_mmap(struct file *file, struct vm_area_struct *vma);
int sim_fd_release(struct inode *inode, struct file *file);

/* sim_eeh.c */
void sim_eeh_detected(void);
void sim_eeh_init(void);

#endif
