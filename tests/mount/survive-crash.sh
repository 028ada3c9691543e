#!/bin/bash
# With survive=crash the daemon is killed again and again, under load: nothing that is open, in flight
# or stored is lost, and nothing is done twice.
# matrix: adapter
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_tools fio
need_cxlfs

start_survivor
free=$(free_chunks)

say "stored files stay"
make_tree
for i in 1 2 3; do
	kill_daemon
	must_have_tree "death $i"
done

say "open files stay open"
export CXLFSADM MNT
UPGRADE="$(cd "$(dirname "$0")/../lib" && pwd)/kill_daemon.sh" "$HELPERS/upgrade" "$MNT" || fail "open files"

say "requests in flight are answered"
"$HELPERS/exactly_once" "$MNT" 6 >"$WORK/once" 2>&1 &
once=$!
verified_io small --rw=randrw --bs=4k --size=12m --iodepth=32 --numjobs=2 &
jobs=$!
verified_io large --rw=randwrite --bsrange=4k-1m --size=32m --iodepth=8 &
jobs+=" $!"
verified_io mapped --rw=randrw --bs=4k --size=8m --ioengine=mmap --direct=0 &
jobs+=" $!"
for _ in 1 2 3 4 5; do
	kill_daemon
	sleep 0.2
done
for job in $jobs; do
	wait "$job" || fail "verified I/O"
done
for _ in 1 2 3 4 5; do
	kill_daemon
	sleep 0.2
done
kill -TERM $once || fail "$(cat "$WORK/once")"
wait $once || fail "$(cat "$WORK/once")"

say "all space comes back"
rm -rf "${MNT:?}"/*
wait_until "all chunks are free" has_free_chunks "$free"
kill_daemon
wait_until "all chunks are still free" has_free_chunks "$free"
finish
