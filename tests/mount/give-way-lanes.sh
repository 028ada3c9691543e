#!/bin/bash
# A lane that gives way goes where the program runs that it serves, and back when it rests, or when
# others want the processor so much that requests wait.
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/jobs.sh
. "$(dirname "$0")/../lib/jobs.sh"
need_tools fio taskset
need_root
need_cxlfs
[ "$(nproc)" -gt 1 ] || skip "one processor only"
[ -r /proc/self/schedstat ] || skip "the kernel does not tell how long threads wait"

# Where the one lane may run: a list of processors.
place() {
	awk '$1 == "Name:" { lane = $2 == "cxlfs-lane" }
		lane && $1 == "Cpus_allowed_list:" { print $2 }' "/proc/${DAEMON[$MNT]}"/task/*/status
}
is_at() { [ "$(place)" = "$1" ]; }

# Requests that are waited for one by one, on one processor.
start_load() {
	timeout 200 taskset -c "$1" fio --name=load --filename="$MNT/load" --rw=randread --bs=4k \
		--size=8m --direct=1 --ioengine=psync --time_based --runtime=180 >/dev/null &
	jobs+=($!)
}

# Others that want the same processor, with the same right to it.
start_hogs() {
	local _
	for _ in 1 2; do
		timeout 200 taskset -c "$1" bash -c 'while :; do :; done' &
		jobs+=($!)
	done
}

expect_log 'thread [0-9]+ (gives way|runs as started|roams)$'
start_volume latency=read:48us,write:20us no_io_uring,threads=1,debug=fs
everywhere=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' /proc/self/status)
for processor in 0 1; do
	start_load $processor
	wait_until "it follows to processor $processor" is_at $processor
	start_hogs $processor
	wait_until "it goes out of the way of others" is_at "$everywhere"
	stop_jobs
	wait_until "it is at rest" is_at "$everywhere"
done
stop_volume

start_volume latency=read:48us,write:20us no_io_uring,threads=1,no_give_way
start_load 0
cp "$BUILD/cxlfs" "$MNT/copy"
cmp "$BUILD/cxlfs" "$MNT/copy"
same "$(place)" "$everywhere" "processors of the lane"
stop_jobs
finish
