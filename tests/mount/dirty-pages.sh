#!/bin/bash
# What other programs see of dirty pages of a mapping.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

for option in "" noatime; do
	start_volume "" "$option"
	"$HELPERS/dirty" "$MNT" >"$WORK/dirty" || fail "$option: $(grep FAIL "$WORK/dirty")"
	stop_volume
done

start_volume
truncate -s 1M "$MNT/hole"
same "$(stat -c %b "$MNT/hole")" 0 "blocks of a hole"
exec 3<>"$MNT/hole"
same "$(stat -c %b "$MNT/hole")" 8 "blocks of a hole that is open for writing"
exec 3>&-
no_blocks() { [ "$(stat -c %b "$MNT/hole")" = 0 ]; }
wait_until "the hole has no blocks again" no_blocks
fallocate -l 300000 "$MNT/reserved"
same "$(stat -c %b "$MNT/reserved")" 592 "blocks that are reserved"
finish
