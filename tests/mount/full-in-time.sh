#!/bin/bash
# On a full volume the call that brings the data fails, and all accepted data stays.
# matrix: diagonal
# sanitize: yes
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

# fill WHAT_IS_SHORT [SHAPE...]
fill() {
	local what=$1
	shift
	"$HELPERS/full" "$MNT" "$@" >"$WORK/full" || fail "$what: $(grep FAIL "$WORK/full")"
	rm -r "${MNT:?}"/*
}

# Like a shell, which ignores the result of close().
fill_by_shell() {
	local i accepted=()
	for i in $(seq 40); do
		! { echo "data $i" >"$MNT/f$i"; } 2>/dev/null || accepted+=("$i")
	done
	[ ${#accepted[@]} -lt 40 ] || fail "40 files have found 16 handles"
	[ "$(id -u)" != 0 ] || echo 3 >/proc/sys/vm/drop_caches
	for i in "${accepted[@]}"; do
		same "$(cat "$MNT/f$i")" "data $i" "what f$i holds"
	done
	must_errno "No space left" touch "$MNT/one-more"
	same "$(df --output=iavail "$MNT" | tail -n 1 | tr -d ' ')" 0 "files that df -i offers"
	rm "$MNT"/f*
}

# First few handles, then few chunks, few blocks, and a full host disk.
start_volume handles=16 pack=0
fill_by_shell
fill "handles are short" many_small sparse renamed
stop_volume
ADAPTER=$STORE/small
start_volume size=512M pack=0
fill "chunks are short"
stop_volume
ADAPTER=$STORE/packed
start_volume size=512M
fallocate -l $((511 << 20)) "$MNT/ballast"
fill "blocks are short"
stop_volume

[ "$(id -u)" = 0 ] || { finish && exit; }
mkdir "$WORK/disk"
mount -t tmpfs -o size=40m tmpfs "$WORK/disk"
expect_log .
start_daemon "$(join "emul:$WORK/disk/adapter" "$CXLFS_TEST_ADAPTER" size=4G)" "$MNT"
fill "the host disk is full" many_small one_large appended sparse mapped renamed several_append
stop_volume
"$CXLFSADM" emul audit "$WORK/disk/adapter"
umount "$WORK/disk"
finish
