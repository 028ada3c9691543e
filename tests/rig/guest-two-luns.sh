#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A volume over both LUNs; two volumes, each on one LUN; a LUN through its other port.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
need_tools fio
expect_log 'the adapter was reset'
mkdir "$WORK/second"

mount_lun /dev/sda,/dev/sdb
same "$(df --output=size -B1M "$MNT" | tail -n 1 | tr -d ' ')" 16384 "MiB of two LUNs"
verify_load --numjobs=4 --size=4m
sleep 1
fault eeh
load_is_fine
"$CXLFSADM" lun list >"$WORK/list"
same "$(grep -c "(pid ${DAEMON[$MNT]})" "$WORK/list")" 2 "LUNs that the daemon uses"
stop_volume

mount_lun /dev/sdc
start_daemon /dev/sdb "$WORK/second"
head -c 5000000 /dev/urandom >"$WORK/a"
head -c 5000000 /dev/urandom >"$WORK/b"
cp "$WORK/a" "$MNT/file"
cp "$WORK/b" "$WORK/second/file"
fault freeze
# Commands notice a frozen adapter, so the read must reach it.
echo 3 >/proc/sys/vm/drop_caches
cmp "$WORK/a" "$MNT/file"
stop_volume
cmp "$WORK/b" "$WORK/second/file"
stop_volume "$WORK/second"

say "a LUN of a volume cannot be named twice"
must_fail 'same LUN|attach' "$CXLFS" -f /dev/sda,/dev/sdc "$MNT"
finish_lun
