/* SPDX-License-Identifier: Apache-2.0 */
/* MANAGE_LUN and VERIFY; modes and capacity of LUNs; the AFU LUN table. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "emul/driver/driver.h"
#include "emul/store/chunk.h"

/* ---- modes ---- */

int emul_lun_attach_locked(struct emul_lun *lun, enum emul_lun_mode mode)
{
	if (lun->mode == EMUL_LUN_NONE)
		lun->mode = mode;
	else if (lun->mode != mode)
		return -EINVAL;
	lun->users++;
	return 0;
}

void emul_lun_detach_locked(struct emul_adapter *ad, unsigned number)
{
	struct emul_lun *lun = &ad->shm->lun[number];

	if (lun->users && --lun->users)
		return;
	lun->mode = EMUL_LUN_NONE;
	emul_chunk_term(ad->shm, number);
}

/* ---- AFU LUN table ---- */

static void write_table(struct emul_adapter *ad, const struct emul_lun *lun, unsigned port,
			uint32_t index)
{
	atomic_store(&ad->shm->lun_table[port][index], (uint32_t)lun->disk[port]);
}

/** A LUN on several ports has the same index on all; these indexes grow from the first. */
static int enter_multi_port(struct emul_call *call, struct emul_lun *lun)
{
	struct emul_driver *driver = &call->ad->shm->driver;
	unsigned nr_ports = emul_geometry(call->ad)->nr_ports;

	for (unsigned port = 0; port < nr_ports; port++)
		if (lun->port_sel >> port & 1 &&
		    (int32_t)driver->next_multi_port == driver->next_single_port[port])
			return -ENOSPC;
	lun->table_index = driver->next_multi_port++;
	for (unsigned port = 0; port < nr_ports; port++)
		if (lun->port_sel >> port & 1)
			write_table(call->ad, lun, port, lun->table_index);
	return 0;
}

/** Indexes of LUNs on one port grow down from the last. */
static int enter_single_port(struct emul_call *call, struct emul_lun *lun)
{
	struct emul_driver *driver = &call->ad->shm->driver;
	unsigned port = (unsigned)__builtin_ctz(lun->port_sel);

	if ((int32_t)driver->next_multi_port == driver->next_single_port[port])
		return -ENOSPC;
	lun->table_index = (uint32_t)driver->next_single_port[port]--;
	write_table(call->ad, lun, port, lun->table_index);
	return 0;
}

int emul_lun_enter_table(struct emul_call *call)
{
	struct emul_lun *lun = emul_call_lun(call);
	int nr_ports = __builtin_popcount(lun->port_sel), rc;

	if (lun->in_table)
		return 0;
	if (!nr_ports)
		return -EIO;
	rc = nr_ports > 1 ? enter_multi_port(call, lun) : enter_single_port(call, lun);
	if (!rc)
		lun->in_table = 1;
	return rc;
}

/* ---- capacity ---- */

int emul_read_capacity(struct emul_call *call)
{
	uint64_t blocks = atomic_load(&call->ad->shm->disk[call->path->lun].nr_blocks);

	if (!blocks)
		return -EIO;
	emul_call_lun(call)->max_lba = blocks - 1;
	return 0;
}

/* ---- VERIFY ---- */

#define SENSE_NONE           0x0
#define SENSE_RECOVERED      0x1
#define SENSE_NOT_READY      0x2
#define SENSE_UNIT_ATTENTION 0x6
#define ASC_RESET            0x29
#define ASC_PARAMETERS       0x2a
#define ASC_LUNS_CHANGED     0x3f

/** Sense key and ASC of fixed or descriptor format sense data; false when it is neither. */
static bool parse_sense(const uint8_t sense[DK_VERIFY_SENSE_LEN], uint8_t *ret_key,
			uint8_t *ret_asc)
{
	if ((sense[0] & 0x70) != 0x70)
		return false;
	if ((sense[0] & 0x7f) >= 0x72) {
		*ret_key = sense[1] & 0x0f;
		*ret_asc = sense[2];
	} else {
		*ret_key = sense[2] & 0x0f;
		*ret_asc = sense[7] + 8 > 12 ? sense[12] : 0;
	}
	return true;
}

/*
 * When no action is needed, the real driver returns the result of its sense parser, 1: the ioctl
 * succeeds, but nothing is copied back.
 */
static int process_sense(struct emul_call *call, const struct dk_verify *arg)
{
	int nothing_to_do = emul_geometry(call->ad)->bugs ? 1 : 0;
	uint8_t key, asc;

	if (!parse_sense(arg->sense_data, &key, &asc))
		return -EINVAL;
	if (key == SENSE_NONE || key == SENSE_RECOVERED || key == SENSE_NOT_READY)
		return nothing_to_do;
	if (key != SENSE_UNIT_ATTENTION)
		return -EIO;
	if (asc == ASC_RESET || asc == ASC_PARAMETERS)
		return emul_read_capacity(call) ? -ENODEV : 0;
	return asc == ASC_LUNS_CHANGED ? nothing_to_do : -EIO;
}

