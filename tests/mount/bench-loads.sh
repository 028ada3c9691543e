#!/bin/bash
# The load generators of the benchmarks run and print the numbers that the scripts read.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
readonly LOADS=$BUILD/tests/bench

# has NAME...: the last output has a number of that name.
has() {
	local name
	for name in "$@"; do
		grep -qE "^$name [0-9.]+\$" "$WORK/said" || fail "no number '$name'"
	done
}

start_volume
"$LOADS/names" "$MNT" 30000 1000 "${DAEMON[$MNT]}" >"$WORK/said"
has create-rate create-rate-early create-rate-late create-longest-ms create-over-10ms \
	memory-per-inode unlink-rate unlink-over-10ms rmdir-longest-ms memory-left-mib
same "$(ls -A "$MNT")" "" "what names leaves"
"$LOADS/handles" "$MNT" 20 >"$WORK/said"
has write-rate read-rate delete-longest-ms
same "$(ls -A "$MNT")" "" "what handles leaves"
"$LOADS/churn" "$MNT" 1 "${DAEMON[$MNT]}" >"$WORK/said"
has memory-quarter-mib memory-end-mib operations-rate
rm -f "$MNT"/*
wait_until "the space is free" "$LOADS/ends" "$MNT/whole" >"$WORK/said" 2>/dev/null
has reserve-s first-rate last-rate last-over-10ms
"$LOADS/gaps" 1 >"$WORK/said"
has gap-longest-ms gap-over-10ms
"$LOADS/counting" 1 >"$WORK/said"
has request-ns commands-ns
"$LOADS/commands" "emul:$STORE/other,size=1G" write 4096 100
"$LOADS/commands" "emul:$STORE/other" read 65536 160
finish
