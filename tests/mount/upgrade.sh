#!/bin/bash
# The installed program takes over a volume that is in use, again and again: nothing that is open, in
# flight or stored is lost, and nothing of the old process stays on the adapter.
# matrix: transport
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
need_root
need_tools fio
need_cxlfs
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'

# An upgrade replaces the file while its old contents run.
PROGRAM=$WORK/bin/cxlfs
install_program() {
	mkdir -p "$WORK/bin"
	cp "$CXLFS" "$WORK/bin/new"
	mv "$WORK/bin/new" "$PROGRAM"
}

upgrade() {
	install_program
	"$CXLFSADM" upgrade "$MNT" >>"$WORK/upgrades" || fail "no upgrade"
	follow_daemon
}


install_program
start_volume "" noatime
free=$(free_chunks)

say "stored files stay"
make_tree
for i in 1 2 3; do
	upgrade
	must_have_tree "upgrade $i"
done

say "what a remount has changed stays"
"$PROGRAM" "emul:$(join "$ADAPTER" "$CXLFS_TEST_ADAPTER")" "$MNT" -o remount,noatime,size=100G,reserve=1G,max_inodes=54321
limits() { df --output=size,avail,itotal -B1M "$MNT" | tail -n 1; }
limits >"$WORK/limits"
upgrade
limits | cmp "$WORK/limits" - || fail "limits after an upgrade: $(limits)"
"$PROGRAM" "emul:$(join "$ADAPTER" "$CXLFS_TEST_ADAPTER")" "$MNT" -o remount,noatime,size=0,reserve=0,max_inodes=1000000

say "open files stay open"
UPGRADE="$CXLFSADM upgrade $MNT" "$HELPERS/upgrade" "$MNT" || fail "open files"
follow_daemon

say "requests in flight are answered"
verified_io small --rw=randrw --bs=4k --size=12m --iodepth=32 --numjobs=2 &
jobs=$!
verified_io large --rw=randwrite --bsrange=4k-1m --size=32m --iodepth=8 &
jobs+=" $!"
verified_io mapped --rw=randrw --bs=4k --size=8m --ioengine=mmap --direct=0 &
jobs+=" $!"
for _ in 1 2 3; do
	sleep 0.3
	upgrade
done
for job in $jobs; do
	wait "$job" || fail "verified I/O"
done

say "all space comes back"
rm -rf "${MNT:?}"/*
wait_until "all chunks are free" has_free_chunks "$free"
stop_volume
[ "$(grep -c . "$WORK/upgrades")" = 7 ] || fail "upgrades are not reported"
finish
