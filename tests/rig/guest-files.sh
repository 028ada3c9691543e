#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names, contents and locks as POSIX has them: scripts of tests/mount that need nothing of the
# emulator and get by with 256 files at a time, which is what the driver allows here.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests posix-content posix-locks posix-names posix-readdir posix-rename
finish_lun
