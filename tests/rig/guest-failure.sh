#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The adapter fails permanently under load: every request returns an error at once, the volume can
# be unmounted, and nothing is left in the driver.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
mount_lun
expect_log 'adapter|failed|error'

head -c 3000000 /dev/urandom >"$MNT/before"
verify_load --verify_fatal=1
sleep 2
fault perm
wait_until "the load has ended" is_gone "$load"
wait "$load" && fail "the load has not noticed that the adapter failed: $(cat "$WORK/fio.log")"
driver_is failterm || fail "the driver is $(driver_state)"
must_errno 'Input/output error' dd if="$MNT/before" of=/dev/null iflag=direct bs=4k
must_errno 'Input/output error' dd if=/dev/zero of="$MNT/new" oflag=direct bs=4k count=1
ls -l "$MNT" >/dev/null
stop_volume
finish_lun
