#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs scripts of tests/mount for modes, times, ACLs and extended attributes; see guest-files.sh.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

mount_tests access-times acl-access posix-modes posix-xattrs
finish_lun
