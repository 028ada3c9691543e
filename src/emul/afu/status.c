/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/afu/status.h"

#include <errno.h>
#include <string.h>

enum { /* SCSI sense keys and additional sense codes */
       KEY_MEDIUM_ERROR = 0x03,
       KEY_HARDWARE_ERROR = 0x04,
       KEY_UNIT_ATTENTION = 0x06,
       KEY_DATA_PROTECT = 0x07,
       ASC_WRITE_ERROR = 0x0c,
       ASC_READ_ERROR = 0x11,
       ASC_WRITE_PROTECTED = 0x27,
       ASC_INTERNAL_FAILURE = 0x44,
};

struct emul_status emul_status_afu(uint8_t afu_rc, uint8_t afu_extra)
{
	return (struct emul_status){ .afu_rc = afu_rc, .afu_extra = afu_extra };
}

struct emul_status emul_status_check(uint8_t key, uint8_t asc, uint8_t ascq)
{
	struct emul_status status = {
		.flags = SISL_IOASA_SENSE_VALID,
		.scsi_rc = SISL_SCSI_CHECK_CONDITION,
	};

	status.sense[0] = 0x70; /* fixed format, current error */
	status.sense[2] = key;
	status.sense[7] = 10; /* bytes that follow */
	status.sense[12] = asc;
	status.sense[13] = ascq;
	return status;
}

struct emul_status emul_status_media(int err, bool write)
{
	switch (-err) {
	case EFAULT:
		return emul_status_afu(SISL_AFU_RC_DATA_DMA, SISL_AFU_EXTRA_INVALID_EA);
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return emul_status_check(KEY_MEDIUM_ERROR, ASC_WRITE_ERROR, 0);
	case EROFS:
	case EACCES:
	case EPERM:
	case EBADF:
		return emul_status_check(KEY_DATA_PROTECT, ASC_WRITE_PROTECTED, 0);
	case EIO:
		return emul_status_check(KEY_MEDIUM_ERROR, write ? ASC_WRITE_ERROR : ASC_READ_ERROR,
					 0);
	default:
		return emul_status_check(KEY_HARDWARE_ERROR, ASC_INTERNAL_FAILURE, 0);
	}
}

static struct emul_status residual(uint8_t flag, uint32_t resid)
{
	return (struct emul_status){ .flags = flag, .fc_rc = SISL_FC_RC_RESIDUAL, .resid = resid };
}

static struct emul_status from_rule(const struct emul_fault *fault)
{
	struct emul_status status = {
		.flags = fault->ioasc[0],
		.afu_rc = fault->ioasc[1],
		.scsi_rc = fault->ioasc[2],
		.fc_rc = fault->ioasc[3],
		.resid = fault->resid,
		.afu_extra = fault->extra[0],
		.scsi_extra = fault->extra[1],
		.fc_extra = fault->extra[2],
	};

	memcpy(status.sense, fault->sense, sizeof(status.sense));
	return status;
}

struct emul_status emul_status_fault(const struct emul_fault *fault, bool write, uint32_t bytes)
{
	uint32_t resid = fault->resid ? fault->resid : bytes;

	switch (fault->action) {
	case EMUL_FAULT_MEDIUM:
		return emul_status_check(KEY_MEDIUM_ERROR, write ? ASC_WRITE_ERROR : ASC_READ_ERROR,
					 0);
	case EMUL_FAULT_BUSY:
		return (struct emul_status){ .scsi_rc = SISL_SCSI_BUSY };
	case EMUL_FAULT_FULL:
		return (struct emul_status){ .scsi_rc = SISL_SCSI_QUEUE_FULL };
	case EMUL_FAULT_CONFLICT:
		return (struct emul_status){ .scsi_rc = SISL_SCSI_RESERVATION_CONFLICT };
	case EMUL_FAULT_ATTENTION:
		return emul_status_check(KEY_UNIT_ATTENTION, fault->asc, fault->ascq);
	case EMUL_FAULT_UNDERRUN:
		return residual(SISL_IOASA_UNDERRUN, resid);
	case EMUL_FAULT_OVERRUN:
		return residual(SISL_IOASA_OVERRUN, resid);
	default:
		return from_rule(fault);
	}
}

void emul_status_write(uint64_t ioasa_ea, const struct emul_status *status, bool swap)
{
	struct emul_status *ioasa = emul_status_at(ioasa_ea);

	*ioasa = *status;
	if (__builtin_expect(swap, 0))
		ioasa->resid = __builtin_bswap32(status->resid);
}
