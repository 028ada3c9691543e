/* SPDX-License-Identifier: Apache-2.0 */
#include "superpipe/ioasa.h"

#include <errno.h>
#include <stddef.h>

/*
 * A status area can carry a SCSI, a Fibre Channel and an AFU code at once. We decode them in
 * this order, and the last class that has a code decides. A code that is in no table is a failure.
 *
 * Differences from IBM's user library:
 *  - recovered and empty sense data count as success, because all data was transferred;
 *  - a permission or translation error (05, 15, 1a) is not retried, because it would fail again;
 *  - a capability violation (21) first checks the context with RECOVER_AFU, because a context loses
 *    its capabilities in a reset;
 *  - link errors and a shutdown of the port are retried after a pause, because a link needs time to
 *    come back.
 */
struct rule {
	uint8_t code;
	enum ioasa_action action;
	int error;
};

static const struct rule afu_rules[] = {
	{ SISL_AFU_RC_RHT_INVALID, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_RHT_UNALIGNED, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_RHT_BOUNDS, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_RHT_PERM, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_LXT_UNALIGNED, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_LXT_BOUNDS, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_LXT_PERM, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_NOT_XLATE_HOST, IOASA_FAIL, -EIO },
	{ SISL_AFU_RC_NO_CHANNELS, IOASA_DELAY, -ENETDOWN },
	{ SISL_AFU_RC_CAP_VIOLATION, IOASA_RECOVER, -EIO },
	{ SISL_AFU_RC_OUT_OF_DATA_BUFS, IOASA_RETRY, -EIO },
	{ SISL_AFU_RC_TIMED_OUT_PRE_FC, IOASA_RETRY, -ETIMEDOUT },
	{ SISL_AFU_RC_TIMED_OUT, IOASA_RETRY, -ETIMEDOUT },
	{ 0, IOASA_FAIL, -EIO },
};

/* The device could not translate an address. A retry helps only if a page was being read in. */
static const struct rule dma_rules[] = {
	{ SISL_AFU_EXTRA_PAGE_IN, IOASA_RETRY, -EIO },
	{ 0, IOASA_FAIL, -EIO },
};

static const struct rule fc_rules[] = {
	{ SISL_FC_RC_ABORT_PENDING, IOASA_RETRY, -ETIMEDOUT },
	{ SISL_FC_RC_WRITE_ABORT_PENDING, IOASA_FAIL, -EIO },
	{ SISL_FC_RC_NOT_LOGGED_IN, IOASA_DELAY, -ENETDOWN },
	{ SISL_FC_RC_NO_EXPECTATION, IOASA_FAIL, -EIO },
	{ SISL_FC_RC_TAG_IN_USE, IOASA_FAIL, -EIO },
	{ SISL_FC_RC_LINK_DOWN, IOASA_DELAY, -ENETDOWN },
	{ SISL_FC_RC_ABORT_OK, IOASA_RETRY, -EIO },
	{ SISL_FC_RC_ABORT_FAILED, IOASA_RETRY, -EIO },
	{ SISL_FC_RC_RESIDUAL, IOASA_RETRY, -EIO },
	{ SISL_FC_RC_RESIDUAL_ERROR, IOASA_RETRY, -EIO },
	{ SISL_FC_RC_TARGET_ABORT, IOASA_RETRY, -EIO },
	{ SISL_FC_RC_SHUTDOWN, IOASA_DELAY, -ENETDOWN },
	{ 0, IOASA_FAIL, -EIO },
};

static const struct rule scsi_rules[] = {
	{ SISL_SCSI_BUSY, IOASA_DELAY, -EBUSY },
	{ SISL_SCSI_QUEUE_FULL, IOASA_DELAY, -EBUSY },
	{ SISL_SCSI_RESERVATION_CONFLICT, IOASA_FAIL, -EBUSY },
	{ 0, IOASA_FAIL, -EIO },
};

enum sense_key {
	SENSE_NO_SENSE = 0x0,
	SENSE_RECOVERED = 0x1,
	SENSE_NOT_READY = 0x2,
	SENSE_UNIT_ATTENTION = 0x6,
};

