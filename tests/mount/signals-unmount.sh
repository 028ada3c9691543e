#!/bin/bash
# SIGTERM, SIGINT and SIGHUP unmount and end the daemon cleanly, even if the volume is in use.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
expect_log '^cxlfs: (Terminated|Interrupt|Hangup): unmounting '
expect_log '^cxlfs: .* is in use: '

for signal in TERM INT HUP; do
	start_volume
	echo "$signal" >"$MNT/file"
	kill -"$signal" "${DAEMON[$MNT]}"
	wait_for_daemon "$MNT"
	! is_mounted "$MNT" || fail "still mounted after SIG$signal"
done

start_volume
exec 8<>"$MNT/file"
echo text >&8
kill -TERM "${DAEMON[$MNT]}"
wait_for_daemon "$MNT"
! is_mounted "$MNT" || fail "still mounted"
exec 8>&- || true
finish
