#!/bin/bash
# More than one lane serves /dev/fuse when programs take turns, and, where commands are executed by
# the thread that gives them, when large requests come together; one is enough for a program that
# waits for each answer. Bytes and names are right.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/jobs.sh
. "$(dirname "$0")/../lib/jobs.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
need_root
need_tools fio
need_cxlfs
[ "$(nproc)" -gt 1 ] || skip "one processor only"
[ -r /proc/self/schedstat ] || skip "the kernel does not tell how long threads run"

# How long each lane has run, in ns, longest first.
ran_ns() {
	local task
	for task in "/proc/${DAEMON[$MNT]}"/task/*; do
		[ "$(cat "$task/comm")" != cxlfs-lane ] || cut -d' ' -f1 "$task/schedstat"
	done | sort -nr
}
one_has_run() { [ "$(ran_ns | head -1)" -gt 300000000 ]; }
several_have_run() { [ "$(ran_ns | sed -n 2p)" -gt 20000000 ]; }

# Asks for one name after the other that is not there.
ask_on_and_on() {
	local i=0 end=$((SECONDS + 200))
	while [ $SECONDS -lt $end ] && [ ! -e "$MNT/none.$1.$((i += 1))" ]; do :; done
}

ask_in_turns() {
	local program
	for program in 1 2 3; do
		ask_on_and_on $program &
		jobs+=($!)
	done
	wait_until "lanes serve programs that take turns" several_have_run
	stop_jobs
	touch "$MNT/file"
	mv "$MNT/file" "$MNT/other"
	rm "$MNT/other"
}

start_volume "" no_io_uring
ask_on_and_on alone &
jobs+=($!)
wait_until "a lane serves one program" one_has_run
! several_have_run || fail "more than one lane has served one program"
stop_jobs
ask_in_turns
stop_volume

start_volume "" no_io_uring
timeout 200 fio --name=load --directory="$MNT" --rw=rw --bs=1m --size=64m --direct=1 \
	--ioengine=libaio --iodepth=8 --time_based --runtime=180 >/dev/null &
jobs+=($!)
wait_until "lanes serve large requests" several_have_run
stop_jobs
verified_io large --rw=randwrite --bsrange=4k-1m --size=48m --iodepth=16
stop_volume

ADAPTER=$STORE/card
start_volume latency=read:48us,write:20us no_io_uring
ask_in_turns
verified_io small --rw=randrw --bs=4k --size=16m --iodepth=64 --numjobs=2
stop_volume
finish