static int verify(struct emul_call *call, struct emul_ctx *ctx, struct dk_verify *arg)
{
	struct emul_lun *lun = emul_call_lun(call);
	struct emul_res res;
	int rc = 0;

	if (!emul_res_find(call->ad, ctx, arg->rsrc_handle, call->lun, &res))
		return -EINVAL;
	if (arg->hint & DK_VHF_SENSE) {
		/* The real driver hides the context while it queries the disk. */
		ctx->unavailable = 1;
		emul_unlock(call->ad);
		sched_yield();
		emul_lock(call->ad);
		rc = process_sense(call, arg);
		ctx->unavailable = 0;
	}
	if (rc)
		return rc;
	arg->last_lba = 0;
	if (lun->mode == EMUL_LUN_PHYSICAL)
		arg->last_lba = lun->max_lba;
	else if (lun->mode == EMUL_LUN_VIRTUAL)
		arg->last_lba = emul_last_lba(call->ad, atomic_load(&res.rht->lxt_cnt));
	return 0;
}

int emul_do_verify(struct emul_call *call, struct dk_verify *arg)
{
	struct emul_ctx *ctx =
		emul_ctx_get_locked(call->ad, arg->context_id, (int)call->lun, EMUL_CTX_LIVE);
	int rc;

	if (!ctx)
		return -EINVAL;
	rc = verify(call, ctx, arg);
	emul_ctx_put_locked(call->ad, ctx);
	return rc;
}

/* ---- MANAGE_LUN ---- */

static int find_or_create(struct emul_shm *shm, const uint8_t wwid[DK_WWID_LEN])
{
	int free_record = -1;

	for (int i = 0; i < EMUL_MAX_RECORDS; i++) {
		if (shm->lun[i].used && !memcmp(shm->lun[i].wwid, wwid, DK_WWID_LEN))
			return i;
		if (!shm->lun[i].used && free_record < 0)
			free_record = i;
	}
	if (free_record < 0)
		return -ENOMEM;
	memset(&shm->lun[free_record], 0, sizeof(shm->lun[free_record]));
	memcpy(shm->lun[free_record].wwid, wwid, DK_WWID_LEN);
	shm->lun[free_record].used = 1;
	return free_record;
}

/** As in the real driver, the WWID need not be that of the disk. */
int emul_do_manage_lun(struct emul_call *call, struct dk_manage_lun *arg)
{
	struct emul_shm *shm = call->ad->shm;
	unsigned port = call->path->port;
	uint8_t *bound = &shm->disk[call->path->lun].record[port];
	int record = find_or_create(shm, arg->wwid);
	struct emul_lun *lun = &shm->lun[record < 0 ? 0 : record];

	if (record < 0)
		return record;
	if (arg->hdr.flags & DK_MLF_ENABLE_SUPERPIPE) {
		lun->port_sel |= 1u << port;
		lun->disk[port] = (uint8_t)(call->path->lun + 1);
		*bound = (uint8_t)(record + 1);
	} else if (arg->hdr.flags & DK_MLF_DISABLE_SUPERPIPE) {
		if (lun->mode != EMUL_LUN_NONE)
			return -EBUSY;
		*bound = 0;
		lun->port_sel &= ~(1u << port);
		if (!lun->port_sel)
			lun->in_table = 0;
	}
	return 0;
}

/* ---- WRITE SAME ---- */

static void zero_media(struct emul_call *call, unsigned disk, uint64_t block)
{
	uint64_t bytes = emul_geometry(call->ad)->block_bytes;
	int fd = emul_adapter_open_media(call->ad, disk);

	if (fd < 0)
		return;
	(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(block * bytes),
			(off_t)(SISL_CHUNK_DEV_BLOCKS * bytes));
	close(fd);
}

void emul_zero_chunk(struct emul_call *call, struct emul_ctx *ctx, unsigned number, uint64_t chunk)
{
	const struct emul_lun *lun = &call->ad->shm->lun[number];
	bool bugs = emul_geometry(call->ad)->bugs;
	unsigned port = lun->port_sel ? (unsigned)__builtin_ctz(lun->port_sel) : 0;
	uint8_t disk = lun->disk[port];

	if (!disk || (!bugs && emul_chunk_is_shared(call->ad->shm, number, chunk)))
		return;
	ctx->unavailable = 1;
	emul_unlock(call->ad);
	/* The real driver passes the chunk number as a block number. */
	zero_media(call, disk - 1u, bugs ? chunk : chunk << SISL_CHUNK_SHIFT);
	emul_lock(call->ad);
	ctx->unavailable = 0;
}
