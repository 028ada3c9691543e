#!/bin/bash
# The process that serves has dropped its privileges; the helper, which keeps them, mounts and unmounts.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

# field PID NAME: a line of its status.
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }
helper_of() { pgrep -P "$1" -x cxlfs-helper; }

# Every thread, also those that were started before.
serves_without_rights() {
	local task status
	for task in /proc/"$1"/task/*; do
		status=$(cat "$task/status") || continue
		grep -q "^Seccomp:.*2" <<<"$status" || fail "$(cat "$task/comm"): no filter"
		grep -q "^NoNewPrivs:.*1" <<<"$status" || fail "$(cat "$task/comm"): new privileges"
		# CAP_SYS_NICE may stay.
		grep -Eq "^CapEff:.*0000000000[08]00000" <<<"$status" ||
			fail "$(cat "$task/comm"): capabilities"
	done
}

start_volume
pid=${DAEMON[$MNT]}
echo text >"$MNT/file"
serves_without_rights "$pid"
helper=$(helper_of "$pid") || fail "no helper"
[ "$(find "/proc/$helper/fd" -type l | wc -l)" = 4 ] || fail "the helper has descriptors"
kill -TERM "$helper"
kill -HUP "$helper"
same "$(cat "$MNT/file")" text
umount "$MNT"
wait_for_daemon "$MNT"
wait_until "the helper ends" is_gone "$helper"

# The daemon has no rights to unmount with.
start_volume
pid=${DAEMON[$MNT]}
helper=$(helper_of "$pid")
expect_log 'unmounting|is in use'
exec 8>"$MNT/open"
kill -TERM "$pid"
wait_for_daemon "$MNT"
exec 8>&-
! is_mounted "$MNT" || fail "still mounted"
wait_until "the helper ends" is_gone "$helper"

# Without a helper the daemon still serves.
start_volume
pid=${DAEMON[$MNT]}
kill -KILL "$(helper_of "$pid")"
echo text >"$MNT/file"
same "$(cat "$MNT/file")" text
umount "$MNT"
wait_for_daemon "$MNT"

start_volume "" no_sandbox
pid=${DAEMON[$MNT]}
same "$(field "$pid" Seccomp)" 0 "filter"
same "$(field "$pid" NoNewPrivs)" 0 "no_new_privs"
finish
