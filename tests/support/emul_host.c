/* SPDX-License-Identifier: Apache-2.0 */
#include "support/emul_host.h"

#include <check.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emul/adapter.h"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_DISABLE_ERROR_REPORTING ((void)0)
#define VALGRIND_ENABLE_ERROR_REPORTING  ((void)0)
#endif

/* ---- adapters ---- */

static void explain(void *arg, const char *text)
{
	snprintf(arg, 256, "%s", text);
}

void emul_host_open(struct emul_host *host, const char *dir, const char *options)
{
	char device[512], why[256] = "";
	int ret;

	memset(host, 0, sizeof(*host));
	host->ops = &devport_emul_ops;
	host->adap_fd = -1;
	snprintf(host->dir, sizeof(host->dir), "%s", dir);
	snprintf(device, sizeof(device), "emul:%s%s%s", dir, *options ? "," : "", options);
	ret = host->ops->open(device, explain, why, &host->dp);
	ck_assert_msg(ret == 0, "%s: %d %s", device, ret, why);
}

void emul_host_make(struct emul_host *host, const char *options)
{
	const char *tmp = getenv("TMPDIR");
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/emul_host.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	emul_host_open(host, dir, options);
}

void emul_host_close(struct emul_host *host)
{
	host->ops->close(host->dp);
	host->dp = NULL;
}

void emul_host_remove(struct emul_host *host)
{
	DIR *dir = opendir(host->dir);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(host->dir), 0);
}

void emul_host_destroy(struct emul_host *host)
{
	emul_host_detach(host);
	if (emul_host_audit(host, 0))
		emul_audit_print(((struct emul_path *)host->dp)->ad, stderr);
	ck_assert_uint_eq(emul_host_audit(host, 0), 0);
	emul_host_close(host);
	emul_host_remove(host);
}

uint64_t emul_host_audit(const struct emul_host *host, uint64_t ignored)
{
	const struct emul_audit *audit = &((struct emul_path *)host->dp)->ad->shm->audit;
	uint64_t nr = 0;

	for (unsigned i = 0; i < EMUL_NR_BREACHES; i++)
		if (!(ignored & 1ull << i))
			nr += atomic_load(&audit->count[i]);
	return nr;
}

void emul_host_wild(bool wild)
{
	if (wild)
		VALGRIND_DISABLE_ERROR_REPORTING;
	else
		VALGRIND_ENABLE_ERROR_REPORTING;
}

void emul_host_fault(struct emul_host *host, const char *rule)
{
	struct emul_adapter *ad = ((struct emul_path *)host->dp)->ad;
	char why[EMUL_FAULT_TEXT_MAX] = "";
	struct timespec now;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &now);
	emul_lock(ad);
	ret = emul_fault_add(&ad->shm->fault, rule,
			     (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, why);
	emul_unlock(ad);
	emul_afu_wake_all(ad);
	ck_assert_msg(ret >= 0, "%s: %s", rule, why);
}

/* ---- contexts ---- */

static void reg(struct emul_host *host, enum sisl_reg offset, uint64_t value)
{
	host->ops->write64(host->mmio, offset, value);
}

void emul_host_setup(struct emul_host *host)
{
	memset(host->rrq, 0, host->nr_rrq * sizeof(*host->rrq));
	memset(host->sq, 0, host->nr_sq * sizeof(*host->sq));
	host->rrq_next = host->sq_next = 0;
	host->toggle = 1;
	reg(host, SISL_ENDIAN_CTRL,
	    __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? SISL_ENDIAN_BIG : SISL_ENDIAN_LITTLE);
	reg(host, SISL_RRQ_START, (uintptr_t)host->rrq);
	reg(host, SISL_RRQ_END, (uintptr_t)&host->rrq[host->nr_rrq - 1]);
	if (host->sq_mode) {
		reg(host, SISL_SQ_START, (uintptr_t)host->sq);
		reg(host, SISL_SQ_END, (uintptr_t)&host->sq[host->nr_sq - 1]);
	}
	reg(host, SISL_CTX_CTRL, SISL_LISN_SYNC_ERROR);
	reg(host, SISL_INTR_MASK, ~SISL_ISTATUS_MASK);
}

static void map(struct emul_host *host, uint64_t bytes)
{
	ck_assert_int_eq(host->ops->map(host->dp, host->adap_fd, bytes, &host->mmio), 0);
	emul_host_setup(host);
}

