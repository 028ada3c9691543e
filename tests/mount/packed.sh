#!/bin/bash
# With pack=, more files than handles and chunks fit, each costs its blocks, and all comes back.
# matrix: diagonal
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
nothing_used() { [ "$(used)" = 0 ]; }

mkdir "$WORK/tree"
real_files 3000 /usr/include /usr/share/doc /usr/share/perl >"$WORK/names"
tar -c --null -T "$WORK/names" 2>/dev/null | tar -x -C "$WORK/tree"
find "$WORK/tree" -type f -size +1024k -delete

start_volume size=1G pack=1M
same "$(used)" 0 "bytes used by nothing"
cp -a "$WORK/tree" "$MNT/tree"
diff -r --no-dereference "$WORK/tree" "$MNT/tree"
blocks=$(find "$WORK/tree" -type f -printf '%s\n' |
	awk '{ sum += int(($1 + 4095) / 4096) } END { print sum }')
same "$(used)" $((blocks * 4096)) "bytes used"

# A file that outgrows its share keeps what it has, and can be read meanwhile.
head -c 5100K /dev/urandom >"$WORK/large"
for ((at = 0; at < 17; at++)); do
	dd if="$WORK/large" of="$MNT/large" bs=300K skip=$at seek=$at count=1 conv=notrunc status=none
done
cmp "$WORK/large" "$MNT/large"

# The last block of the volume can be used.
must_fail "No space left" dd if=/dev/zero of="$MNT/filler" bs=1M status=none
same "$(df --output=avail -B1 "$MNT" | tail -n 1 | tr -d ' ')" 0 "bytes available"
rm -r "$MNT/tree" "$MNT/large" "$MNT/filler"
wait_until "everything is free" nothing_used
finish
