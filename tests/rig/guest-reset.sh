#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The adapter is reset under a load that verifies what it reads: a freeze that a register read
# notices, EEH, and a host reset that sends no event to fd2. The load only pauses.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
mount_lun
expect_log 'adapter|context|reset|recover'

for kind in "fault freeze" "fault eeh" host_reset; do
	say "$kind"
	head -c 3000000 /dev/urandom >"$WORK/before"
	cp "$WORK/before" "$MNT/before"
	verify_load
	# shellcheck disable=SC2086  # a command and its word
	every 1.5 4 $kind
	load_is_fine
	wait_until "driver normal" is_well
	cmp "$WORK/before" "$MNT/before"
done
stop_volume
finish_lun
