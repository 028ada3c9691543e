/* SPDX-License-Identifier: Apache-2.0 */
#include "support/dk.h"

#include <string.h>

const unsigned long dk_all_ioctls[DK_NR_IOCTLS] = {
	DK_IOCTL_ATTACH,      DK_IOCTL_USER_DIRECT, DK_IOCTL_RELEASE,    DK_IOCTL_DETACH,
	DK_IOCTL_VERIFY,      DK_IOCTL_RECOVER_AFU, DK_IOCTL_MANAGE_LUN, DK_IOCTL_USER_VIRTUAL,
	DK_IOCTL_VLUN_RESIZE, DK_IOCTL_VLUN_CLONE,
};

int dk_attach(struct devport *dp, uint64_t flags, struct dk_attach *arg)
{
	*arg = (struct dk_attach){ .hdr.flags = flags, .num_interrupts = 4 };
	return dp->ops->ioctl(dp, DK_IOCTL_ATTACH, arg);
}

int dk_attach_reuse(struct devport *dp, uint64_t context_id, struct dk_attach *arg)
{
	*arg = (struct dk_attach){ .hdr.flags = DK_AF_REUSE_CONTEXT | O_RDWR,
				   .num_interrupts = 4,
				   .context_id = context_id };
	return dp->ops->ioctl(dp, DK_IOCTL_ATTACH, arg);
}

int dk_detach(struct devport *dp, uint64_t context_id)
{
	struct dk_detach arg = { .context_id = context_id };

	return dp->ops->ioctl(dp, DK_IOCTL_DETACH, &arg);
}

int dk_user_direct(struct devport *dp, uint64_t context_id, struct dk_udirect *arg)
{
	*arg = (struct dk_udirect){ .context_id = context_id };
	return dp->ops->ioctl(dp, DK_IOCTL_USER_DIRECT, arg);
}

int dk_user_virtual(struct devport *dp, uint64_t context_id, uint64_t lun_size, uint64_t flags,
		    struct dk_uvirtual *arg)
{
	*arg = (struct dk_uvirtual){ .hdr.flags = flags,
				     .context_id = context_id,
				     .lun_size = lun_size };
	return dp->ops->ioctl(dp, DK_IOCTL_USER_VIRTUAL, arg);
}

int dk_resize(struct devport *dp, uint64_t context_id, uint64_t handle, uint64_t req_size,
	      struct dk_resize *arg)
{
	*arg = (struct dk_resize){ .context_id = context_id,
				   .rsrc_handle = handle,
				   .req_size = req_size };
	return dp->ops->ioctl(dp, DK_IOCTL_VLUN_RESIZE, arg);
}

int dk_release(struct devport *dp, uint64_t context_id, uint64_t handle)
{
	struct dk_release arg = { .context_id = context_id, .rsrc_handle = handle };

	return dp->ops->ioctl(dp, DK_IOCTL_RELEASE, &arg);
}

int dk_clone(struct devport *dp, uint64_t src, uint64_t dst, uint64_t adap_fd_src)
{
	struct dk_clone arg = { .context_id_src = src,
				.context_id_dst = dst,
				.adap_fd_src = adap_fd_src };

	return dp->ops->ioctl(dp, DK_IOCTL_VLUN_CLONE, &arg);
}

int dk_verify(struct devport *dp, uint64_t context_id, uint64_t handle, const uint8_t *sense,
	      struct dk_verify *arg)
{
	*arg = (struct dk_verify){ .context_id = context_id, .rsrc_handle = handle };
	if (sense) {
		arg->hint = DK_VHF_SENSE;
		memcpy(arg->sense_data, sense, DK_VERIFY_SENSE_LEN);
	}
	return dp->ops->ioctl(dp, DK_IOCTL_VERIFY, arg);
}

int dk_recover(struct devport *dp, uint64_t context_id, struct dk_recover_afu *arg)
{
	*arg = (struct dk_recover_afu){ .context_id = context_id };
	return dp->ops->ioctl(dp, DK_IOCTL_RECOVER_AFU, arg);
}

int dk_manage_lun(struct devport *dp, const uint8_t wwid[DK_WWID_LEN], uint64_t flags)
{
	struct dk_manage_lun arg = { .hdr.flags = flags };

	memcpy(arg.wwid, wwid, DK_WWID_LEN);
	return dp->ops->ioctl(dp, DK_IOCTL_MANAGE_LUN, &arg);
}

int dk_close_adap_fd(struct devport *dp, uint64_t adap_fd)
{
	return dp->ops->close_adap_fd(dp, (int)adap_fd);
}
