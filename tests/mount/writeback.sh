#!/bin/bash
# With writeback the kernel collects writes: visibility to other programs, errors, time stamps.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

seed=${CXLFS_SEED:-$RANDOM}
say "CXLFS_SEED=$seed repeats this"
start_volume "" writeback
"$HELPERS/model" "$MNT/model" "$(seconds_or 3)" "$seed" 0 || fail "the model disagrees"

# Pages written later must not set a later time.
head -c 3000000 /dev/zero >"$MNT/file"
touch -d @1000000 "$MNT/file"
sync
echo 3 >/proc/sys/vm/drop_caches
same "$(stat -c '%s %Y' "$MNT/file")" "3000000 1000000" "size and time of a file written back"
"$HELPERS/modes" "$MNT" >"$WORK/modes" || fail "$(grep FAIL "$WORK/modes")"
mkdir "$MNT/dirty"
"$HELPERS/dirty" "$MNT/dirty" || fail "bytes that are not written yet"

# A copy within the volume keeps holes, although SEEK_HOLE does not report them.
truncate -s 64M "$MNT/sparse"
printf x | dd of="$MNT/sparse" bs=1 seek=40000000 conv=notrunc status=none
xfs_io=$(command -v xfs_io || true)
[ -z "$xfs_io" ] || {
	xfs_io -f -c "copy_range $MNT/sparse" "$MNT/copy" >"$WORK/xfs_io"
	cmp "$MNT/sparse" "$MNT/copy"
	same "$(du -B1 "$MNT/copy" | cut -f1)" 4096 "du of a copy with holes"
}

limit() { cat "/sys/class/bdi/$(mountpoint -d "$MNT")/$1"; }
limits_are_raised() { [ "$(limit max_ratio)" = 25 ] && [ "$(limit read_ahead_kb)" -ge 1024 ]; }
[ "$(id -u)" != 0 ] || wait_until "the kernel's limits are raised" limits_are_raised
finish
