/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bdi_tuning - what the kernel lets the cache of a mount do.
 *
 * FUSE mounts begin with limits meant for daemons that nobody trusts: little read-ahead, and a
 * small part of the memory for pages that wait to be written.
 */
#ifndef CXLFS_DAEMON_BDI_TUNING_H
#define CXLFS_DAEMON_BDI_TUNING_H

/**
 * bdi_tune() - give a mount limits that keep an adapter busy, as far as we may
 * @mountpoint: absolute, without symbolic links; the kernel must have taken the answer to INIT
 * Sends no request to the mount. What fails is logged for debugging only.
 */
void bdi_tune(const char *mountpoint);

#endif
