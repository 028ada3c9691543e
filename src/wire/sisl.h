/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SISLite, the interface between software and the AFU of a CXL Flash adapter, as facts.
 *
 * Registers are 64 bits wide, big-endian on the wire, and reached only through the devport table.
 * IOARCB, IOASA, SQ and RRQ are ordinary memory in the byte order that endian_ctrl selects (ours:
 * the host's); the CDB inside an IOARCB is always big-endian.
 *
 * Both sides of the devport seam include this file; it holds layouts and numbers and no code.
 */
#ifndef CXLFS_WIRE_SISL_H
#define CXLFS_WIRE_SISL_H

#include <stddef.h>
#include <stdint.h>

/* Register offsets in the MMIO area of a user context. */
enum sisl_reg {
	SISL_ENDIAN_CTRL = 0x00,
	SISL_INTR_STATUS = 0x08,
	SISL_INTR_CLEAR = 0x10,
	SISL_INTR_MASK = 0x18,
	SISL_IOARRIN = 0x20, /* write: IOARCB address, or SISL_CTX_RESET; read: bit 0 set while
				resetting */
	SISL_RRQ_START = 0x28,
	SISL_RRQ_END = 0x30, /* address of the last entry, inclusive */
	SISL_CMD_ROOM = 0x38,
	SISL_CTX_CTRL = 0x40,
	SISL_MBOX_W = 0x48,
	SISL_SQ_START = 0x50,
	SISL_SQ_END = 0x58, /* address of the last slot, inclusive */
	SISL_SQ_HEAD = 0x60,
	SISL_SQ_TAIL = 0x68, /* address of the slot that software fills next */
	SISL_SQ_CTX_RESET = 0x70,
};

#define SISL_MMIO_BYTES 0x10000u

#define SISL_ALL_ONES UINT64_MAX /* what every register reads once the context is lost */

#define SISL_ENDIAN_LITTLE 0x0ull
#define SISL_ENDIAN_BIG    0x8000000000000080ull

#define SISL_CTX_RESET 0x1ull

#define SISL_CTX_CTRL_UNMAP_SUPPORTED 0x8000000000000000ull
#define SISL_CTX_CTRL_LISN_MASK       0xffull

/* intr_status: TEMP is transient, the others end only with the context. */
#define SISL_ISTATUS_TEMP_PAGEIN 0x001ull
#define SISL_ISTATUS_RRQ_WRITE   0x002ull
#define SISL_ISTATUS_IOASA_WRITE 0x004ull
#define SISL_ISTATUS_IOARCB_READ 0x008ull
#define SISL_ISTATUS_CMD_ROOM    0x010ull
#define SISL_ISTATUS_LISN_PASID  0x0e0ull
#define SISL_ISTATUS_LISN_EA     0x700ull
#define SISL_ISTATUS_PERMANENT   0x7feull
#define SISL_ISTATUS_MASK        0x7ffull

/* Logical interrupt numbers. */
#define SISL_LISN_NONE       0
#define SISL_LISN_SYNC_ERROR 1
#define SISL_LISN_RRQ        2
#define SISL_LISN_ASYNC      3

#define SISL_CTX_ID_MASK 0xffffull /* of the context_id cookie, for IOARCB.ctx_id */

/* IOARCB.req_flags */
#define SISL_REQ_RES_HNDL          0x8000u
#define SISL_REQ_SUPPRESS_UNDERRUN 0x4000u
#define SISL_REQ_TIMEOUT_SECS      0x0000u
#define SISL_REQ_TIMEOUT_MSECS     0x0040u
#define SISL_REQ_TIMEOUT_USECS     0x0080u
#define SISL_REQ_TIMEOUT_CYCLES    0x00c0u
#define SISL_REQ_TIMEOUT_UNIT_MASK 0x00c0u
#define SISL_REQ_TMF               0x0004u
#define SISL_REQ_AFU_CMD           0x0002u
#define SISL_REQ_HOST_WRITE        0x0001u

#define SISL_CDB_LEN 16

struct sisl_ioarcb {
	uint16_t ctx_id;
	uint16_t req_flags;
	uint32_t res_hndl;
	uint64_t lun_id;
	uint32_t data_len; /* bytes */
	uint32_t ioadl_len;
	uint64_t data_ea;
	uint8_t msi; /* LISN raised on completion, 0 for none */
	uint8_t rrq;
	uint16_t timeout;
	uint32_t reserved1;
	uint8_t cdb[SISL_CDB_LEN];
	uint64_t ioasa_ea; /* SQ mode only */
};

_Static_assert(sizeof(struct sisl_ioarcb) == 64, "sisl_ioarcb");
_Static_assert(offsetof(struct sisl_ioarcb, data_ea) == 0x18, "sisl_ioarcb.data_ea");
_Static_assert(offsetof(struct sisl_ioarcb, cdb) == 0x28, "sisl_ioarcb.cdb");
_Static_assert(offsetof(struct sisl_ioarcb, ioasa_ea) == 0x38, "sisl_ioarcb.ioasa_ea");

#define SISL_IOARCB_ALIGN   16
#define SISL_SENSE_LEN      20
#define SISL_HOST_USE_WORDS 4

/* IOASA.flags */
#define SISL_IOASA_SENSE_VALID 0x80u
#define SISL_IOASA_FCP_RSP     0x40u
#define SISL_IOASA_OVERRUN     0x20u
#define SISL_IOASA_UNDERRUN    0x10u

struct sisl_ioasa {
	union {
		struct {
			uint8_t flags;
			uint8_t afu_rc;
			uint8_t scsi_rc;
			uint8_t fc_rc;
		};
		uint32_t ioasc; /* zero means success */
	};
	uint32_t resid;
	uint8_t port;
	uint8_t afu_extra;
	uint8_t scsi_extra;
	uint8_t fc_extra;
	uint8_t sense[SISL_SENSE_LEN];
	uint64_t host_use[SISL_HOST_USE_WORDS]; /* never written by the AFU */
};

_Static_assert(sizeof(struct sisl_ioasa) == 64, "sisl_ioasa");
_Static_assert(offsetof(struct sisl_ioasa, sense) == 0x0c, "sisl_ioasa.sense");
_Static_assert(offsetof(struct sisl_ioasa, host_use) == 0x20, "sisl_ioasa.host_use");

enum sisl_afu_rc {
	SISL_AFU_RC_RHT_INVALID = 0x01,
	SISL_AFU_RC_RHT_UNALIGNED = 0x02,
	SISL_AFU_RC_RHT_BOUNDS = 0x03,
	SISL_AFU_RC_RHT_DMA = 0x04,
	SISL_AFU_RC_RHT_PERM = 0x05,
	SISL_AFU_RC_LXT_UNALIGNED = 0x12,
	SISL_AFU_RC_LXT_BOUNDS = 0x13,
	SISL_AFU_RC_LXT_DMA = 0x14,
	SISL_AFU_RC_LXT_PERM = 0x15,
	SISL_AFU_RC_NOT_XLATE_HOST = 0x1a,
	SISL_AFU_RC_NO_CHANNELS = 0x20,
	SISL_AFU_RC_CAP_VIOLATION = 0x21,
	SISL_AFU_RC_OUT_OF_DATA_BUFS = 0x30,
	SISL_AFU_RC_DATA_DMA = 0x31,
	SISL_AFU_RC_TIMED_OUT_PRE_FC = 0x50,
	SISL_AFU_RC_TIMED_OUT = 0x51,
};

#define SISL_AFU_EXTRA_PAGE_IN    0x0a
#define SISL_AFU_EXTRA_INVALID_EA 0x0b

enum sisl_scsi_rc {
	SISL_SCSI_CHECK_CONDITION = 0x02,
	SISL_SCSI_BUSY = 0x08,
	SISL_SCSI_RESERVATION_CONFLICT = 0x18,
	SISL_SCSI_QUEUE_FULL = 0x28,
};

enum sisl_fc_rc {
	SISL_FC_RC_ABORT_PENDING = 0x52,
	SISL_FC_RC_WRITE_ABORT_PENDING = 0x53,
	SISL_FC_RC_NOT_LOGGED_IN = 0x54,
	SISL_FC_RC_NO_EXPECTATION = 0x55,
	SISL_FC_RC_TAG_IN_USE = 0x56,
	SISL_FC_RC_LINK_DOWN = 0x57,
	SISL_FC_RC_ABORT_OK = 0x58,
	SISL_FC_RC_ABORT_FAILED = 0x59,
	SISL_FC_RC_RESIDUAL = 0x5a,
	SISL_FC_RC_RESIDUAL_ERROR = 0x5b,
	SISL_FC_RC_TARGET_ABORT = 0x5c,
	SISL_FC_RC_SHUTDOWN = 0x5e,
};

#define SISL_CDB_READ_16  0x88
#define SISL_CDB_WRITE_16 0x8a

/* RRQ entry: address of the IOARCB (IOARRIN mode) or of the IOASA (SQ mode) and a toggle bit. */
#define SISL_RRQ_TOGGLE       0x1ull
#define SISL_RRQ_ADDRESS_MASK (~0x1ull)

/* Granularity of vLUNs. */
#define SISL_LBA_BYTES        4096u /* one vLUN command moves at most this much */
#define SISL_CHUNK_SHIFT      16    /* a chunk is 1 << 16 *device* blocks */
#define SISL_CHUNK_DEV_BLOCKS (1u << SISL_CHUNK_SHIFT)

#define SISL_MAX_CONTEXTS 512

#endif
