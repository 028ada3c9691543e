// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The FC/SCSI target behind the AFU: sparse files of the host as disks.
 */
#undef pr_fmt
#define pr_fmt(fmt) "cxlflash_sim: " fmt

#include <asm/unaligned.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <os.h>
#include <scsi/scsi.h>
#include <scsi/scsi_proto.h>

#include "sim.h"

/* ---- memory of the context (PSL/XSL translation) ---- */
int sim_ctx_copy(struct sim_ctx *ctx, u64 ea, void *buf, size_t len, bool to_ctx)
{
	int n;

	if (ctx->master) {
		if (!virt_addr_valid((void *)ea))
			return -EFAULT;
		if (to_ctx)
			memcpy((void *)ea, buf, len);
		else
			memcpy(buf, (void *)ea, len);
		return 0;
	}
	if (!ctx->mm || !mmget_not_zero(ctx->mm))
		return -EFAULT;
	n = access_remote_vm(ctx->mm, ea, buf, len, to_ctx ? FOLL_WRITE : 0);
	/* not the last reference's __mmput here: it would run in our thread */
	mmput_async(ctx->mm);
	return n == len ? 0 : -EFAULT;
}

/* ---- commands ---- */
void sim_set_sense(struct sisl_ioasa *sa, u8 key, u8 asc, u8 ascq)
{
	memset(sa->sense_data, 0, sizeof(sa->sense_data));
	sa->rc.flags |= SISL_RC_FLAGS_SENSE_VALID;
	sa->rc.scsi_rc = SISL_SCSI_RC_CHECK;
	sa->sense_data[0] = 0x70;
	sa->sense_data[2] = key;
	sa->sense_data[7] = 10;
	sa->sense_data[12] = asc;
	sa->sense_data[13] = ascq;
}

static void dma_err(struct sisl_ioasa *sa)
{
	sa->rc.afu_rc = SISL_AFU_RC_DATA_DMA_ERR;
	sa->afu_extra = SISL_AFU_DMA_ERR_INVALID_EA;
}

/* residual handling common to all data commands; want is the target's length */
static void set_resid(struct sim_xfer *x, struct sisl_ioasa *sa, u32 want)
{
	if (want < x->len) {
		sa->resid = x->len - want;
		if (!(x->req_flags & SISL_REQ_FLAGS_SUP_UNDERRUN)) {
			sa->rc.flags |= SISL_RC_FLAGS_UNDERRUN;
			sa->rc.fc_rc = SISL_FC_RC_RESID;
		}
	} else if (want > x->len) {
		/* IBM's function tests expect a check condition here, whatever its sense */
		sa->resid = want - x->len;
		sim_set_sense(sa, ABORTED_COMMAND, 0x4b, 0);
		sa->rc.flags |= SISL_RC_FLAGS_OVERRUN;
	}
}

static void data_in(struct sim_xfer *x, struct sisl_ioasa *sa, void *buf, u32 n)
{
	n = min(n, x->len);
	if (n && sim_ctx_copy(x->ctx, x->ea, buf, n, true))
		dma_err(sa);
	if (n < x->len)
		sa->resid = x->len - n;
	/* allocation length semantics: short is no error */
}

static int store_io(struct sim_lun *lun, bool write, u64 pos, void *buf, u32 len)
{
	u32 done = 0;
	int n;

	while (done < len) {
		n = write ? os_pwrite_file(lun->fd, buf + done, len - done, pos + done)
			  : os_pread_file(lun->fd, buf + done, len - done, pos + done);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? n : -EIO;
		done += n;
	}
	return 0;
}

static void media_rw(struct sim_xfer *x, struct sim_lun *lun, bool write, u64 lba, u32 nblk,
		     struct sisl_ioasa *sa)
{
	u64 want = (u64)nblk * BLK, off = 0, todo;
	u32 n;

