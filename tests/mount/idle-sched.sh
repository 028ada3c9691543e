#!/bin/bash
# Threads of rings have SCHED_IDLE while they serve one request at a time, not at rest, and not when
# that starves them; with many requests at a time they leave their processors. Whatever else runs,
# requests are answered.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/jobs.sh
. "$(dirname "$0")/../lib/jobs.sh"
need_tools fio taskset
need_root
need_cxlfs
need_uring
[ "$(nproc)" -gt 1 ] || skip "one processor only"

hogs=()
load=
log=

# How often the daemon has said so.
said() { grep -c "thread [0-9]* $1" "$log" || true; }
last_said() { # of each thread
	awk 'sub(/.*thread /, "") { last[$1] = $0 } END { for (thread in last) print last[thread] }' "$log"
}
at_rest() { ! last_said | grep -qv "rests"; }
idles() { last_said | grep -q "idles"; }
has_said() { [ "$(said "$1")" -gt "$2" ]; }

# Requests that are waited for one by one, on one processor, so that whoever serves them can be made
# to starve there.
start_load() {
	timeout 200 taskset -c 0 fio --name=load --filename="$MNT/load" --rw=randread --bs=4k \
		--size=8m --direct=1 --ioengine=psync --time_based --runtime=180 >/dev/null &
	load=$!
	jobs+=($!)
}

# Others that want the same processor, with the same right to it.
start_hogs() {
	local _
	hogs=()
	for _ in 1 2 3 4 5 6; do
		timeout 200 taskset -c 0 bash -c 'while :; do :; done' &
		hogs+=($!)
		jobs+=($!)
	done
}

expect_log 'thread [0-9]+ (idles|rests|roams)$'
start_volume "" io_uring,debug=fs
log=${DAEMON_LOG[$MNT]}
start_load
wait_until "a ring idles" has_said idles 0

before=$(said "rests")
start_hogs
wait_until "it starves no longer" has_said "rests" "$before"
for i in $(seq 50); do
	taskset -c 0 touch "$MNT/file$i" || fail "touch"
done
same "$(find "$MNT" -name 'file*' | wc -l)" 50 "files"
stop_jobs "${hogs[@]}"

wait_until "it idles again" idles
stop_jobs "$load"
wait_until "it is at rest" at_rest

before=$(said roams)
fio --name=deep --filename="$MNT/load" --rw=randread --bs=4k --size=8m --direct=1 --ioengine=libaio \
	--iodepth=16 --time_based --runtime=2 >/dev/null || fail "fio"
[ "$(said roams)" -gt "$before" ] || fail "no ring has left its processor"
wait_until "it is at rest again" at_rest

# The mount also ends while a ring idles and others want its processor.
start_load
wait_until "a ring idles once more" idles
start_hogs
stop_jobs "$load"
stop_volume
stop_jobs "${hogs[@]}"

start_volume "" io_uring,no_idle_sched,debug=fs
log=${DAEMON_LOG[$MNT]}
for i in $(seq 200); do
	: >"$MNT/name"
	rm "$MNT/name"
done
same "$(said "idles")" 0 "times"
finish
