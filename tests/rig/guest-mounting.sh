#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs scripts of tests/mount for mount, unmount and the end of the daemon; see guest-files.sh.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests read-only root-directory signals-unmount stale-mount unmount-busy
finish_lun
