/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter - an emulated adapter as one process sees it: its directory, opened and mapped.
 *
 * A process has one struct emul_adapter for each adapter directory, shared by all its paths and
 * counted. After a fork the child's inherited one is dead ("forked"): it can only be put, and a
 * new open gives the child one of its own.
 *
 * Lock order: registry (inside adapter.c) -> adapter lock -> locks of the AFU side. The adapter
 * lock is dropped around emul_afu_sync(), so the AFU side may take it while executing commands.
 * Errors: 0 or -errno. Threads: any, unless said otherwise.
 */
#ifndef CXLFS_EMUL_ADAPTER_H
#define CXLFS_EMUL_ADAPTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "devport/devport.h"
#include "emul/afu/afu.h"
#include "emul/fault/fault.h"
#include "emul/store/shm.h"

struct emul_spec;

/** What this process knows of a PE's fd2; protected by the adapter's local_lock. */
struct emul_local_ref {
	uint64_t generation;
	uint32_t fds, maps;
};

struct emul_adapter {
	/* set when opened, constant afterwards */
	struct emul_shm *shm;
	size_t map_bytes;
	int dir_fd;     /* the directory */
	int file_fd;    /* `adapter` */
	int mmio_fd;    /* `mmio`: holds no lock itself, asks for those of fd2s */
	pid_t pid;      /* process that opened it */
	uint64_t start; /* when that process started */
	char *path;
	struct emul_afu *afu; /* the AFU side's */

	/* adapter.c's */
	pthread_mutex_t local_lock;
	struct emul_local_ref ref[EMUL_MAX_PES]; /* protected by local_lock */
	bool forked;                             /* inherited by a child: dead */
	unsigned nr_refs;                        /* protected by the registry lock */
	uint64_t dev, ino;
	struct emul_adapter *next;
};

/** One opened path ("fd1"). */
struct emul_path {
	struct devport dp;
	struct emul_adapter *ad;
	unsigned lun;
	unsigned port;
};

/* ---- opening ----------------------------------------------------------------------------- */

/**
 * emul_adapter_open() - use the adapter in a directory, making it if it is not there
 * @spec: from emul_spec_parse(); options given must agree with an existing adapter
 * @explain: receives one plain sentence when the call fails; may be NULL
 * Return: 0; -ENOENT no parent directory; -ENOTDIR; -EINVAL not an adapter, damaged, of another
 * version, or options disagree; -EACCES, -EROFS, -ENOSPC ... of the host.
 */
int emul_adapter_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		      struct emul_adapter **ret_ad);

/** emul_adapter_get() - one more reference: mappings live longer than the path they came by */
void emul_adapter_get(struct emul_adapter *ad);

/** emul_adapter_put() - give back a reference, of emul_adapter_open() too. Accepts NULL. */
void emul_adapter_put(struct emul_adapter *ad);

/** emul_adapter_open_media() - open the medium of LUN @lun, close-on-exec; or -errno */
int emul_adapter_open_media(struct emul_adapter *ad, unsigned lun);

/**
 * emul_adapter_grow_lun() - make a LUN larger, as an array does behind its users' backs
 * Users learn it from VERIFY. Return: 0; -EINVAL smaller than it is; -errno of the host.
 */
int emul_adapter_grow_lun(struct emul_adapter *ad, unsigned lun, uint64_t nr_blocks);

static inline const struct emul_geometry *emul_geometry(const struct emul_adapter *ad)
{
	return &ad->shm->head.geometry;
}

/* ---- the adapter lock -------------------------------------------------------------------- */

/**
 * emul_lock() / emul_unlock() - the one lock of the driver side, shared by all processes
 * Robust: when its holder has died, the next one first makes the shared state consistent.
 */
void emul_lock(struct emul_adapter *ad);
void emul_unlock(struct emul_adapter *ad);

/** emul_wake() - wake every sleeper of the driver side; with or without the lock */
void emul_wake(struct emul_adapter *ad);

/**
 * emul_wait_locked() - drop the lock until emul_wake() or @timeout_ms, then take it again
 * Return: 0, also for a timeout and for no reason; -EINTR when a signal handler ran.
 */
int emul_wait_locked(struct emul_adapter *ad, unsigned timeout_ms);

/** emul_self_start() - when the calling process started, clock ticks since boot */
uint64_t emul_self_start(const struct emul_adapter *ad);

/* ---- tables, without a lock -------------------------------------------------------------- */

/** emul_rht_at() - entry @handle of a PE's RHT; NULL when there is no RHT or no such entry */
static inline struct emul_rht *emul_rht_at(const struct emul_adapter *ad, const struct emul_pe *pe,
					   uint32_t handle)
{
	uint64_t rht = atomic_load_explicit(&pe->rht, memory_order_acquire);

	if (!rht || handle >= atomic_load_explicit(&pe->rht_count, memory_order_relaxed))
		return NULL;
	return (struct emul_rht *)((char *)ad->shm + rht) + handle;
}

