#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With survive=crash the daemon is killed, and another process goes on: the driver compares numbers of
# processes, and keeps a context as long as somebody holds its adapter fd.
# timeout: 3600
# shellcheck disable=SC2034  # for guest.sh
rig_options=(-s 128G)
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
# shellcheck source=../lib/survive.sh
. "$rig/../lib/survive.sh"
need_tools fio
expect_log 'the context was recovered, no data is lost'

kill_one() {
	kill_daemon
	[ "$(nr_contexts)" = 1 ] || fail "contexts after a death: $(cat "$SIM/state")"
}

mount_lun /dev/sda survive=crash
say "empty"
kill_one
head -c 300000 "$CXLFS" >"$WORK/contents"
for i in 1 2 3; do
	cp "$WORK/contents" "$MNT/file$i"
done
exec 7<"$MNT/file3"
rm "$MNT/file3"

say "with files"
for i in 1 2 3; do
	kill_one
	cmp "$WORK/contents" <(dd if="$MNT/file1" iflag=direct bs=64k status=none) || fail "file1"
	cmp "$WORK/contents" "/proc/$$/fd/7" || fail "the file without a name"
	cp "$MNT/file1" "$MNT/copy$i"
	rm "$MNT/file2"
	cp "$WORK/contents" "$MNT/file2"
done
exec 7<&-

say "under load"
verify_load
for _ in 1 2 3 4 5; do
	sleep 1
	kill_one
done

say "with a reset before and after"
host_reset
kill_one
host_reset
kill_one
load_is_fine
cmp "$WORK/contents" <(dd if="$MNT/copy3" iflag=direct bs=64k status=none) || fail "copy3"
stop_volume
finish_lun
