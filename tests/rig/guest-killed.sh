#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon is killed at start, under load and in a recovery: nothing is left in the driver.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio

kill_volume() {
	kill -KILL "${DAEMON[$MNT]}"
	forget_daemon "$MNT"
	umount -l "$MNT"
	wait_until "its contexts are gone" no_contexts
	"$CXLFSADM" lun disable all >"$WORK/disable" 2>&1 || fail "$(cat "$WORK/disable")"
	"$CXLFSADM" lun enable all >/dev/null
}
no_contexts() { [ "$(nr_contexts)" = 0 ]; }

say "idle"
mount_lun
kill_volume

say "under load"
mount_lun
verify_load
sleep 2
kill_volume
wait "$load" && fail "the load has not noticed"

say "in a recovery"
mount_lun
verify_load
sleep 2
fault eeh
sleep 0.3
kill_volume
wait "$load" && fail "the load has not noticed"
wait_until "driver normal" driver_is normal

say "while starting"
for delay in 0 0.01 0.02 0.05 0.1 0.2; do
	"$CXLFS" -f /dev/sda "$MNT" >/dev/null 2>&1 &
	DAEMON[$MNT]=$!
	sleep "$delay"
	kill -KILL "$!" 2>/dev/null || true
	forget_daemon "$MNT"
	umount -l "$MNT" 2>/dev/null || true
	wait_until "its contexts are gone" no_contexts
done
mount_lun
echo alive >"$MNT/file"
stop_volume
finish_lun
