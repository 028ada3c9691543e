/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ioctl interface of the Linux cxlflash driver ("superpipe"), as facts.
 *
 * Our own definition, because kernels from 6.15 on ship neither the driver nor its header. Both
 * sides of the devport seam include this file; it holds layouts and numbers and no code.
 *
 * Every structure starts with a header. The driver refuses (EINVAL) a version other than 0 and a
 * non-zero rsvd[] or return_flags; it ignores unknown flags. On failure it copies nothing back.
 *
 * Units: *_lba and *_size of a vLUN count 4,096-byte blocks whatever the disk's block size is;
 * last_lba of ATTACH, USER_DIRECT and of VERIFY on a physical handle count device blocks.
 */
#ifndef CXLFS_WIRE_CXLFLASH_ABI_H
#define CXLFS_WIRE_CXLFLASH_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct dk_hdr {
	uint16_t version;
	uint16_t rsvd[3];
	uint64_t flags;        /* in */
	uint64_t return_flags; /* out; must be 0 on the way in */
};

/* return_flags */
#define DK_RF_ALL_PORTS_ACTIVE    0x1ull
#define DK_RF_APP_CLOSE_ADAP_FD   0x2ull /* the application, not the driver, closes adap_fd */
#define DK_RF_CONTEXT_SQ_CMD_MODE 0x4ull
#define DK_RF_CONTEXT_RESET       (1ull << 63) /* RECOVER_AFU only */

/* flags of ATTACH: an open(2) access mode, and: */
#define DK_AF_REUSE_CONTEXT (1ull << 63)
#define DK_ATTACH_PERM_MASK 0x3ull

struct dk_attach {
	struct dk_hdr hdr;
	uint64_t num_interrupts;
	uint64_t context_id; /* in with REUSE, out otherwise */
	uint64_t mmio_size;
	uint64_t block_size;
	uint64_t adap_fd;
	uint64_t last_lba;
	uint64_t max_xfer;
	uint64_t reserved[8];
};

struct dk_udirect {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t rsrc_handle;
	uint64_t last_lba;
	uint64_t reserved[8];
};

#define DK_UVF_NEED_WRITE_SAME (1ull << 63) /* zeroes the wrong blocks: never set it */

struct dk_uvirtual {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t lun_size; /* wanted, 4 KiB blocks */
	uint64_t rsrc_handle;
	uint64_t last_lba;
	uint64_t reserved[8];
};

struct dk_release {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t rsrc_handle;
	uint64_t reserved[8];
};

struct dk_resize {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t rsrc_handle;
	uint64_t req_size; /* wanted, 4 KiB blocks; the product with 4,096 wraps in the driver */
	uint64_t last_lba; /* out: inclusive; all ones for size 0 */
	uint64_t reserved[8];
};

struct dk_clone {
	struct dk_hdr hdr;
	uint64_t context_id_src;
	uint64_t context_id_dst;
	uint64_t adap_fd_src;
	uint64_t reserved[8];
};

struct dk_detach {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t reserved[8];
};

#define DK_VHF_SENSE        (1ull << 63)
#define DK_VERIFY_SENSE_LEN 18

struct dk_verify {
	struct dk_hdr hdr;
	uint64_t context_id;
	uint64_t rsrc_handle;
	uint64_t hint;
	uint64_t last_lba;
	uint8_t sense_data[DK_VERIFY_SENSE_LEN];
	uint8_t pad[6];
	uint64_t reserved[8];
};

struct dk_recover_afu {
	struct dk_hdr hdr;
	uint64_t reason;
	uint64_t context_id; /* in: old; out, with CONTEXT_RESET: new */
	uint64_t mmio_size;
	uint64_t adap_fd;
	uint64_t reserved[8];
};

#define DK_WWID_LEN                 16
#define DK_MLF_ENABLE_SUPERPIPE     (1ull << 63)
#define DK_MLF_DISABLE_SUPERPIPE    (1ull << 62)
#define DK_MLF_ALL_PORTS_ACCESSIBLE (1ull << 61)

