/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/driver/fd2.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emul/driver/ctx.h"
#include "emul/driver/driver.h"
#include "emul/driver/release.h"
#include "emul/store/safe_open.h"

/* The file position of an fd2 encodes the generation and the number of its PE. */
#define TAG_PE_SHIFT  16
#define TAG_GEN_SHIFT 25

static off_t tag_of(unsigned pe, uint64_t generation)
{
	return (off_t)(generation << TAG_GEN_SHIFT | (uint64_t)pe << TAG_PE_SHIFT);
}

static struct flock range_of(unsigned pe)
{
	return (struct flock){
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)pe * SISL_MMIO_BYTES,
		.l_len = SISL_MMIO_BYTES,
	};
}

bool emul_pe_is_referenced(struct emul_adapter *ad, unsigned pe)
{
	struct flock range = range_of(pe);

	return fcntl(ad->mmio_fd, F_OFD_GETLK, &range) || range.l_type != F_UNLCK;
}

void emul_pe_changed(struct emul_adapter *ad)
{
	atomic_fetch_add(&ad->shm->pe_seq, 1);
	syscall(SYS_futex, &ad->shm->pe_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- creation ---- */

static int open_fd2(struct emul_adapter *ad, unsigned pe, uint64_t generation)
{
	struct flock range = range_of(pe);
	char why[EMUL_SAFE_OPEN_WHY];
	int fd = emul_safe_open(ad->dir_fd, "mmio", O_RDWR, why);

	if (fd < 0)
		return fd;
	if (lseek(fd, tag_of(pe, generation), SEEK_SET) < 0 || fcntl(fd, F_OFD_SETLK, &range)) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static void init_pe(struct emul_adapter *ad, unsigned number, uint64_t generation, unsigned ctx,
		    int fd)
{
	struct emul_pe *pe = &ad->shm->pe[number];

	atomic_store(&pe->capability, 0);
	atomic_store(&pe->rht, 0);
	atomic_store(&pe->generation, generation);
	atomic_store(&pe->owner, (uint32_t)getpid());
	pe->owner_start = emul_self_start(ad);
	pe->ctx = ctx + 1;
	pe->adap_fd = fd;
	pe->owner_dropped = 0;
	pe->owner_died = 0;
	pe->awaits_close = 0;
	pe->left_open = 0;
	memset(pe->copies, 0, sizeof(pe->copies));
	atomic_store(&pe->flags, EMUL_PE_USED);
	pthread_mutex_lock(&ad->local_lock);
	ad->ref[number] = (struct emul_local_ref){ .generation = generation, .fds = 1 };
	pthread_mutex_unlock(&ad->local_lock);
}

int emul_pe_new_locked(struct emul_adapter *ad, unsigned ctx, unsigned *ret_pe, int *ret_fd)
{
	unsigned end = EMUL_FIRST_USER_PE + emul_geometry(ad)->nr_contexts, pe = EMUL_FIRST_USER_PE;
	uint64_t generation;
	int fd;

	while (pe < end && atomic_load(&ad->shm->pe[pe].flags) & EMUL_PE_USED)
		pe++;
	if (pe == end)
		return -ENODEV;
	generation = ad->shm->driver.next_generation++;
	fd = open_fd2(ad, pe, generation);
	if (fd < 0)
		return -ENODEV;
	init_pe(ad, pe, generation, ctx, fd);
	*ret_pe = pe;
	*ret_fd = fd;
	return 0;
}

void emul_pe_disconnect_locked(struct emul_adapter *ad, unsigned number)
{
	struct emul_pe *pe = &ad->shm->pe[number];

	pe->ctx = 0;
	atomic_store(&pe->rht, 0);
	atomic_store(&pe->rht_count, 0);
	atomic_store(&pe->capability, 0);
}

/* ---- close ---- */

/** Counts down this process's references. Return: true if it still has a known one. */
static bool drop_local(struct emul_adapter *ad, unsigned pe, uint64_t generation, bool map)
{
	struct emul_local_ref *ref = &ad->ref[pe];
	bool holds;

	pthread_mutex_lock(&ad->local_lock);
	if (ref->generation != generation) {
		holds = false;
	} else {
		if (map && ref->maps)
			ref->maps--;
		else if (!map && ref->fds)
			ref->fds--;
		holds = ref->maps || ref->fds;
	}
	pthread_mutex_unlock(&ad->local_lock);
	return holds;
}

static void forget_copy(struct emul_pe *pe)
{
	for (unsigned i = 0; i < EMUL_MAX_COPIES; i++)
		if (pe->copies[i] == (uint32_t)getpid())
			pe->copies[i] = 0;
}

static void dropped_locked(struct emul_adapter *ad, unsigned number, uint64_t generation,
			   bool holds)
{
	struct emul_pe *pe = &ad->shm->pe[number];
	struct emul_closer closer = { (uint32_t)getpid(), (uint32_t)getppid(), false };

	if (!(atomic_load(&pe->flags) & EMUL_PE_USED) || atomic_load(&pe->generation) != generation)
		return;
	if (!emul_pe_is_referenced(ad, number)) {
		if (!(atomic_load(&pe->flags) & EMUL_PE_LEAKED) && !emul_pe_is_busy(ad, number))
			emul_pe_release_locked(ad, number, &closer);
		return;
	}
	if (atomic_load(&pe->owner) != closer.tgid)
		forget_copy(pe);
	else if (!holds)
		pe->owner_dropped = 1;
}

static void dropped(struct emul_adapter *ad, unsigned pe, uint64_t generation, bool map)
{
	bool holds = drop_local(ad, pe, generation, map);

	emul_lock(ad);
	dropped_locked(ad, pe, generation, holds);
	emul_unlock(ad);
}

int emul_fd2_identify(struct emul_adapter *ad, int fd, unsigned *ret_pe, uint64_t *ret_generation)
{
	struct stat fd2, mmio;
	off_t tag;

	if (fstat(fd, &fd2) || fstat(ad->mmio_fd, &mmio) || fd2.st_dev != mmio.st_dev ||
	    fd2.st_ino != mmio.st_ino || fd == ad->mmio_fd)
		return -EBADF;
	tag = lseek(fd, 0, SEEK_CUR);
	if (tag <= 0)
		return -EBADF;
	*ret_pe = (unsigned)(tag >> TAG_PE_SHIFT) % EMUL_MAX_PES;
	*ret_generation = (uint64_t)tag >> TAG_GEN_SHIFT;
	return 0;
}

int emul_driver_close_adap_fd(struct devport *dp, int adap_fd)
{
	struct emul_adapter *ad = ((struct emul_path *)dp)->ad;
	uint64_t generation;
	unsigned pe;
	bool ours = !emul_fd2_identify(ad, adap_fd, &pe, &generation);

	if (close(adap_fd))
		return -errno;
	if (ours)
		dropped(ad, pe, generation, false);
	else
		emul_audit_note(ad, EMUL_FD2_STRANGER_CLOSED, -1, (unsigned)adap_fd);
	return 0;
}

void emul_pe_driver_close_locked(struct emul_adapter *ad, unsigned number, int fd)
{
	uint64_t generation, expected = atomic_load(&ad->shm->pe[number].generation);
	unsigned pe;

	if (emul_fd2_identify(ad, fd, &pe, &generation) || pe != number || generation != expected)
		return;
	close(fd);
	dropped_locked(ad, pe, generation, drop_local(ad, pe, generation, false));
}

/* ---- mappings ---- */

static int check_map_locked(struct emul_adapter *ad, unsigned number, uint64_t generation,
			    size_t bytes)
{
	struct emul_pe *pe = &ad->shm->pe[number];
	struct emul_ctx *ctx;

	if (!(atomic_load(&pe->flags) & EMUL_PE_USED) || atomic_load(&pe->generation) != generation)
		return -EIO;
	ctx = emul_ctx_by_pe(ad, number, generation);
	if (!ctx || ctx->unavailable)
		return -EIO;
	if (ctx->owner != (uint32_t)getpid()) {
		emul_audit_note(ad, EMUL_FD2_FOREIGN_MAP, (int)number, ctx->owner);
		return -EIO;
	}
	if (bytes > SISL_MMIO_BYTES)
		return -EINVAL;
	return atomic_load(&pe->flags) & EMUL_PE_CLOSED ? -EIO : 0;
}

int emul_fd2_check_map(struct emul_adapter *ad, int fd, size_t bytes, unsigned *ret_pe,
		       uint64_t *ret_generation)
{
	uint64_t generation;
	unsigned pe;
	int rc = emul_fd2_identify(ad, fd, &pe, &generation);

	if (rc)
		return rc;
	emul_lock(ad);
	rc = check_map_locked(ad, pe, generation, bytes);
	emul_unlock(ad);
	if (!rc) {
		*ret_pe = pe;
		*ret_generation = generation;
	}
	return rc;
}

void emul_fd2_mapped(struct emul_adapter *ad, unsigned pe, uint64_t generation)
{
	pthread_mutex_lock(&ad->local_lock);
	if (ad->ref[pe].generation != generation)
		ad->ref[pe] = (struct emul_local_ref){ .generation = generation };
	ad->ref[pe].maps++;
	pthread_mutex_unlock(&ad->local_lock);
	emul_adapter_get(ad);
}

void emul_fd2_unmapped(struct emul_adapter *ad, unsigned pe, uint64_t generation)
{
	dropped(ad, pe, generation, true);
	emul_adapter_put(ad);
}

/* ---- the end of a program, and forks
 * ----------------------------------------------------------------- */

static bool is_held(const struct emul_adapter *ad, unsigned number)
{
	const struct emul_local_ref *ref = &ad->ref[number];
	const struct emul_pe *pe = &ad->shm->pe[number];

	return (ref->fds || ref->maps) && atomic_load(&pe->flags) & EMUL_PE_USED &&
	       atomic_load(&pe->generation) == ref->generation;
}

void emul_fd2_end(struct emul_adapter *ad)
{
	emul_lock(ad);
	for (unsigned i = EMUL_FIRST_USER_PE; i < EMUL_MAX_PES; i++)
		if (is_held(ad, i) && ad->shm->pe[i].awaits_close)
			ad->shm->pe[i].left_open = 1;
	emul_unlock(ad);
}

static void add_copy(struct emul_pe *pe)
{
	for (unsigned i = 0; i < EMUL_MAX_COPIES; i++) {
		if (pe->copies[i])
			continue;
		pe->copies[i] = (uint32_t)getpid();
		return;
	}
}

void emul_fd2_inherited(struct emul_adapter *ad)
{
	emul_lock(ad);
	for (unsigned i = EMUL_FIRST_USER_PE; i < EMUL_MAX_PES; i++)
		if (is_held(ad, i))
			add_copy(&ad->shm->pe[i]);
	emul_unlock(ad);
}
