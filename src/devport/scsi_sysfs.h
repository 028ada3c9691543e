/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scsi_sysfs - check in sysfs that a device node is a usable LUN of a CXL Flash adapter.
 *
 * The driver returns EINVAL for most errors. sysfs allows a precise message before the first ioctl.
 */
#ifndef CXLFS_DEVPORT_SCSI_SYSFS_H
#define CXLFS_DEVPORT_SCSI_SYSFS_H

#include <stddef.h>
#include <sys/types.h>

/**
 * scsi_sysfs_check() - check a SCSI disk (block) or sg (character) node
 * @sysfs:  where sysfs is mounted, "/sys"
 * @mode:   st_mode of the node
 * @rdev:   st_rdev of the node
 * @why:    on failure, the rest of a sentence that begins with the device name
 *
 * If sysfs lacks some information, this is not an error: the driver decides.
 * Return: 0; -ENOTBLK not a SCSI disk; -ENODEV a LUN of another driver, no driver in this kernel,
 * or no adapter; -EPERM the LUN is in legacy mode.
 */
int scsi_sysfs_check(const char *sysfs, mode_t mode, dev_t rdev, char *why, size_t why_bytes);

#endif
