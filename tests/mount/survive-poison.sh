#!/bin/bash
# With survive=crash: daemons die of one request. It gets an error, and everything else goes on.
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_tools fio jq
need_cxlfs

readonly ENAMETOOLONG=36
INJECT=$(dirname "$HELPERS")/../failures/inject.so

expect_log '^cxlfs: SIGABRT: the daemon has crashed and ends; its last requests were:$'
expect_log '^cxlfs: ([0-9]+ us ago|this thread served): lookup of inode '
expect_log '^cxlfs: [0-9]+ us ago: '
expect_log '^cxlfs: .*: a request \(opcode 1, inode 1, of process [0-9]+\) has killed two daemons; its answer is an I/O error$'

nr_failovers() { survival .failovers; }

# Looks up a name that is too long: each daemon crashes before it answers.
poison() {
	local name said
	name=$(printf 'n%.0s' {1..300})
	said=$(stat "$MNT/$name" 2>&1) && fail "the name was found"
	[[ $said == *"Input/output error" ]] || fail "$said"
}

LD_PRELOAD=$INJECT INJECT_DIES_OF=$ENAMETOOLONG start_survivor
echo text >"$MNT/text"

say "one daemon dies of the request among others, two while they serve it alone"
poison
[ "$(cat "$MNT/text")" = text ] || fail "the text has changed"
[ "$(nr_failovers)" = 3 ] || fail "$(nr_failovers) daemons have died"

say "requests of other programs are answered meanwhile"
verified_io small --rw=randrw --bs=4k --size=6m --iodepth=16 --numjobs=2 &
small=$!
verified_io large --rw=randwrite --bsrange=4k-1m --size=24m --iodepth=8 &
large=$!
poison
wait $small || fail "verified I/O, small"
wait $large || fail "verified I/O, large"
[ "$(nr_failovers)" = 6 ] || fail "$(nr_failovers) daemons have died"
finish
