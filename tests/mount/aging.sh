#!/bin/bash
# A packed volume that is kept 90 % full while files come, grow, shrink and go: no byte is wrong, and
# in the end every free block can be used. Neither the pieces of files nor the memory grow.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_tools python3

# status WHEN EXPRESSION: evaluates Python on the status of that time, which is j.
status() { python3 -c "import json; j = json.load(open('$WORK/status-$1')); print($2)"; }
extents_of_100_files() { status "$1" '100 * j["space"]["extents"] // j["inodes"]["used"]'; }
memory_kib() { awk '{ print $2 }' "$WORK/memory-$1"; }

size=256M
[ -z "${CXLFS_SECONDS:-}" ] || size=1G
start_volume size=$size,bs=512
cat >"$WORK/look" <<EOF
"$CXLFSADM" status --json "$MNT" >"$WORK/status-\$WHEN"
grep ^RssAnon /proc/${DAEMON[$MNT]}/status >"$WORK/memory-\$WHEN"
EOF
"$BUILD/tests/bench/aging" "$MNT" "$(seconds_or 4)" "sh -e '$WORK/look'"

for when in quarter end; do
	say "$when: $(extents_of_100_files $when) extents of 100 files, $(memory_kib $when) KiB of memory"
done
# A file of some blocks lies in few pieces.
extents=$(extents_of_100_files end)
[ "$extents" -ge 10 ] || fail "only $extents extents of 100 files"
[ "$extents" -lt 1000 ] || fail "$extents extents of 100 files"
# In a short time the volume does not fill up.
if [ -n "${CXLFS_SECONDS:-}" ]; then
	[ "$extents" -le $(($(extents_of_100_files quarter) * 3 / 2)) ] || fail "files get more pieces"
	[ "$(memory_kib end)" -le $(($(memory_kib quarter) * 5 / 4 + 1024)) ] || fail "memory grows"
fi
same "$(ls -A "$MNT")" "" "what is left"
finish
