#!/bin/bash
# An upgrade of a volume with -o physical, in use: another process opens the LUNs.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_cxlfs
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
expect_log 'LUN 1 has grown'

readonly SIZE=$((16 << 20))

# Writes and reads the LUN over and over, each time with another number in all blocks.
write_blocks() {
	local round=0
	while [ ! -e "$WORK/enough" ]; do
		round=$((round + 1))
		head -c $SIZE < <(yes $round 2>/dev/null) >"$WORK/round"
		dd if="$WORK/round" of="$MNT/lun1" bs=64k oflag=direct conv=notrunc status=none &&
			dd if="$MNT/lun1" bs=64k iflag=direct status=none | cmp - "$WORK/round" || exit 1
	done
}

upgrade() {
	"$CXLFSADM" upgrade "$MNT" >"$WORK/said" 2>&1 || fail "no upgrade: $(cat "$WORK/said")"
	follow_daemon
}

"$CXLFSADM" emul create "$ADAPTER,luns=2,size=$SIZE${CXLFS_TEST_ADAPTER:+,$CXLFS_TEST_ADAPTER}"
note_adapter "$ADAPTER"
start() { start_daemon "emul:$ADAPTER,lun=0,emul:$ADAPTER,lun=1" "$MNT" physical; }
start
head -c $SIZE /dev/urandom >"$WORK/image"
cp "$WORK/image" "$MNT/lun0"
chmod 640 "$MNT/lun0"
exec 7<>"$MNT/lun0"
write_blocks &
writer=$!
for i in 1 2 3; do
	upgrade
	sleep 0.3
	same "$(stat -c '%a %s' "$MNT/lun0")" "640 $SIZE" "attributes after upgrade $i"
	cmp "$WORK/image" <(dd if="$MNT/lun0" bs=1M iflag=direct status=none)
done
printf new | dd of=/proc/self/fd/7 bs=3 seek=100 conv=notrunc status=none
printf new | dd of="$WORK/image" bs=3 seek=100 conv=notrunc status=none
exec 7>&-
touch "$WORK/enough"
wait $writer || fail "a program noticed an upgrade"
same "$(ls "$MNT")" "$(printf 'lun0\nlun1')"

say "a LUN grows afterwards"
"$CXLFSADM" emul grow "$ADAPTER" 1 $((2 * SIZE))
dd if="$MNT/lun1" of=/dev/null bs=4k count=1 iflag=direct status=none
has_grown() { [ "$(stat -c %s "$MNT/lun1")" = $((2 * SIZE)) ]; }
wait_until "the file of a grown LUN grows" has_grown
upgrade
has_grown || fail "the file of a grown LUN is smaller"
stop_volume

say "the contents stay"
start
cmp "$WORK/image" "$MNT/lun0"
finish