void emul_host_attach(struct emul_host *host, unsigned nr_rrq, unsigned nr_sq)
{
	struct dk_attach attach = { .hdr.flags = O_RDWR, .num_interrupts = 4 };
	int ret = host->ops->ioctl(host->dp, DK_IOCTL_ATTACH, &attach);

	ck_assert_int_eq(ret, 0);
	host->cookie = attach.context_id;
	host->adap_fd = (int)attach.adap_fd;
	host->block_bytes = attach.block_size;
	host->sq_mode = attach.hdr.return_flags & DK_RF_CONTEXT_SQ_CMD_MODE;
	host->nr_rrq = nr_rrq;
	host->nr_sq = nr_sq;
	host->rrq = aligned_alloc(128, (nr_rrq * sizeof(*host->rrq) + 127) / 128 * 128);
	host->sq = aligned_alloc(4096, (nr_sq * sizeof(*host->sq) + 4095) / 4096 * 4096);
	host->slots = aligned_alloc(128, EMUL_HOST_SLOTS * sizeof(*host->slots));
	memset(host->slots, 0, EMUL_HOST_SLOTS * sizeof(*host->slots));
	map(host, attach.mmio_size);
}

void emul_host_detach(struct emul_host *host)
{
	struct dk_detach detach = { .context_id = host->cookie };

	if (!host->mmio)
		return;
	ck_assert_int_eq(host->ops->ioctl(host->dp, DK_IOCTL_DETACH, &detach), 0);
	host->ops->unmap(host->mmio);
	ck_assert_int_eq(host->ops->close_adap_fd(host->dp, host->adap_fd), 0);
	host->mmio = NULL;
	free(host->rrq);
	free(host->sq);
	free(host->slots);
}

static bool recovered(struct emul_host *host)
{
	struct dk_recover_afu recover = { .context_id = host->cookie };

	ck_assert_int_eq(host->ops->ioctl(host->dp, DK_IOCTL_RECOVER_AFU, &recover), 0);
	if (!(recover.hdr.return_flags & DK_RF_CONTEXT_RESET))
		return false;
	host->cookie = recover.context_id;
	host->adap_fd = (int)recover.adap_fd;
	return true;
}

int emul_host_recover(struct emul_host *host)
{
	struct devport_mmio *old = host->mmio;
	int old_fd = host->adap_fd;

	if (!recovered(host))
		return 0;
	/* the next reset may have come already */
	while (host->ops->map(host->dp, host->adap_fd, SISL_MMIO_BYTES, &host->mmio) == -EIO) {
		int lost_fd = host->adap_fd;

		ck_assert(recovered(host));
		ck_assert_int_eq(host->ops->close_adap_fd(host->dp, lost_fd), 0);
	}
	emul_host_setup(host);
	host->ops->unmap(old);
	ck_assert_int_eq(host->ops->close_adap_fd(host->dp, old_fd), 0);
	return 1;
}

/* ---- handles ---- */

int emul_host_resize(struct emul_host *host, uint32_t handle, uint64_t nr_chunks,
		     uint64_t *ret_nr_chunks)
{
	uint64_t chunk = SISL_CHUNK_DEV_BLOCKS * host->block_bytes / SISL_LBA_BYTES;
	struct dk_resize resize = {
		.context_id = host->cookie,
		.rsrc_handle = handle,
		.req_size = nr_chunks * chunk,
	};
	int ret = host->ops->ioctl(host->dp, DK_IOCTL_VLUN_RESIZE, &resize);

	*ret_nr_chunks = (resize.last_lba + 1) / chunk;
	return ret;
}

uint32_t emul_host_virtual(struct emul_host *host, uint64_t nr_chunks)
{
	struct dk_uvirtual uvirtual = { .context_id = host->cookie };
	uint64_t granted;
	uint32_t handle;

	ck_assert_int_eq(host->ops->ioctl(host->dp, DK_IOCTL_USER_VIRTUAL, &uvirtual), 0);
	handle = (uint32_t)uvirtual.rsrc_handle;
	ck_assert_int_eq(emul_host_resize(host, handle, nr_chunks, &granted), 0);
	ck_assert_uint_eq(granted, nr_chunks);
	return handle;
}

uint32_t emul_host_direct(struct emul_host *host)
{
	struct dk_udirect udirect = { .context_id = host->cookie };

	ck_assert_int_eq(host->ops->ioctl(host->dp, DK_IOCTL_USER_DIRECT, &udirect), 0);
	return (uint32_t)udirect.rsrc_handle;
}

