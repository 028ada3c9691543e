#!/bin/bash
# Ten thousand cycles of creating and deleting do not grow the daemon's memory.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

memory_kib() { awk '/^RssAnon/ { print $2 }' "/proc/${DAEMON[$MNT]}/status"; }

# A buffer first used on a busy machine is not a leak: a leak grows every time.
grows() {
	local before after
	before=$(memory_kib)
	"$HELPERS/churn" "$MNT" 10000
	after=$(memory_kib)
	say "memory: $before KiB, then $after KiB"
	[ $((after - before)) -ge 1024 ]
}

start_volume
"$HELPERS/churn" "$MNT" 2000
! grows || ! grows || ! grows || fail "memory grew each time"
same "$(ls -A "$MNT")" "" "what is left"
finish
