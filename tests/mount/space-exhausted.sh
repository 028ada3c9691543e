#!/bin/bash
# Fills a volume to the last block: accepted data is there, and deleting frees all space.
# matrix: adapter
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

available() { df --output=avail -B1 "$MNT" | tail -n 1 | tr -d ' '; }
all_free() { [ "$(available)" = "$before" ]; }

empty_it() {
	rm "$MNT"/full-*
	wait_until "the space is free again" all_free
}

start_volume size=512M
before=$(available)
[ "$before" -gt 500000000 ] || fail "df says $before bytes are free of 512 MiB"

# One file uses all chunks, to the last block.
same "$("$HELPERS/fill" "$MNT" direct 100000)" "$before" "bytes kept (direct)"
same "$(available)" 0 "bytes free when full"
must_errno "No space left" dd if=/dev/zero of="$MNT/one-more" bs=4k count=1 oflag=direct
mkdir "$MNT/directory"
: >"$MNT/empty"
ln -s target "$MNT/link"
rm -r "$MNT/one-more" "$MNT/directory" "$MNT/empty" "$MNT/link"
empty_it

same "$("$HELPERS/fill" "$MNT" sync 100000)" "$before" "bytes kept (O_SYNC)"
empty_it

# The write itself fails.
same "$("$HELPERS/fill" "$MNT" buffered 100000)" "$before" "bytes kept"
empty_it
stop_volume

# With writeback, fsync fails: several files, then one that is half as large again as the volume.
start_volume "" writeback
"$HELPERS/fill" "$MNT" buffered 48
empty_it
"$HELPERS/fill" "$MNT" buffered 750
empty_it
dd if=/dev/zero of="$MNT/full-1" bs=1M count=750 2>"$WORK/dd" && fail "closing told nothing"
grep -q "No space left" "$WORK/dd" || fail "$(cat "$WORK/dd")"
empty_it
finish
