#!/bin/bash
# -o writeback: random I/O through every path to a file against a model, and times that programs set.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

seed=${CXLFS_SEED:-$RANDOM}
say "CXLFS_SEED=$seed repeats this"
start_volume "" writeback
"$HELPERS/model" "$MNT/model" "$(seconds_or 6)" "$seed" 0 || fail "the model disagrees"

# Pages that are written later must not bring a later time with them.
head -c 3000000 /dev/zero >"$MNT/file"
touch -d @1000000 "$MNT/file"
sync
echo 3 >/proc/sys/vm/drop_caches
same "$(stat -c '%s %Y' "$MNT/file")" "3000000 1000000" "size and time of a file written back"
"$HELPERS/modes" "$MNT" >"$WORK/modes" || fail "$(grep FAIL "$WORK/modes")"
finish