static const struct rule sense_rules[] = {
	{ SENSE_NO_SENSE, IOASA_DONE, 0 },
	{ SENSE_RECOVERED, IOASA_DONE, 0 },
	{ SENSE_NOT_READY, IOASA_RETRY, -EIO },
	{ 0xff, IOASA_FAIL, -EIO },
};

/* Unit attentions that VERIFY handles: power on or reset, parameters changed, LUNs changed. */
#define ASC_RESET              0x29
#define ASC_PARAMETERS_CHANGED 0x2a
#define ASC_TARGET_CHANGED     0x3f
#define ASCQ_LUNS_CHANGED      0x0e

static struct ioasa_disposition look_up(const struct rule *rule, uint8_t code, uint8_t last)
{
	while (rule->code != code && rule->code != last)
		rule++;
	return (struct ioasa_disposition){ rule->action, rule->error };
}

struct sense {
	uint8_t key, asc, ascq;
};

static struct sense parse_sense(const uint8_t raw[SISL_SENSE_LEN])
{
	bool descriptor_format = (raw[0] & 0x7e) == 0x72;

	if (descriptor_format)
		return (struct sense){ raw[1] & 0x0f, raw[2], raw[3] };
	return (struct sense){ raw[2] & 0x0f, raw[12], raw[13] };
}

static struct ioasa_disposition decode_check_condition(const struct sisl_ioasa *ioasa)
{
	struct sense sense;

	if (!(ioasa->flags & SISL_IOASA_SENSE_VALID))
		return (struct ioasa_disposition){ IOASA_RETRY, -EIO };
	sense = parse_sense(ioasa->sense);
	if (sense.key == SENSE_UNIT_ATTENTION &&
	    (sense.asc == ASC_RESET || sense.asc == ASC_PARAMETERS_CHANGED ||
	     (sense.asc == ASC_TARGET_CHANGED && sense.ascq == ASCQ_LUNS_CHANGED)))
		return (struct ioasa_disposition){ IOASA_VERIFY, -EIO };
	return look_up(sense_rules, sense.key, 0xff);
}

static struct ioasa_disposition decode_scsi(const struct sisl_ioasa *ioasa)
{
	if (ioasa->scsi_rc == SISL_SCSI_CHECK_CONDITION)
		return decode_check_condition(ioasa);
	return look_up(scsi_rules, ioasa->scsi_rc, 0);
}

static struct ioasa_disposition decode_fc(const struct sisl_ioasa *ioasa)
{
	/* A retry would return too much data again. */
	if (ioasa->fc_rc == SISL_FC_RC_RESIDUAL && (ioasa->flags & SISL_IOASA_OVERRUN))
		return (struct ioasa_disposition){ IOASA_FAIL, -EIO };
	return look_up(fc_rules, ioasa->fc_rc, 0);
}

static struct ioasa_disposition decode_afu(const struct sisl_ioasa *ioasa)
{
	switch (ioasa->afu_rc) {
	case SISL_AFU_RC_RHT_DMA:
	case SISL_AFU_RC_LXT_DMA:
	case SISL_AFU_RC_DATA_DMA:
		return look_up(dma_rules, ioasa->afu_extra, 0);
	default:
		return look_up(afu_rules, ioasa->afu_rc, 0);
	}
}

struct ioasa_disposition ioasa_decode(const struct sisl_ioasa *ioasa)
{
	struct ioasa_disposition disposition = { IOASA_DONE, 0 };

	if (ioasa_is_good(ioasa))
		return disposition;
	if (ioasa->scsi_rc)
		disposition = decode_scsi(ioasa);
	if (ioasa->fc_rc)
		disposition = decode_fc(ioasa);
	if (ioasa->afu_rc)
		disposition = decode_afu(ioasa);
	/* Not done: it transferred too little or too much. */
	if (disposition.action == IOASA_DONE &&
	    (ioasa->flags & (SISL_IOASA_OVERRUN | SISL_IOASA_UNDERRUN)))
		return (struct ioasa_disposition){ IOASA_RETRY, -EIO };
	return disposition;
}

uint32_t ioasa_bytes_done(const struct sisl_ioasa *ioasa, uint32_t data_len)
{
	if (!(ioasa->flags & SISL_IOASA_UNDERRUN) || ioasa->resid > data_len)
		return 0;
	return data_len - ioasa->resid;
}
