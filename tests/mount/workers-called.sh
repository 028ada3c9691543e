#!/bin/bash
# One worker is enough for programs that wait for each answer. More join when requests come faster
# than one can serve them. Bytes and names stay right.
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

# How long each worker has run, in ns, longest first.
ran_ns() {
	local task
	for task in "/proc/${DAEMON[$MNT]}"/task/*; do
		[ "$(cat "$task/comm")" != cxlfs-worker ] || cut -d' ' -f1 "$task/schedstat"
	done | sort -nr
}
one_has_run() { [ "$(ran_ns | head -1)" -gt 300000000 ]; }
several_have_run() { [ "$(ran_ns | sed -n 2p)" -gt 20000000 ]; }

# Asks for one name after the other that is not there.
ask_on_and_on() {
	local i=0 end=$((SECONDS + 200))
	while [ $SECONDS -lt $end ] && [ ! -e "$MNT/none.$1.$((i += 1))" ]; do :; done
}

start_volume "" no_io_uring
ask_on_and_on alone &
jobs+=($!)
wait_until "a worker serves one program" one_has_run
! several_have_run || fail "more than one worker has served one program"
stop_jobs
stop_volume

start_volume "" no_io_uring
timeout 200 fio --name=load --directory="$MNT" --rw=rw --bs=1m --size=64m --direct=1 \
	--ioengine=libaio --iodepth=8 --time_based --runtime=180 >/dev/null &
jobs+=($!)
wait_until "workers serve large requests" several_have_run
stop_jobs
verified_io large --rw=randwrite --bsrange=4k-1m --size=48m --iodepth=16
stop_volume

ADAPTER=$STORE/card
start_volume latency=read:48us,write:20us no_io_uring
verified_io small --rw=randrw --bs=4k --size=16m --iodepth=64 --numjobs=2
stop_volume
finish
