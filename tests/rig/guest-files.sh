#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# POSIX names, contents and locks: runs scripts of tests/mount that do not need the emulator, and
# need no more than 256 files at a time, the limit of the driver on the rig.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests posix-content posix-locks posix-names posix-readdir posix-rename
finish_lun
