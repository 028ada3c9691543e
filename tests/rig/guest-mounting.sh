#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mounting, unmounting and the daemon's end: scripts of tests/mount, as in guest-files.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests read-only root-directory signals-unmount stale-mount unmount-busy
finish_lun