	if (lba >= lun->nblocks || nblk > lun->nblocks - lba) {
		sim_set_sense(sa, ILLEGAL_REQUEST, 0x21, 0);
		return;
	}
	todo = min_t(u64, want, x->len);
	while (off < todo) {
		n = min_t(u64, todo - off, BOUNCE_SZ);
		if (write && sim_ctx_copy(x->ctx, x->ea + off, sim.bounce, n, false)) {
			dma_err(sa);
			return;
		}
		if (store_io(lun, write, lba * BLK + off, sim.bounce, n)) {
			sim_set_sense(sa, MEDIUM_ERROR, write ? 0x0c : 0x11, 0);
			return;
		}
		if (x->ctx->gen != x->gen) {
			x->aborted = true;
			return;
		}
		if (!write && sim_ctx_copy(x->ctx, x->ea + off, sim.bounce, n, true)) {
			dma_err(sa);
			return;
		}
		off += n;
	}
	set_resid(x, sa, min_t(u64, want, U32_MAX));
}

static void write_same(struct sim_xfer *x, struct sim_lun *lun, u64 lba, u64 nblk, bool ndob,
		       struct sisl_ioasa *sa)
{
	bool zero = true;
	int i, rc;

	if (lba >= lun->nblocks || nblk > lun->nblocks - lba) {
		sim_set_sense(sa, ILLEGAL_REQUEST, 0x21, 0);
		return;
	}
	if (!nblk)
		nblk = lun->nblocks - lba;
	memset(sim.bounce, 0, BLK);
	if (!ndob) {
		if (x->len < BLK || sim_ctx_copy(x->ctx, x->ea, sim.bounce, BLK, false)) {
			dma_err(sa);
			return;
		}
		for (i = 0; i < BLK / 8; i++)
			if (((u64 *)sim.bounce)[i])
				zero = false;
	}
	while (nblk) {
		u64 n = zero ? min_t(u64, nblk, SZ_512M / BLK) : 1;

		if (zero)
			rc = os_falloc_punch(lun->fd, lba * BLK, n * BLK);
		else
			rc = store_io(lun, true, lba * BLK, sim.bounce, BLK);
		if (rc < 0) {
			sim_set_sense(sa, MEDIUM_ERROR, 0x0c, 0);
			return;
		}
		lba += n;
		nblk -= n;
	}
}

static void lun_wwid(int lun, u8 *p)
{
	/* NAA 6, IBM OUI 005076 */
	static const u8 base[16] = { 0x60, 0x05, 0x07, 0x68, 0x0c, 0xa9, 0x1f, 0x1a,
				     0x50, 0x00, 0x00, 0x00, 0x00, 0x00, 0x51, 0x00 };
	memcpy(p, base, 16);
	p[15] = lun;
}

static void inquiry(struct sim_xfer *x, int idx, const u8 *cdb, struct sisl_ioasa *sa)
{
	u8 b[96] = { 0 };
	u32 alloc = get_unaligned_be16(&cdb[3]);
	int n = 0;

	if (!(cdb[1] & 1)) {
		b[0] = idx < 0 ? 0x7f : 0;
		b[2] = 6; /* SPC-4 */
		b[3] = 0x12;
		b[4] = 91;
		b[7] = 2; /* CmdQue */
		memcpy(&b[8], "IBM     FlashSystem-SIM 0001", 28);
		n = 96;
	} else if (idx < 0) {
		sim_set_sense(sa, ILLEGAL_REQUEST, 0x25, 0);
		return;
	} else {
		b[1] = cdb[2];
		switch (cdb[2]) {
		case 0x00:
			memcpy(&b[4], "\x00\x80\x83\xb0\xb1", 5);
			n = 5;
			break;
		case 0x80:
			n = scnprintf(&b[4], 32, "CXLSIM%010d", idx);
			break;
		case 0x83:
			b[4] = 1; /* binary */
			b[5] = 3; /* NAA, addressed LUN */
			b[7] = 16;
			lun_wwid(idx, &b[8]);
			n = 20;
			break;
		case 0xb0:
			put_unaligned_be32(CXLFLASH_MAX_XFER_SIZE / BLK, &b[8]);
			put_unaligned_be64(0x10000, &b[36]); /* max WRITE SAME */
			n = 60;
			break;
		case 0xb1:
			put_unaligned_be16(1, &b[4]); /* non-rotating */
			n = 60;
			break;
		default:
			sim_set_sense(sa, ILLEGAL_REQUEST, 0x24, 0);
			return;
		}
		put_unaligned_be16(n, &b[2]);
		n += 4;
	}
	data_in(x, sa, b, min_t(u32, n, alloc));
}

