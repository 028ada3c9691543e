/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emul_host - the least of a superpipe program, for tests of the emulated AFU.
 *
 * Everything is in the open: a test fills command blocks itself, also wrongly, rings, runs, reaps
 * and looks at the status areas. Not for threads unless a test locks around it.
 */
#ifndef CXLFS_TESTS_SUPPORT_EMUL_HOST_H
#define CXLFS_TESTS_SUPPORT_EMUL_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "devport/devport.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

#define EMUL_HOST_SLOTS 512

/** A command block and its status area; they adjoin as IOARRIN mode wants it. */
struct emul_host_slot {
	_Alignas(128) struct sisl_ioarcb ioarcb;
	struct sisl_ioasa ioasa;
};

struct emul_host {
	char dir[256];
	const struct devport_ops *ops;
	struct devport *dp;
	struct devport_mmio *mmio;
	uint64_t cookie;
	uint64_t block_bytes;
	int adap_fd;
	bool sq_mode;
	unsigned nr_rrq, nr_sq;
	/* where the program is in its queues */
	unsigned rrq_next, sq_next;
	uint64_t toggle;
	uint64_t *rrq;
	struct sisl_ioarcb *sq;
	struct emul_host_slot *slots;
};

/** emul_host_make() - a new directory and an adapter in it; @options as behind emul:PATH, or "" */
void emul_host_make(struct emul_host *host, const char *options);

/** emul_host_open() - another opening of an adapter that a test has made */
void emul_host_open(struct emul_host *host, const char *dir, const char *options);

/** emul_host_attach() - a context with queues of @nr_rrq and @nr_sq entries, mapped and set up */
void emul_host_attach(struct emul_host *host, unsigned nr_rrq, unsigned nr_sq);

/** emul_host_setup() - programs the registers of a fresh mapping, queues emptied */
void emul_host_setup(struct emul_host *host);

/** emul_host_detach() - the opposite of attach; fd2 closed and unmapped */
void emul_host_detach(struct emul_host *host);

/** emul_host_close() - the opposite of open; the directory stays */
void emul_host_close(struct emul_host *host);

/** emul_host_destroy() - detach, close, require a clean audit, remove the directory */
void emul_host_destroy(struct emul_host *host);

/** emul_host_remove() - remove the directory */
void emul_host_remove(struct emul_host *host);

/** emul_host_virtual() - a vLUN of @nr_chunks. Return: its handle. */
uint32_t emul_host_virtual(struct emul_host *host, uint64_t nr_chunks);

/** emul_host_resize() - change it. Return: 0 or -errno; *ret_nr_chunks is what it has then. */
int emul_host_resize(struct emul_host *host, uint32_t handle, uint64_t nr_chunks,
		     uint64_t *ret_nr_chunks);

/** emul_host_direct() - a handle on the whole LUN */
uint32_t emul_host_direct(struct emul_host *host);

void emul_host_release(struct emul_host *host, uint32_t handle);

/** emul_host_recover() - RECOVER_AFU and all that follows. Return: 1 reset, 0 nothing to do. */
int emul_host_recover(struct emul_host *host);

/** emul_host_fill() - a correct command in slot @i; @lba and @nr_blocks in device blocks */
struct sisl_ioarcb *emul_host_fill(struct emul_host *host, unsigned i, bool write, uint32_t handle,
				   uint64_t lba, uint32_t nr_blocks, void *buf);

/** emul_host_queue() - put slot @i into the SQ, or ring it in IOARRIN mode */
void emul_host_queue(struct emul_host *host, unsigned i);

/** emul_host_ring() - tell the AFU of what has been queued; nothing in IOARRIN mode */
void emul_host_ring(struct emul_host *host);

/** emul_host_reap() - the slot of the next completion, or -1 */
int emul_host_reap(struct emul_host *host);

/** emul_host_do() - queue, ring, run, reap slot @i. Return: its ioasc as flags.afu.scsi.fc bytes */
uint32_t emul_host_do(struct emul_host *host, unsigned i);

/** emul_host_io() - one correct command in slot 0 from start to end, which must succeed */
void emul_host_io(struct emul_host *host, bool write, uint32_t handle, uint64_t lba,
		  uint32_t nr_blocks, void *buf);

/** emul_host_ioasc() - flags, afu_rc, scsi_rc, fc_rc of slot @i as one number, flags highest */
uint32_t emul_host_ioasc(const struct emul_host *host, unsigned i);

/** emul_host_wild() - from here on addresses that are wrong on purpose; valgrind looks away */
void emul_host_wild(bool wild);

/** emul_host_fault() - add a fault rule */
void emul_host_fault(struct emul_host *host, const char *rule);

/** emul_host_audit() - breaches counted, after the kinds in @ignored (bits) */
uint64_t emul_host_audit(const struct emul_host *host, uint64_t ignored);

#endif
