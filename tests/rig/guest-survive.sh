#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With survive=crash the daemon dies on the real driver: its rules about process numbers, about clones
# by the child of a proxy, and about the last close of the adapter fd.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_tools fio
expect_log 'the context was recovered, no data is lost'
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'

read_directly() { dd if="$1" iflag=direct bs=64k status=none; }

die() {
	kill_daemon
	[ "$(nr_contexts)" = 1 ] || fail "contexts after a death: $(cat "$SIM/state")"
}

mount_lun '' survive=crash,watchdog=0
say "empty"
die
head -c 300000 "$CXLFS" >"$WORK/contents"
for i in 1 2 3; do
	cp "$WORK/contents" "$MNT/file$i"
done
exec 7<"$MNT/file3"
rm "$MNT/file3"

say "with files"
for i in 1 2 3; do
	die
	cmp "$WORK/contents" <(read_directly "$MNT/file1") || fail "file1"
	cmp "$WORK/contents" "/proc/$$/fd/7" || fail "the file without a name"
	cp "$MNT/file1" "$MNT/copy$i"
	rm "$MNT/file2"
	cp "$WORK/contents" "$MNT/file2"
done
exec 7<&-

say "while files are written and removed"
for i in 1 2 3; do
	(while [ ! -e "$WORK/stop" ]; do
		cp "$WORK/contents" "$MNT/busy" && cmp "$WORK/contents" <(read_directly "$MNT/busy") &&
			rm "$MNT/busy" || exit 1
	done) &
	busy=$!
	sleep 1
	die
	sleep 1
	touch "$WORK/stop"
	wait $busy || fail "a program noticed death $i"
	rm "$WORK/stop"
done

say "with a reset before and after"
host_reset
die
host_reset
cmp "$WORK/contents" <(read_directly "$MNT/copy2") || fail "copy2"

say "with an upgrade before and after"
"$CXLFSADM" upgrade "$MNT" >/dev/null || fail "no upgrade"
die
"$CXLFSADM" upgrade "$MNT" >/dev/null || fail "no upgrade"
cmp "$WORK/contents" <(read_directly "$MNT/copy3") || fail "copy3"

say "in a recovery, under load"
verify_load
for delay in 0 0.1 0.6; do
	fault eeh
	sleep $delay
	die
	wait_until "driver normal" is_well
done
load_is_fine
stop_volume
finish_lun