void emul_host_release(struct emul_host *host, uint32_t handle)
{
	struct dk_release release = { .context_id = host->cookie, .rsrc_handle = handle };

	ck_assert_int_eq(host->ops->ioctl(host->dp, DK_IOCTL_RELEASE, &release), 0);
}

/* ---- commands ---- */

struct sisl_ioarcb *emul_host_fill(struct emul_host *host, unsigned i, bool write, uint32_t handle,
				   uint64_t lba, uint32_t nr_blocks, void *buf)
{
	struct sisl_ioarcb *ioarcb = &host->slots[i].ioarcb;
	uint64_t be_lba = htobe64(lba);
	uint32_t be_blocks = htobe32(nr_blocks);

	memset(&host->slots[i], 0, sizeof(host->slots[i]));
	ioarcb->ctx_id = (uint16_t)(host->cookie & SISL_CTX_ID_MASK);
	ioarcb->req_flags = SISL_REQ_RES_HNDL | (write ? SISL_REQ_HOST_WRITE : 0);
	ioarcb->res_hndl = handle;
	ioarcb->data_len = (uint32_t)(nr_blocks * host->block_bytes);
	ioarcb->data_ea = (uintptr_t)buf;
	ioarcb->timeout = 5;
	ioarcb->cdb[0] = write ? SISL_CDB_WRITE_16 : SISL_CDB_READ_16;
	memcpy(ioarcb->cdb + 2, &be_lba, sizeof(be_lba));
	memcpy(ioarcb->cdb + 10, &be_blocks, sizeof(be_blocks));
	if (host->sq_mode)
		ioarcb->ioasa_ea = (uintptr_t)&host->slots[i].ioasa;
	memset(&host->slots[i].ioasa, 0xee, offsetof(struct sisl_ioasa, host_use));
	return ioarcb;
}

void emul_host_queue(struct emul_host *host, unsigned i)
{
	if (!host->sq_mode) {
		reg(host, SISL_IOARRIN, (uintptr_t)&host->slots[i].ioarcb);
		return;
	}
	host->sq[host->sq_next] = host->slots[i].ioarcb;
	host->sq_next = (host->sq_next + 1) % host->nr_sq;
}

void emul_host_ring(struct emul_host *host)
{
	if (host->sq_mode)
		reg(host, SISL_SQ_TAIL, (uintptr_t)&host->sq[host->sq_next]);
}

int emul_host_reap(struct emul_host *host)
{
	uint64_t *next = &host->rrq[host->rrq_next];
	uint64_t entry = __atomic_load_n(next, __ATOMIC_ACQUIRE);
	uint64_t offset;

	if ((entry & SISL_RRQ_TOGGLE) != host->toggle)
		return -1;
	offset = (entry & SISL_RRQ_ADDRESS_MASK) - (uintptr_t)host->slots;
	if (host->sq_mode)
		offset -= offsetof(struct emul_host_slot, ioasa);
	if (++host->rrq_next == host->nr_rrq) {
		host->rrq_next = 0;
		host->toggle ^= 1;
	}
	ck_assert_uint_eq(offset % sizeof(struct emul_host_slot), 0);
	ck_assert_uint_lt(offset / sizeof(struct emul_host_slot), EMUL_HOST_SLOTS);
	return (int)(offset / sizeof(struct emul_host_slot));
}

uint32_t emul_host_ioasc(const struct emul_host *host, unsigned i)
{
	const struct sisl_ioasa *ioasa = &host->slots[i].ioasa;

	return (uint32_t)ioasa->flags << 24 | (uint32_t)ioasa->afu_rc << 16 |
	       (uint32_t)ioasa->scsi_rc << 8 | ioasa->fc_rc;
}

uint32_t emul_host_do(struct emul_host *host, unsigned i)
{
	emul_host_queue(host, i);
	emul_host_ring(host);
	ck_assert_uint_eq(host->ops->run(host->mmio), 1);
	ck_assert_int_eq(emul_host_reap(host), (int)i);
	return emul_host_ioasc(host, i);
}

void emul_host_io(struct emul_host *host, bool write, uint32_t handle, uint64_t lba,
		  uint32_t nr_blocks, void *buf)
{
	uint32_t ioasc;

	emul_host_fill(host, 0, write, handle, lba, nr_blocks, buf);
	ioasc = emul_host_do(host, 0);
	ck_assert_msg(ioasc == 0, "ioasc %08" PRIx32, ioasc);
}
