/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdi_tuning - sets the kernel's limits on read-ahead and dirty pages of a mount.
 *
 * The defaults for FUSE assume an untrusted daemon: little read-ahead and few dirty pages.
 */
#ifndef CXLFS_DAEMON_BDI_TUNING_H
#define CXLFS_DAEMON_BDI_TUNING_H

/**
 * bdi_tune() - raise the limits so that a mount can keep an adapter busy
 * @mountpoint: absolute, without symbolic links; the kernel must have the reply to INIT
 * Sends no request to the mount. Needs root; failures are only logged at debug level.
 */
void bdi_tune(const char *mountpoint);

#endif
