#!/bin/bash
# dbench replays the traffic of a file server with many clients.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_tools dbench

replay() {
	local option
	mkdir "$MNT/dbench"
	for option in "" -s; do
		dbench -D "$MNT/dbench" -t "$(seconds_or 20)" $option 6 >"$WORK/dbench.log" 2>&1 ||
			fail "dbench $option: $(tail -n 20 "$WORK/dbench.log")"
		! grep -E 'ERROR| failed for ' "$WORK/dbench.log" || fail "dbench $option"
		tail -n 1 "$WORK/dbench.log"
	done
}

in_each_cache_mode replay
finish
