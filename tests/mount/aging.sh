#!/bin/bash
# A packed volume that is kept 90 % full while files come, grow, shrink and go: no byte is wrong, and
# in the end every free block can be used.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

size=256M
[ -z "${CXLFS_SECONDS:-}" ] || size=1G
start_volume size=$size,bs=512
"$BUILD/tests/bench/aging" "$MNT" "$(seconds_or 4)" "'$CXLFSADM' status --json '$MNT' >'$WORK/status'" |
	tee "$WORK/said"
# A file of some blocks lies in few pieces.
files=$(awk '$1 == "files" { print $2 }' "$WORK/said")
extents=$(sed -n 's/.*"extents": *\([0-9]*\).*/\1/p' "$WORK/status")
awk -v f="$files" -v e="$extents" 'BEGIN { exit !(e >= f * 0.1 && e < f * 10) }' ||
	fail "$extents extents of $files files"
same "$(ls -A "$MNT")" "" "what is left"
finish
