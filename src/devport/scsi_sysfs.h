/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scsi_sysfs - is this device node a LUN of a CXL Flash adapter that user space may drive?
 *
 * The driver answers EINVAL to nearly everything that is wrong; sysfs knows better, and a person
 * is told before the first ioctl.
 */
#ifndef CXLFS_DEVPORT_SCSI_SYSFS_H
#define CXLFS_DEVPORT_SCSI_SYSFS_H

#include <stddef.h>
#include <sys/types.h>

/**
 * scsi_sysfs_check() - look a SCSI disk (block) or sg (character) node up
 * @sysfs:  where sysfs is mounted, "/sys"
 * @mode:   st_mode of the node
 * @rdev:   st_rdev of the node
 * @why:    set to the second half of a sentence that begins with the device's name
 *
 * What sysfs does not tell is taken as right: the driver has the last word.
 * Return: 0; -ENOTBLK not a SCSI disk; -ENODEV of another driver, or no driver in this kernel, or
 * no adapter; -EPERM the LUN is in legacy mode.
 */
int scsi_sysfs_check(const char *sysfs, mode_t mode, dev_t rdev, char *why, size_t why_bytes);

#endif
