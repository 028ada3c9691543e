/* SPDX-License-Identifier: Apache-2.0 */
/* translate - checks commands, and translates addresses of a vLUN into those of a medium. */
#ifndef CXLFS_EMUL_AFU_TRANSLATE_H
#define CXLFS_EMUL_AFU_TRANSLATE_H

#include "emul/afu/engine.h"
#include "emul/afu/status.h"

/** Results of RHT and LXT lookups, valid for one batch. */
struct emul_xlate_cache {
	bool valid; /* the fields of the handle */
	uint8_t fp;
	uint8_t lun, ports; /* of the LXT entry or of the physical handle */
	uint32_t handle, lxt_cnt;
	uint64_t lxt;   /* or SCSI LUN id */
	uint64_t index; /* of the LXT entry below; all ones: none */
	uint64_t entry;
	uint64_t lun_blocks;
	uint32_t capability;
	uint32_t links_down;
	/* The last chunk, for the fast path; see emul_xlate_run() */
	uint8_t port;
	uint32_t bytes;     /* transfer length */
	uint32_t blocks;    /* the same in the format of the CDB */
	uint64_t lengths;   /* the IOARCB word with data_len */
	uint64_t wanted[2]; /* first IOARCB word of a read and of a write */
	uint64_t first_lba; /* of the chunk in the vLUN */
	uint64_t nr_lbas;   /* LBAs at which the transfer may begin; 0: no chunk */
	uint64_t base;      /* of the chunk on the medium, bytes */
};

/** emul_xlate_begin() - initialize the cache of a batch */
void emul_xlate_begin(const struct emul_engine *engine, struct emul_xlate_cache *cache);

/**
 * emul_xlate() - check a command and translate its address
 * @cache: of this batch; cached entries stay valid because a heavy sync waits for the batch
 * Return: true with cmd[i] filled in; false with *ret_status if the command failed.
 */
bool emul_xlate(struct emul_batch *batch, unsigned i, struct emul_xlate_cache *cache,
		struct emul_status *ret_status);

/**
 * emul_xlate_run() - translate commands from @i on that resemble an earlier one
 * Return: index of the first command that needs emul_xlate().
 */
unsigned emul_xlate_run(struct emul_batch *batch, unsigned i, const struct emul_xlate_cache *cache);

/** emul_xlate_is_valid() - true if the handle still has the chunk of a translated command */
bool emul_xlate_is_valid(const struct emul_batch *batch, unsigned i);

#endif
