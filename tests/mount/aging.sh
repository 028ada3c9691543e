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
"$BUILD/tests/bench/aging" "$MNT" "$(seconds_or 4)" | tee "$WORK/said"
# A file of some blocks lies in few pieces.
pieces=$(awk '$1 == "extents-per-file" { print $2 }' "$WORK/said")
awk -v n="$pieces" 'BEGIN { exit !(n >= 0.1 && n < 10) }' || fail "$pieces extents a file"
same "$(ls -A "$MNT")" "" "what is left"
finish
