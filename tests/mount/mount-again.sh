#!/bin/bash
# A volume is unmounted and another mounted in its place at once: the old daemon, which ends late, leaves
# it alone, although the kernel may give both the same device number.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3
mountpoint -q /sys/fs/fuse/connections || skip "fusectl is not mounted"

device() { stat -c %Hd:%Ld "$MNT"; }
same_number=0
for round in 1 2 3; do
	rm -rf "$STORE/first" "$STORE/second"
	start_daemon "emul:$STORE/first,size=2G" "$MNT"
	echo old >"$MNT/file"
	before=$(device)
	first=${DAEMON[$MNT]}
	kill -STOP "$first"
	# umount(8) would ask the daemon first.
	timeout 20 python3 -c 'import ctypes, sys
sys.exit(ctypes.CDLL(None).umount2(sys.argv[1].encode(), 2))' "$MNT" || fail "cannot unmount"
	unset "DAEMON[$MNT]"
	start_daemon "emul:$STORE/second,size=2G" "$MNT"
	echo new >"$MNT/file"
	[ "$(device)" != "$before" ] || same_number=$((same_number + 1))
	kill -CONT "$first"
	wait_until "the first daemon ends" is_gone "$first"
	wait "$first" || fail "the first daemon ended with status $?"
	sleep 0.2
	same "$(cat "$MNT/file")" new "round $round"
	"$CXLFSADM" status "$MNT" >/dev/null || fail "the second daemon has no control socket"
	stop_volume
done
say "$same_number of 3 had the same device number"
note_adapter "$STORE/first"
note_adapter "$STORE/second"
finish