struct dk_manage_lun {
	struct dk_hdr hdr;
	uint8_t wwid[DK_WWID_LEN]; /* NAA-6 designator of VPD page 0x83 */
	uint64_t reserved[8];
};

#define DK_MAGIC              0xCA
#define DK_IOCTL_ATTACH       _IOWR(DK_MAGIC, 0x80, struct dk_attach)
#define DK_IOCTL_USER_DIRECT  _IOWR(DK_MAGIC, 0x81, struct dk_udirect)
#define DK_IOCTL_RELEASE      _IOWR(DK_MAGIC, 0x82, struct dk_release)
#define DK_IOCTL_DETACH       _IOWR(DK_MAGIC, 0x83, struct dk_detach)
#define DK_IOCTL_VERIFY       _IOWR(DK_MAGIC, 0x84, struct dk_verify)
#define DK_IOCTL_RECOVER_AFU  _IOWR(DK_MAGIC, 0x85, struct dk_recover_afu)
#define DK_IOCTL_MANAGE_LUN   _IOWR(DK_MAGIC, 0x86, struct dk_manage_lun)
#define DK_IOCTL_USER_VIRTUAL _IOWR(DK_MAGIC, 0x87, struct dk_uvirtual)
#define DK_IOCTL_VLUN_RESIZE  _IOWR(DK_MAGIC, 0x88, struct dk_resize)
#define DK_IOCTL_VLUN_CLONE   _IOWR(DK_MAGIC, 0x89, struct dk_clone)

#define DK_MAX_INTERRUPTS 4

_Static_assert(sizeof(struct dk_hdr) == 24, "dk_hdr");
_Static_assert(sizeof(struct dk_attach) == 144, "dk_attach");
_Static_assert(offsetof(struct dk_attach, adap_fd) == 0x38, "dk_attach.adap_fd");
_Static_assert(sizeof(struct dk_udirect) == 112, "dk_udirect");
_Static_assert(sizeof(struct dk_release) == 104, "dk_release");
_Static_assert(sizeof(struct dk_detach) == 96, "dk_detach");
_Static_assert(sizeof(struct dk_verify) == 144, "dk_verify");
_Static_assert(offsetof(struct dk_verify, sense_data) == 0x38, "dk_verify.sense_data");
_Static_assert(sizeof(struct dk_recover_afu) == 120, "dk_recover_afu");
_Static_assert(sizeof(struct dk_manage_lun) == 104, "dk_manage_lun");
_Static_assert(sizeof(struct dk_uvirtual) == 120, "dk_uvirtual");
_Static_assert(sizeof(struct dk_resize) == 120, "dk_resize");
_Static_assert(sizeof(struct dk_clone) == 112, "dk_clone");

/*
 * Events read from the adapter fd (the cxl driver's format, native byte order). Reads need a buffer
 * of at least CXL_EVENT_READ_MIN bytes and return one event; parse them as a sequence all the same.
 */
#define CXL_EVENT_READ_MIN 4096

enum cxl_event_type {
	CXL_EVT_RESERVED = 0, /* OpenCAPI: the context is closed */
	CXL_EVT_AFU_INTERRUPT = 1,
	CXL_EVT_DATA_STORAGE = 2,
	CXL_EVT_AFU_ERROR = 3,
	CXL_EVT_AFU_DRIVER = 4,
};

struct cxl_evt_header {
	uint16_t type;
	uint16_t size; /* of header and body, bytes */
	uint16_t process_element;
	uint16_t reserved;
};

struct cxl_evt {
	struct cxl_evt_header header;
	union {
		struct {
			uint16_t flags;
			uint16_t irq; /* LISN, from 1 */
			uint32_t reserved;
		} irq;
		struct {
			uint16_t flags;
			uint16_t reserved1;
			uint32_t reserved2;
			uint64_t addr;
			uint64_t dsisr;
			uint64_t reserved3;
		} fault;
		struct {
			uint16_t flags;
			uint16_t reserved1;
			uint32_t reserved2;
			uint64_t error;
		} afu_error;
	};
};

_Static_assert(sizeof(struct cxl_evt_header) == 8, "cxl_evt_header");
_Static_assert(sizeof(struct cxl_evt) == 40, "cxl_evt");

#endif
