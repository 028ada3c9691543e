#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The driver loses an AFU SYNC and cannot reset its own context. Growing a file then causes EAGAIN
# after ten seconds, and an asynchronous reset. The writer only pauses.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
# Each file has chunks of its own, so that it grows by an ioctl.
mount_lun '' pack=0
expect_log 'adapter|context|reset|recover|again'

# Every 10 s the driver can neither sync nor reset its context.
lose_sync() {
	fault dropsync 1
	fault stickreset 1
}

syncs_lost() { grep -q 'drop_sync 0, stick_reset 0' "$SIM/state"; }

resets() { dmesg | grep -c 'cxlflash_sim: AFU reset'; }
resets_before=$(resets)

head -c 2000000 /dev/urandom >"$WORK/data"
verify_load
sleep 2
for chunk in 0 3 7; do
	say "growing by chunk $chunk"
	lose_sync
	dd if="$WORK/data" of="$MNT/grown" bs=1M seek=$((chunk * 256)) conv=notrunc status=none
	wait_until "a sync is lost" syncs_lost
done
for chunk in 0 3 7; do
	cmp -n 2000000 "$WORK/data" "$MNT/grown" 0 $((chunk * 256 * 1048576))
done

say "giving chunks back"
lose_sync
truncate -s 1000000 "$MNT/grown"
cmp -n 1000000 "$WORK/data" "$MNT/grown"
lose_sync
rm "$MNT/grown"
load_is_fine
wait_until "the last loss" syncs_lost
wait_until "driver normal" driver_is normal
[ "$(resets)" -ge $((resets_before + 3)) ] || fail "the losses have not led to resets"
stop_volume
finish_lun
