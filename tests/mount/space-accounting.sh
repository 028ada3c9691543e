#!/bin/bash
# df counts chunks, du counts written blocks, df -i inodes.
# matrix: adapter
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
inodes_used() { df --output=iused "$MNT" | tail -n 1 | tr -d ' '; }
nothing_used() { [ "$(used)" = 0 ]; }

start_volume size=4G
case $CXLFS_TEST_ADAPTER in
*bs=512*) chunk=$((32 << 20)) ;;
*) chunk=$((256 << 20)) ;;
esac
same "$(used)" 0 "bytes used by nothing"
same "$(df --output=size -B1 "$MNT" | tail -n 1 | tr -d ' ')" $((4 << 30)) "size"
inodes=$(inodes_used)

: >"$MNT/empty"
mkdir "$MNT/directory"
same "$(used)" 0 "bytes used by an empty file"
same $(($(inodes_used) - inodes)) 2 "inodes used"

head -c 100000 /dev/zero >"$MNT/small"
sync "$MNT/small"
# One chunk is in use; a second may be held in advance.
case $(used) in
"$chunk" | "$((2 * chunk))") ;;
*) fail "df says $(used) bytes are used" ;;
esac
same "$(du -B1 "$MNT/small" | cut -f1)" 102400 "du of 100000 bytes"

truncate -s 1G "$MNT/hole"
same "$(du -B1 "$MNT/hole" | cut -f1)" 0 "du of a hole"
rm "$MNT/small" "$MNT/hole"
wait_until "everything is free" nothing_used
finish
