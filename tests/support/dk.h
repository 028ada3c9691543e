/* SPDX-License-Identifier: Apache-2.0 */
/* dk - the DK_CXLFLASH ioctls as functions, for tests of whatever is behind a devport. */
#ifndef CXLFS_TESTS_SUPPORT_DK_H
#define CXLFS_TESTS_SUPPORT_DK_H

#include <fcntl.h>
#include <stdint.h>

#include "devport/devport.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

#define DK_NR_IOCTLS 10

/** dk_all_ioctls - the numbers of all there are */
extern const unsigned long dk_all_ioctls[DK_NR_IOCTLS];

/* Each fills the structure anew, and returns what the ioctl does. */

int dk_attach(struct devport *dp, uint64_t flags, struct dk_attach *arg);
int dk_attach_reuse(struct devport *dp, uint64_t context_id, struct dk_attach *arg);
int dk_detach(struct devport *dp, uint64_t context_id);
int dk_user_direct(struct devport *dp, uint64_t context_id, struct dk_udirect *arg);
int dk_user_virtual(struct devport *dp, uint64_t context_id, uint64_t lun_size, uint64_t flags,
		    struct dk_uvirtual *arg);
int dk_resize(struct devport *dp, uint64_t context_id, uint64_t handle, uint64_t req_size,
	      struct dk_resize *arg);
int dk_release(struct devport *dp, uint64_t context_id, uint64_t handle);
int dk_clone(struct devport *dp, uint64_t src, uint64_t dst, uint64_t adap_fd_src);

/** @sense: DK_VERIFY_SENSE_LEN bytes, or NULL for a call without the hint */
int dk_verify(struct devport *dp, uint64_t context_id, uint64_t handle, const uint8_t *sense,
	      struct dk_verify *arg);
int dk_recover(struct devport *dp, uint64_t context_id, struct dk_recover_afu *arg);
int dk_manage_lun(struct devport *dp, const uint8_t wwid[DK_WWID_LEN], uint64_t flags);

/** dk_close_adap_fd() - close an fd2 by the field of the structure it came in */
int dk_close_adap_fd(struct devport *dp, uint64_t adap_fd);

#endif