/** emul_lxt_at() - entry @index of the LXT at offset @lxt; NULL outside the heap */
static inline _Atomic uint64_t *emul_lxt_at(const struct emul_adapter *ad, uint64_t lxt,
					    uint64_t index)
{
	const struct emul_head *head = &ad->shm->head;

	if (lxt < head->heap_offset || lxt % 8 || lxt >= head->file_bytes ||
	    index >= (head->file_bytes - lxt) / 8)
		return NULL;
	return (_Atomic uint64_t *)((char *)ad->shm + lxt) + index;
}

/** emul_lun_in_table() - disk (medium number) behind an AFU LUN table entry, or -1 */
static inline int emul_lun_in_table(const struct emul_adapter *ad, unsigned port, unsigned index)
{
	if (port >= EMUL_MAX_PORTS || index >= EMUL_LUN_TABLE)
		return -1;
	return (int)atomic_load_explicit(&ad->shm->lun_table[port][index], memory_order_acquire) -
	       1;
}

/** emul_lun_of_id() - disk (medium number) with a SCSI LUN id as physical handles hold it, or -1 */
int emul_lun_of_id(const struct emul_adapter *ad, uint64_t lun_id);

/* ---- fd2 --------------------------------------------------------------------------------- */

/**
 * emul_fd2_identify() - which PE a descriptor is the fd2 of
 * Return: 0; -EBADF it is no fd2 of this adapter.
 */
int emul_fd2_identify(struct emul_adapter *ad, int fd, unsigned *ret_pe, uint64_t *ret_generation);

/**
 * emul_fd2_check_map() - may this process map this fd2?
 * The area of PE p lies at offset p * SISL_MMIO_BYTES of the file behind fd2.
 * Return: 0; -EINVAL too large; -EIO not the owner, or the context is gone or lost.
 */
int emul_fd2_check_map(struct emul_adapter *ad, int fd, size_t bytes, unsigned *ret_pe,
		       uint64_t *ret_generation);

/** emul_fd2_mapped() - tell that a mapping of a PE's area has been made; it refers to @ad */
void emul_fd2_mapped(struct emul_adapter *ad, unsigned pe, uint64_t generation);

/**
 * emul_fd2_unmapped() - tell that it is gone (after munmap); notices a last close
 * @ad may not be used afterwards unless the caller has another reference.
 */
void emul_fd2_unmapped(struct emul_adapter *ad, unsigned pe, uint64_t generation);

/* ---- resets and housekeeping -------------------------------------------------------------------
 */

/**
 * emul_reset() - an adapter reset
 * @kind:       EEH also closes the cxl contexts, so that their events end in -EIO; FREEZE is no
 *              reset yet: an EEH follows when the driver notices
 * @at_least_ms: how long ioctls find the adapter in state RESET
 * Every PE is lost when it returns. The rest is done when running ioctls have drained, by
 * whoever is there: it never waits, so it may be called while executing a command. Takes the
 * adapter lock. No effect on an adapter that has failed.
 */
void emul_reset(struct emul_adapter *ad, enum emul_reset_kind kind, unsigned at_least_ms);

/** emul_fail() - permanent failure: PEs are lost and closed, ioctls end as in FAILTERM */
void emul_fail(struct emul_adapter *ad);

/**
 * emul_housekeep() - notice fd2s whose last reference has gone, finish a reset that is due
 * To be called now and then by the housekeeping thread (every 10 ms or so while PEs exist).
 */
void emul_housekeep(struct emul_adapter *ad);

/* ---- audit ------------------------------------------------------------------------------- */

/**
 * emul_audit_note() - count a breach of the rules by the program
 * @pe: process element or -1
 * @detail: shown with the first notes: a handle, an address, a count (48 bits)
 */
void emul_audit_note(struct emul_adapter *ad, enum emul_breach breach, int pe, uint64_t detail);

/** emul_audit_total() - breaches counted, and those that stand now (leaked contexts, fd2s) */
uint64_t emul_audit_total(struct emul_adapter *ad);

/** emul_audit_print() - a line per kind of breach that happened, and the last notes of each */
void emul_audit_print(struct emul_adapter *ad, FILE *out);

/** emul_audit_clear() - forget the breaches counted so far */
void emul_audit_clear(struct emul_adapter *ad);

/** emul_status_print() - geometry, state, LUNs, contexts, process elements */
void emul_status_print(struct emul_adapter *ad, FILE *out);

/* ---- devport operations of the driver side ------------------------------------------------ */

int emul_driver_open(const char *device, explain_fn explain, void *explain_arg,
		     struct devport **ret_dp);
void emul_driver_close(struct devport *dp);
int emul_driver_ioctl(struct devport *dp, unsigned long request, void *arg);
int emul_driver_close_adap_fd(struct devport *dp, int adap_fd);

#endif
