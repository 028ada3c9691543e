#!/bin/bash
# How much of a card's speed programs get; 5 minutes.
#
#	BUILD=build/release tests/bench/card.sh [JOB...]
#
# The emulated adapter models one LUN of a card: a read takes 48 us, a write 20 us, and at most
# 324,000 reads or 185,000 writes of 4 KiB start per second.  Results are shares of these rates; for
# one request at a time, the result is the median latency minus that of the card.
# Direct jobs also run on an adapter whose commands take no time, which shows the limit of load,
# kernel, program and emulator on this machine.
# Each job runs over each transport.  Writes build/bench-card.json.
# BENCH_SECONDS (3): duration of a job.  BENCH_OPTIONS: additional mount options.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${BENCH_SECONDS:=3}" "${BENCH_OPTIONS:=}"
readonly READ_US=48 WRITE_US=20 READ_IOPS=324000 WRITE_IOPS=185000 SIZE_MIB=2048
# Takes the same path through program and emulator as the model of a card.
readonly NO_TIME=latency=read:1ns,write:1ns
readonly MODEL=latency=read:${READ_US}us,write:${WRITE_US}us,riops=$READ_IOPS,wiops=$WRITE_IOPS

readonly DIRECT="--direct=1 --time_based --runtime=$BENCH_SECONDS"
readonly DEEP="$DIRECT --ioengine=libaio --numjobs=4 --iodepth=32 --group_reporting"
# One pass, from a cold cache or down to the flash: a second pass would come from memory.
readonly BUFFERED="--ioengine=psync --invalidate=1 --runtime=10"
declare -A JOBS=(
	# Fills the file: reading unwritten blocks needs no command.
	[fill]="--rw=write --bs=1m --ioengine=libaio --iodepth=4 --direct=1"
	[write-1m-direct]="--rw=write --bs=1m --ioengine=libaio --iodepth=4 $DIRECT"
	[read-1m-direct]="--rw=read --bs=1m --ioengine=libaio --iodepth=4 $DIRECT"
	[randwrite-4k-d128]="--rw=randwrite --bs=4k $DEEP"
	[randread-4k-d128]="--rw=randread --bs=4k $DEEP"
	[write-1m-buffered]="--rw=write --bs=1m $BUFFERED --end_fsync=1"
	[write-128k-buffered]="--rw=write --bs=128k $BUFFERED --end_fsync=1"
	[write-4k-buffered]="--rw=write --bs=4k $BUFFERED --end_fsync=1"
	[read-1m-buffered]="--rw=read --bs=1m $BUFFERED"
	[read-128k-buffered]="--rw=read --bs=128k $BUFFERED"
	[read-4k-buffered]="--rw=read --bs=4k $BUFFERED"
	[write-4k-direct-d1]="--rw=randwrite --bs=4k --ioengine=psync $DIRECT"
	[read-4k-direct-d1]="--rw=randread --bs=4k --ioengine=psync $DIRECT"
)
readonly ORDER=(write-1m-direct read-1m-direct randwrite-4k-d128 randread-4k-d128
	write-1m-buffered write-128k-buffered write-4k-buffered
	read-1m-buffered read-128k-buffered read-4k-buffered
	write-4k-direct-d1 read-4k-direct-d1)

# fio_member NAME: prints the value for the direction of the job; that of the other is 0 or missing.
fio_member() {
	awk -F'[:,]' -v name="\"$1\"" 'index($1, name) && $2 + 0 > max { max = $2 }
		END { print max + 0 }' "$work/fio.json"
}

# Prints the median latency of a request.
median_ns() {
	awk -F'[:,]' '/"clat_ns"/ { inside = 1 } inside && /"50.000000"/ { print $2 + 0; exit }' \
		"$work/fio.json"
}

run_fio() {
	# shellcheck disable=SC2086  # options are words
	run_load fio --name="$1" --filename="$mnt/file" --size=${SIZE_MIB}m --randrepeat=1 \
		--output-format=json --output="$work/fio.json" ${JOBS[$1]} || give_up "fio failed"
}

# on_adapter MODEL MOUNT-OPTION JOB: run it on a new adapter that has been written from end to end.
on_adapter() {
	start_volume "$1" "$2${BENCH_OPTIONS:+,$BENCH_OPTIONS}"
	run_fio fill
	# A virtual machine may have to get the memory for the page cache from its host first, and
	# lose it again when it is unused.
	[[ $3 != *-buffered ]] || run_fio "$3"
	run_fio "$3"
	stop
}

record_latency() { # TRANSPORT JOB MOUNT-OPTION US
	local name="$1 $2" without
	on_adapter "$NO_TIME" "$3" "$2"
	without=$(median_ns)
	on_adapter "$MODEL" "$3" "$2"
	record "$name" "$(calculate "$(median_ns) / 1000 - $4" 1)" "us more" "<= 15"
	record "$name, no time" "$(calculate "$without / 1000" 1)" "us"
}

record_share() { # TRANSPORT JOB MOUNT-OPTION IOPS
	local name="$1 $2" card without=0 bytes
	card=$(calculate "$4 * 4096" 0)
	if [[ $2 == *-direct* || $2 == *-d128 ]]; then
		on_adapter "$NO_TIME" "$3" "$2"
		without=$(fio_member bw_bytes)
	fi
	on_adapter "$MODEL" "$3" "$2"
	bytes=$(fio_member bw_bytes)
	record "$name" "$(calculate "$bytes / $card")" "of $(calculate "$card / 1e6" 0) MB/s" ">= 0.95"
	[ "$without" = 0 ] || record "$name, no time" "$(calculate "$without / $card")" \
		"of $(calculate "$card / 1e6" 0) MB/s"
}

run_job() { # TRANSPORT MOUNT-OPTION JOB
	local iops=$READ_IOPS us=$READ_US
	[[ $3 != *write* ]] || iops=$WRITE_IOPS us=$WRITE_US
	if [[ $3 == *-d1 ]]; then
		record_latency "$1" "$3" "$2" "$us"
	else
		record_share "$1" "$3" "$2" "$iops"
	fi
}

measure() { # TRANSPORT MOUNT-OPTION JOB...
	local transport=$1 option=$2 job
	shift 2
	for job in "$@"; do
		run_job "$transport" "$option" "$job"
	done
}

need_tool fio
[ $# -gt 0 ] || set -- "${ORDER[@]}"
for job in "$@"; do
	[ -n "${JOBS[$job]:-}" ] || give_up "no such job: $job"
done
begin
switch_uring_on
if has_uring; then
	measure uring io_uring "$@"
else
	say "left out: uring (no FUSE over io_uring)"
fi
measure fuse no_io_uring "$@"
write_list build/bench-card.json
