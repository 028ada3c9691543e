/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adapter - an emulated adapter that a process has opened and mapped.
 *
 * A process has one reference-counted struct emul_adapter for each adapter directory; all its paths
 * share it. After a fork, the inherited struct is dead ("forked"): the child may only call
 * emul_adapter_put() on it. If the child opens the adapter again, it gets a new one.
 *
 * Lock order: registry (in adapter.c) -> adapter lock -> locks of the AFU side. The driver side
 * drops the adapter lock around emul_afu_sync(), so the AFU side may take it to execute commands.
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

/** References of this process to the fd2 of a PE; protected by the adapter's local_lock. */
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
	int mmio_fd;    /* `mmio`: holds no lock; queries the locks of fd2s */
	pid_t pid;      /* process that opened it */
	uint64_t start; /* start time of that process, clock ticks since boot */
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

/* ---- opening ---- */

/**
 * emul_adapter_open() - open the adapter in a directory; creates it if it does not exist
 * @spec: from emul_spec_parse(); its options must match an existing adapter
 * @explain: receives the reason of a failure; may be NULL
 * Return: 0; -ENOENT no parent directory; -ENOTDIR; -EINVAL not an adapter, damaged, of another
 * version, or options disagree; -EACCES, -EROFS, -ENOSPC ... of the host.
 */
int emul_adapter_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		      struct emul_adapter **ret_ad);

/** emul_adapter_get() - take a reference: a mapping may outlive the path that made it */
void emul_adapter_get(struct emul_adapter *ad);

/** emul_adapter_put() - drop a reference of emul_adapter_get() or _open(). Accepts NULL. */
void emul_adapter_put(struct emul_adapter *ad);

/** emul_adapter_open_media() - open the medium of LUN @lun, close-on-exec; or -errno */
int emul_adapter_open_media(struct emul_adapter *ad, unsigned lun);

/**
 * emul_adapter_grow_lun() - make a LUN larger while it may be in use
 * VERIFY returns the new size. Return: 0; -EINVAL smaller than before; -errno of the host.
 */
int emul_adapter_grow_lun(struct emul_adapter *ad, unsigned lun, uint64_t nr_blocks);

static inline const struct emul_geometry *emul_geometry(const struct emul_adapter *ad)
{
	return &ad->shm->head.geometry;
}

/* ---- the adapter lock ---- */

/**
 * emul_lock(), emul_unlock() - the lock of the driver side, shared by all processes
 * It is robust: if its holder died, emul_lock() repairs the shared state.
 */
void emul_lock(struct emul_adapter *ad);
void emul_unlock(struct emul_adapter *ad);

/** emul_wake() - wake all callers of emul_wait_locked(); with or without the lock */
void emul_wake(struct emul_adapter *ad);

/**
 * emul_wait_locked() - drop the lock until emul_wake() or @timeout_ms, then take it again
 * Return: 0, also after a timeout or a spurious wakeup; -EINTR if a signal handler ran.
 */
int emul_wait_locked(struct emul_adapter *ad, unsigned timeout_ms);

/** emul_self_start() - start time of the calling process, clock ticks since boot */
uint64_t emul_self_start(const struct emul_adapter *ad);

/* ---- tables, lock-free ---- */

/** emul_rht_at() - entry @handle of a PE's RHT; NULL if the RHT or the entry does not exist */
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

/** emul_lun_in_table() - disk (medium number) of an AFU LUN table entry, or -1 */
static inline int emul_lun_in_table(const struct emul_adapter *ad, unsigned port, unsigned index)
{
	if (port >= EMUL_MAX_PORTS || index >= EMUL_LUN_TABLE)
		return -1;
	return (int)atomic_load_explicit(&ad->shm->lun_table[port][index], memory_order_acquire) -
	       1;
}

/** emul_lun_of_id() - disk (medium number) with the SCSI LUN id of a physical handle, or -1 */
int emul_lun_of_id(const struct emul_adapter *ad, uint64_t lun_id);

/* ---- fd2 ---- */

/**
 * emul_fd2_identify() - get the PE of an fd2
 * Return: 0; -EBADF not an fd2 of this adapter.
 */
int emul_fd2_identify(struct emul_adapter *ad, int fd, unsigned *ret_pe, uint64_t *ret_generation);

/**
 * emul_fd2_check_map() - check whether this process may map an fd2
 * The area of PE p is at offset p * SISL_MMIO_BYTES of `mmio`.
 * Return: 0; -EINVAL too large; -EIO not the owner, or the context is gone or lost.
 */
int emul_fd2_check_map(struct emul_adapter *ad, int fd, size_t bytes, unsigned *ret_pe,
		       uint64_t *ret_generation);

/** emul_fd2_mapped() - count a new mapping of a PE's area, which takes a reference to @ad */
void emul_fd2_mapped(struct emul_adapter *ad, unsigned pe, uint64_t generation);

/**
 * emul_fd2_unmapped() - count it down after munmap(); may run the release handler of fd2
 * Do not use @ad afterwards unless you have another reference.
 */
void emul_fd2_unmapped(struct emul_adapter *ad, unsigned pe, uint64_t generation);

/* ---- resets and housekeeping ---- */

/**
 * emul_reset() - begin a reset of the adapter
 * @kind:        EEH also closes the cxl contexts, so reading their events returns -EIO; FREEZE only
 *               freezes the adapter, and an EEH reset follows when the driver notices
 * @at_least_ms: minimum time in state RESETTING
 * When it returns, every PE is lost. It does not wait for running ioctls: the reset ends later (see
 * reset.c), so a command may cause one. Takes the adapter lock. No effect after emul_fail().
 */
void emul_reset(struct emul_adapter *ad, enum emul_reset_kind kind, unsigned at_least_ms);

/** emul_fail() - fail permanently: loses and closes all PEs; ioctls fail as in FAILTERM */
void emul_fail(struct emul_adapter *ad);

/**
 * emul_housekeep() - release fd2s without a reference, and finish a reset that is due
 * The housekeeping thread calls it periodically.
 */
void emul_housekeep(struct emul_adapter *ad);

/* ---- audit ---- */

/**
 * emul_audit_note() - count a breach of the superpipe rules by a program
 * @pe: process element or -1
 * @detail: shown with the first notes: a handle, an address, a count (48 bits)
 */
void emul_audit_note(struct emul_adapter *ad, enum emul_breach breach, int pe, uint64_t detail);

/** emul_audit_total() - return number of breaches, plus leaked contexts and fd2s that exist now */
uint64_t emul_audit_total(struct emul_adapter *ad);

/** emul_audit_print() - print a line per kind of breach, and the last notes of each */
void emul_audit_print(struct emul_adapter *ad, FILE *out);

/** emul_audit_clear() - set the number of breaches to zero */
void emul_audit_clear(struct emul_adapter *ad);

/** emul_status_print() - print geometry, state, LUNs, contexts and process elements */
void emul_status_print(struct emul_adapter *ad, FILE *out);

/* ---- devport operations of the driver side ---- */

int emul_driver_open(const char *device, explain_fn explain, void *explain_arg,
		     struct devport **ret_dp);
void emul_driver_close(struct devport *dp);
int emul_driver_ioctl(struct devport *dp, unsigned long request, void *arg);
int emul_driver_close_adap_fd(struct devport *dp, int adap_fd);

#endif
