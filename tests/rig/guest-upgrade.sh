#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A successor takes over a volume in use: the driver's rules about parents, children and the adapter
# fd, and which context holds the chunks afterwards.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
expect_log 'the context was recovered, no data is lost'
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'

PROGRAM=$WORK/cxlfs
cp "$CXLFS" "$PROGRAM"

upgrade() {
	"$CXLFSADM" upgrade "$MNT" >"$WORK/said" 2>&1 || fail "no upgrade: $(cat "$WORK/said")"
	follow_daemon
	[ "$(nr_contexts)" = 1 ] || fail "contexts after an upgrade: $(cat "$SIM/state")"
}

mount_lun
say "empty"
upgrade
head -c 300000 "$CXLFS" >"$WORK/contents"
for i in 1 2 3; do
	cp "$WORK/contents" "$MNT/file$i"
done
exec 7<"$MNT/file3"
rm "$MNT/file3"

say "with files"
for i in 1 2; do
	upgrade
	cmp "$WORK/contents" <(dd if="$MNT/file1" iflag=direct bs=64k status=none) || fail "file1"
	cmp "$WORK/contents" "/proc/$$/fd/7" || fail "the file without a name"
	cp "$MNT/file1" "$MNT/copy$i"
	rm "$MNT/file2"
	cp "$WORK/contents" "$MNT/file2"
done
exec 7<&-

say "with a reset before and after"
host_reset
upgrade
host_reset
cmp "$WORK/contents" <(dd if="$MNT/copy2" iflag=direct bs=64k status=none) || fail "copy2"
stop_volume

say "a whole LUN"
mount_lun /dev/sda physical
dd if="$WORK/contents" of="$MNT/lun0" bs=64k conv=notrunc status=none
upgrade
cmp "$WORK/contents" <(dd if="$MNT/lun0" iflag=direct bs=64k count=5 status=none | head -c 300000) ||
	fail "the whole LUN"
dd if="$WORK/contents" of="$MNT/lun0" oflag=direct bs=4k count=1 seek=100 conv=notrunc status=none
stop_volume
finish_lun
