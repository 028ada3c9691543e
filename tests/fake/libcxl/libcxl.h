/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stand-in for the header of IBM's libcxl, with as much of its interface as cxlfs uses. It needs
 * no <misc/cxl.h>, which newer kernels do not have.
 */
#ifndef CXLFS_TESTS_FAKE_LIBCXL_H
#define CXLFS_TESTS_FAKE_LIBCXL_H

#include <linux/types.h>
#include <stdint.h>

#define CXL_READ_MIN_SIZE 0x1000

#define CXL_EVENT_AFU_INTERRUPT 1
#define CXL_EVENT_DATA_STORAGE  2
#define CXL_EVENT_AFU_ERROR     3
#define CXL_EVENT_READ_FAIL     0xffff

#define CXL_MMIO_BIG_ENDIAN    1
#define CXL_MMIO_LITTLE_ENDIAN 2

struct cxl_event_header {
	__u16 type;
	__u16 size;
	__u16 process_element;
	__u16 reserved1;
};

struct cxl_event {
	struct cxl_event_header header;
	union {
		struct {
			__u16 flags;
			__u16 irq;
			__u32 reserved1;
		} irq;
		struct {
			__u16 flags;
			__u16 reserved1;
			__u32 reserved2;
			__u64 addr;
			__u64 dsisr;
			__u64 reserved3;
		} fault;
		struct {
			__u16 flags;
			__u16 reserved1;
			__u32 reserved2;
			__u64 error;
		} afu_error;
	};
};

struct cxl_afu_h;

struct cxl_afu_h *cxl_afu_fd_to_h(int fd);
void cxl_afu_free(struct cxl_afu_h *afu);
int cxl_afu_fd(struct cxl_afu_h *afu);
int cxl_get_mmio_size(struct cxl_afu_h *afu, long *valp);
int cxl_event_pending(struct cxl_afu_h *afu);
int cxl_read_event(struct cxl_afu_h *afu, struct cxl_event *event);
int cxl_mmio_map(struct cxl_afu_h *afu, __u32 flags);
int cxl_mmio_unmap(struct cxl_afu_h *afu);
int cxl_mmio_ptr(struct cxl_afu_h *afu, void **mmio_ptrp);
int cxl_mmio_write64(struct cxl_afu_h *afu, uint64_t offset, uint64_t data);
int cxl_mmio_read64(struct cxl_afu_h *afu, uint64_t offset, uint64_t *data);
int cxl_mmio_install_sigbus_handler(void);

#endif
