/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdb - SCSI command descriptor blocks, always big-endian.
 */
#ifndef CXLFS_SUPERPIPE_CDB_H
#define CXLFS_SUPERPIPE_CDB_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "wire/sisl.h"

/** cdb_fill_rw16() - READ(16) or WRITE(16); @lba and @nr_blocks count device blocks. */
static inline void cdb_fill_rw16(uint8_t cdb[SISL_CDB_LEN], bool write, uint64_t lba,
				 uint32_t nr_blocks)
{
	uint64_t lba_be = htobe64(lba);
	uint32_t nr_be = htobe32(nr_blocks);

	cdb[0] = write ? SISL_CDB_WRITE_16 : SISL_CDB_READ_16;
	cdb[1] = 0;
	memcpy(&cdb[2], &lba_be, sizeof(lba_be));
	memcpy(&cdb[10], &nr_be, sizeof(nr_be));
	cdb[14] = 0;
	cdb[15] = 0;
}

#endif
