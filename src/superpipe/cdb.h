/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdb - SCSI command descriptor blocks, always big-endian.
 */
#ifndef CXLFS_SUPERPIPE_CDB_H
#define CXLFS_SUPERPIPE_CDB_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "wire/sisl.h"

/** cdb_set_lba() - set the first block of a READ(16) or WRITE(16), in device blocks */
static inline void cdb_set_lba(uint8_t cdb[SISL_CDB_LEN], uint64_t lba)
{
	uint64_t lba_be = htobe64(lba);

	memcpy(&cdb[2], &lba_be, sizeof(lba_be));
}

/** cdb_set_blocks() - set the number of device blocks of a READ(16) or WRITE(16) */
static inline void cdb_set_blocks(uint8_t cdb[SISL_CDB_LEN], uint32_t nr_blocks)
{
	uint32_t nr_be = htobe32(nr_blocks);

	memcpy(&cdb[10], &nr_be, sizeof(nr_be));
}

#endif
