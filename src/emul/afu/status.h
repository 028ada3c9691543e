/* SPDX-License-Identifier: Apache-2.0 */
/* status - contents of an IOASA. */
#ifndef CXLFS_EMUL_AFU_STATUS_H
#define CXLFS_EMUL_AFU_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/adapter.h"
#include "wire/sisl.h"

/** The device part of an IOASA; all zeros is success. */
struct emul_status {
	uint8_t flags, afu_rc, scsi_rc, fc_rc;
	uint32_t resid;
	uint8_t port, afu_extra, scsi_extra, fc_extra;
	uint8_t sense[SISL_SENSE_LEN];
};

_Static_assert(sizeof(struct emul_status) == offsetof(struct sisl_ioasa, host_use), "emul_status");

/** emul_status_afu() - set an error of the AFU itself */
struct emul_status emul_status_afu(uint8_t afu_rc, uint8_t afu_extra);

/** emul_status_check() - check condition with fixed-format sense data */
struct emul_status emul_status_check(uint8_t key, uint8_t asc, uint8_t ascq);

/** emul_status_media() - status for an -errno of the media files */
struct emul_status emul_status_media(int err, bool write);

/** emul_status_fault() - status of a fault rule; @bytes: transfer length of the command */
struct emul_status emul_status_fault(const struct emul_fault *fault, bool write, uint32_t bytes);

static inline struct emul_status *emul_status_at(uint64_t ioasa_ea)
{
	return (struct emul_status *)(uintptr_t)ioasa_ea;
}

/** emul_status_write() - write an IOASA; @ioasa_ea was validated at fetch */
void emul_status_write(uint64_t ioasa_ea, const struct emul_status *status, bool swap);

#endif
