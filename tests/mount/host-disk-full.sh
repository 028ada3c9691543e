#!/bin/bash
# A full disk below the emulated adapter gives an I/O error, not a crash; old data stays.
# matrix: adapter
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts

mkdir "$WORK/small"
mount -t tmpfs -o size=96m tmpfs "$WORK/small"
expect_log .
start_daemon "$(join "emul:$WORK/small/adapter" "$CXLFS_TEST_ADAPTER" size=4G)" "$MNT"
head -c 20000000 /dev/urandom >"$WORK/data"
cp "$WORK/data" "$MNT/first"
sync "$MNT/first"
must_errno "No space left\|Input/output" \
	dd if=/dev/zero of="$MNT/too-much" bs=1M count=200 oflag=direct
echo 3 >/proc/sys/vm/drop_caches
cmp "$WORK/data" "$MNT/first"
rm "$MNT/too-much"
stop_volume
"$CXLFSADM" emul audit "$WORK/small/adapter"
umount "$WORK/small"
finish
