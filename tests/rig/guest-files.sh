#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What POSIX says of files, mounting and unmounting: the scripts of tests/mount that need nothing
# of the emulator and get by with 256 files at a time, which is what the driver allows here.
# timeout: 400
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G) rig_patience=380
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests access-times acl-access posix-content posix-locks posix-modes posix-names \
	posix-readdir posix-rename posix-xattrs read-only root-directory signals-unmount \
	stale-mount unmount-busy
finish_lun
