#!/bin/bash
# df counts blocks, or chunks with pack=0; du counts written blocks, df -i inodes.
# matrix: adapter
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
inodes_used() { df --output=iused "$MNT" | tail -n 1 | tr -d ' '; }
nothing_used() { [ "$(used)" = 0 ]; }

# count OPTIONS VERDICT: VERDICT is called when a file holds 100,000 bytes.
count() {
	local chunk inodes
	start_volume size=4G "$1"
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
	"$2" "$chunk"
	same "$(du -B1 "$MNT/small" | cut -f1)" 102400 "du of 100000 bytes"

	truncate -s 1G "$MNT/hole"
	same "$(du -B1 "$MNT/hole" | cut -f1)" 0 "du of a hole"
	rm "$MNT/small" "$MNT/hole"
	wait_until "everything is free" nothing_used
	stop_volume
}

uses_blocks() { same "$(used)" 102400 "bytes that df says are used"; }

# One chunk is in use; a second may be held in advance.
uses_chunks() {
	case $(used) in
	"$1" | "$((2 * $1))") ;;
	*) fail "df says $(used) bytes are used" ;;
	esac
}

count "" uses_blocks
count pack=0 uses_chunks
finish
