#!/bin/bash
# bonnie++: a large file by character and by block, seeks, and a thousand small files.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools bonnie++
need_root

measure() {
	local option
	mkdir -m 777 "$MNT/bonnie"
	for option in "" -b -D; do
		# Its sizes are in MiB, and its small files in multiples of 1024.
		bonnie++ -u nobody -d "$MNT/bonnie" -q -s 128 -r 32 -n 1:8192:1:8 $option \
			>"$WORK/bonnie.csv" 2>"$WORK/bonnie.log" ||
			fail "bonnie++ $option: $(tail -n 5 "$WORK/bonnie.log")"
		! grep -iE "can't|error|fail" "$WORK/bonnie.log" || fail "bonnie++ $option"
		same "$(ls -A "$MNT/bonnie")" "" "what bonnie++ $option leaves"
	done
}

in_each_cache_mode measure
finish
