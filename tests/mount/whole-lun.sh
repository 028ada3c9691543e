#!/bin/bash
# -o physical: each LUN is one file, of fixed size, whose contents outlive the mount.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

readonly SIZE=$((64 << 20))
lun=$MNT/lun0

start_volume size=$SIZE physical
same "$(ls "$MNT")" lun0
same "$(stat -c %s "$lun")" $SIZE "size"
head -c $SIZE /dev/urandom >"$WORK/image"
cp "$WORK/image" "$lun"
cmp "$WORK/image" "$lun"
dd if="$lun" of=/dev/null bs=8M iflag=direct status=none
dd if="$WORK/image" of="$lun" bs=16M oflag=direct conv=notrunc status=none
printf x | dd of="$lun" bs=1 seek=12345 conv=notrunc status=none
printf x | dd of="$WORK/image" bs=1 seek=12345 conv=notrunc status=none
must_fail 'No space left' dd if=/dev/zero of="$lun" bs=4k count=1 seek=$((SIZE / 4096)) conv=notrunc status=none
must_fail 'not permitted' truncate -s 1000 "$lun"
must_fail 'not permitted' touch "$MNT/other"
must_fail 'not permitted' rm "$lun"
must_fail 'not permitted' mv "$lun" "$MNT/name"
must_fail 'not permitted' ln "$lun" "$MNT/name"
must_fail 'not permitted' mkdir "$MNT/directory"
cmp "$WORK/image" "$lun"
stop_volume

start_volume "" physical
cmp "$WORK/image" "$lun"

# The LUN is enlarged; the next access notices.
expect_log 'LUN 0 has grown'
"$CXLFSADM" emul grow "$STORE/adapter" 0 $((2 * SIZE))
dd if="$lun" of=/dev/null bs=4k count=1 iflag=direct status=none
has_grown() { [ "$(stat -c %s "$lun")" = $((2 * SIZE)) ]; }
wait_until "the file of a grown LUN grows" has_grown
dd if="$WORK/image" of="$lun" bs=1M oflag=direct conv=notrunc seek=$((SIZE >> 20)) status=none
cat "$WORK/image" "$WORK/image" | cmp - "$lun"
must_fail 'larger already' "$CXLFSADM" emul grow "$STORE/adapter" 0 $SIZE

# The other mode is refused until this volume is unmounted.
mkdir "$WORK/virtual"
"$CXLFS" "emul:$STORE/adapter" "$WORK/virtual" 2>"$WORK/message" && fail "both ways at once"
grep -q "another program uses this LUN as a whole" "$WORK/message" || fail "$(cat "$WORK/message")"
finish
