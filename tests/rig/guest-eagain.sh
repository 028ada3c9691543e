#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The driver loses an AFU SYNC and cannot reset its own context: growing a file meets EAGAIN,
# after the driver's ten seconds, and an asynchronous reset on top. The writer sees a pause.
# timeout: 300
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
mount_lun
expect_log 'adapter|context|reset|recover|again'

head -c 600000000 /dev/zero | tr '\0' 'x' >"$WORK/data" 2>/dev/null || true
size=$(stat -c %s "$WORK/data")
verify_load 40
sleep 1
fault dropsync 1
fault stickreset 1
# More than a chunk: its file has to grow while the sync is lost.
cp "$WORK/data" "$MNT/grown"
same "$(stat -c %s "$MNT/grown")" "$size"
cmp "$WORK/data" "$MNT/grown"

say "giving chunks back"
fault dropsync 1
fault stickreset 1
truncate -s 1000000 "$MNT/grown"
cmp -n 1000000 "$WORK/data" "$MNT/grown"
rm "$MNT/grown"
load_is_fine
wait_until "driver normal" driver_is normal
stop_volume
finish_lun