static void report_luns(struct sim_xfer *x, int port, const u8 *cdb, struct sisl_ioasa *sa)
{
	u8 b[8 + 8 * MAX_SIM_LUNS] = { 0 };
	int i, n = 8;

	for (i = 0; i < sim.nluns; i++)
		if (sim_params.lun_ports[i] & (1 << port)) {
			put_unaligned_be64(lun_to_lunid(i), &b[n]);
			n += 8;
		}
	put_unaligned_be32(n - 8, b);
	data_in(x, sa, b, min_t(u32, n, get_unaligned_be32(&cdb[6])));
}

void sim_scsi_cmd(struct sim_xfer *x, int port, u64 lun_id, const u8 *cdb, struct sisl_ioasa *sa)
{
	struct sim_lun *lun = NULL;
	u8 b[64] = { 0 };
	int i, idx = -1;

	sa->port = port;
	for (i = 0; i < sim.nluns; i++)
		if (lun_to_lunid(i) == lun_id && (sim_params.lun_ports[i] & (1 << port)))
			idx = i;
	if (idx >= 0)
		lun = &sim.lun[idx];

	switch (cdb[0]) {
	case INQUIRY:
		inquiry(x, idx, cdb, sa);
		return;
	case REPORT_LUNS:
		report_luns(x, port, cdb, sa);
		return;
	case REQUEST_SENSE:
		b[0] = 0x70;
		b[7] = 10;
		data_in(x, sa, b, min_t(u32, 18, cdb[4]));
		return;
	}
	if (!lun) {
		sim_set_sense(sa, ILLEGAL_REQUEST, 0x25, 0);
		return;
	}
	if (!x->ctx->master && lun->ua_asc) {
		sim_set_sense(sa, UNIT_ATTENTION, lun->ua_asc, lun->ua_ascq);
		lun->ua_asc = 0;
		return;
	}

	switch (cdb[0]) {
	case TEST_UNIT_READY:
	case START_STOP:
	case SYNCHRONIZE_CACHE:
	case SYNCHRONIZE_CACHE_16:
	case VERIFY:
	case VERIFY_16:
		break;
	case READ_CAPACITY:
		put_unaligned_be32(min_t(u64, lun->nblocks - 1, U32_MAX), &b[0]);
		put_unaligned_be32(BLK, &b[4]);
		data_in(x, sa, b, 8);
		break;
	case SERVICE_ACTION_IN_16:
		if ((cdb[1] & 0x1f) != SAI_READ_CAPACITY_16)
			goto bad;
		put_unaligned_be64(lun->nblocks - 1, &b[0]);
		put_unaligned_be32(BLK, &b[8]);
		data_in(x, sa, b, min_t(u32, 32, get_unaligned_be32(&cdb[10])));
		break;
	case MODE_SENSE:
		b[0] = 3;
		if ((cdb[2] & 0x3f) == 0x08 || (cdb[2] & 0x3f) == 0x3f) {
			b[4] = 0x08; /* caching page, WCE=0 */
			b[5] = 18;
			b[0] += 20;
		}
		data_in(x, sa, b, min_t(u32, b[0] + 1, cdb[4]));
		break;
	case MODE_SENSE_10:
		b[1] = 6;
		if ((cdb[2] & 0x3f) == 0x08 || (cdb[2] & 0x3f) == 0x3f) {
			b[8] = 0x08;
			b[9] = 18;
			b[1] += 20;
		}
		data_in(x, sa, b, min_t(u32, b[1] + 2, get_unaligned_be16(&cdb[7])));
		break;
	case READ_10:
	case WRITE_10:
		media_rw(x, lun, cdb[0] == WRITE_10, get_unaligned_be32(&cdb[2]),
			 get_unaligned_be16(&cdb[7]), sa);
		break;
	case READ_16:
	case WRITE_16:
		media_rw(x, lun, cdb[0] == WRITE_16, get_unaligned_be64(&cdb[2]),
			 get_unaligned_be32(&cdb[10]), sa);
		break;
	case WRITE_SAME:
		write_same(x, lun, get_unaligned_be32(&cdb[2]), get_unaligned_be16(&cdb[7]), false,
			   sa);
		break;
	case WRITE_SAME_16:
		write_same(x, lun, get_unaligned_be64(&cdb[2]), get_unaligned_be32(&cdb[10]),
			   cdb[1] & 1, sa);
		break;
	default:
bad:
		sim_set_sense(sa, ILLEGAL_REQUEST, 0x20, 0);
		break;
	}
}
