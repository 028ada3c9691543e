#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The adapter freezes and the driver does not notice. On an idle volume, the next access may be an
# ioctl: cxlfs makes the driver notice first, because an AFU sync on a frozen adapter makes it fail
# permanently. During a long reset, programs only pause.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
# Each file has chunks of its own, so that ioctls are needed.
mount_lun '' pack=0
expect_log 'adapter|context|reset|recover|failed|error'
readonly EEH_DELAY=/sys/module/cxlflash/parameters/eeh_delay_ms
head -c 3000000 /dev/urandom >"$WORK/data"

say "idle, then a file grows"
cp "$WORK/data" "$MNT/first"
fault freeze
cp "$WORK/data" "$MNT/second"
wait_until "driver normal" is_well
cmp "$WORK/data" "$MNT/first"
cmp "$WORK/data" "$MNT/second"

say "idle, then a file is removed"
fault freeze
rm "$MNT/first"
wait_until "driver normal" is_well

say "a slow reset under load"
echo 15000 >$EEH_DELAY
verify_load
fault freeze
wait_until "driver normal" is_well
load_is_fine
cmp "$WORK/data" "$MNT/second"

say "a slow reset, and a file grows"
fault freeze
cp "$WORK/data" "$MNT/third"
wait_until "driver normal" is_well
cmp "$WORK/data" "$MNT/third"

echo 200 >$EEH_DELAY
say "the driver's own limit: frozen while it waits for a sync"
sync_lost() { grep -q 'drop_sync 0' "$SIM/state"; }
fault dropsync 1
cp "$WORK/data" "$MNT/fourth" 2>"$WORK/err" &
copy=$!
wait_until "the sync is lost" sync_lost
fault freeze
wait_until "the copy has ended" is_gone "$copy"
driver_is failterm || fail "the driver is $(driver_state): cxlfs(5) says failterm"
must_errno 'Input/output error' dd if="$MNT/second" of=/dev/null iflag=direct bs=4k
stop_volume
finish_lun
