#!/bin/bash
# How much faster files are on several LUNs than on one; 3 minutes.
#
#	BUILD=build/release tests/bench/luns.sh [TRANSPORT...]
#
# Transports: uring, fuse.  Each LUN is modelled like a card's: see card.sh.  One program reads and
# writes with direct requests of 1 MiB, four at a time, in the part of a file that is striped over all
# LUNs.  The runs on 1, 2 and 4 LUNs take turns, and a result is the median of the rounds.
# "no time" is the same on LUNs whose commands take no time: the most that this machine can do.
# Writes build/bench-luns.json.
# BENCH_SECONDS (3), BENCH_ROUNDS (3): duration of a run, number of rounds.
# BENCH_OPTIONS: additional mount options.  BENCH_RATE (1): share of the card's rate, for a machine
# whose processors are slower than the card.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${BENCH_SECONDS:=3}" "${BENCH_ROUNDS:=3}" "${BENCH_OPTIONS:=}" "${BENCH_RATE:=1}"
READ_IOPS=$(calculate "324000 * $BENCH_RATE" 0)
WRITE_IOPS=$(calculate "185000 * $BENCH_RATE" 0)
readonly READ_IOPS WRITE_IOPS
readonly MODEL=latency=read:48us,write:20us,riops=$READ_IOPS,wiops=$WRITE_IOPS
readonly NO_TIME=latency=read:1ns,write:1ns
# The groups of four chunks of 32 MiB begin behind the first three chunks.
readonly PLACE="--offset=96m --size=512m"
readonly WIDTHS=(1 2 4)

declare -A RATES=() # MB/s of each round, by transport, direction and number of LUNs

# bandwidth: prints that of the last run in MB/s.
bandwidth() {
	awk -F'[:,]' '/"bw_bytes"/ && $2 + 0 > max { max = $2 } END { print max / 1e6 }' \
		"$work/fio.json"
}

run_fio() { # DIRECTION OPTIONS...
	local direction=$1
	shift
	# shellcheck disable=SC2086  # options are words
	run_load fio --name=luns --filename="$mnt/file" --rw="$direction" --bs=1m --direct=1 \
		--ioengine=libaio --iodepth=4 $PLACE --output-format=json --output="$work/fio.json" \
		"$@" || give_up "fio failed: $(tail -n 1 "$work/fio.json")"
}

# on_luns NR MODEL MOUNT-OPTION KEY: measure both directions on a new adapter.
on_luns() {
	local devices="emul:$store/adapter,luns=4,size=2G,bs=512,$2,lun=0" lun direction
	for ((lun = 1; lun < $1; lun++)); do
		devices+=",emul:$store/adapter,lun=$lun"
	done
	in_background "$BUILD/cxlfs" -f "$devices" "$mnt" -o "$3${BENCH_OPTIONS:+,$BENCH_OPTIONS}" ||
		give_up "cxlfs did not mount: $(tail -n 1 "$work/log")"
	run_fio write
	for direction in write read; do
		run_fio "$direction" --time_based --runtime="$BENCH_SECONDS"
		RATES[$4 $direction $1]+=" $(bandwidth)"
	done
	stop
}

# shellcheck disable=SC2086  # the rates are words
report() { # TRANSPORT DIRECTION
	local one two four
	one=$(median ${RATES[$1 $2 1]})
	two=$(median ${RATES[$1 $2 2]})
	four=$(median ${RATES[$1 $2 4]})
	record "$1 $2, 1 LUN" "$(calculate "$one" 0)" MB/s
	record "$1 $2, 2 LUNs to 1" "$(calculate "$two / $one")" "" ">= 1.9"
	record "$1 $2, 4 LUNs to 1" "$(calculate "$four / $one")"
	record "$1 $2, 4 LUNs, no time" "$(calculate "$(median ${RATES[$1-no-time $2 4]})" 0)" MB/s
}

measure() { # TRANSPORT MOUNT-OPTION
	local round nr direction
	for ((round = 0; round < BENCH_ROUNDS; round++)); do
		for nr in "${WIDTHS[@]}"; do
			on_luns "$nr" "$MODEL" "$2" "$1"
		done
		on_luns 4 "$NO_TIME" "$2" "$1-no-time"
	done
	for direction in write read; do
		report "$1" "$direction"
	done
}

need_tool fio
[ $# -gt 0 ] || set -- uring fuse
begin
switch_uring_on
for transport in "$@"; do
	case $transport in
	fuse) measure fuse no_io_uring ;;
	uring)
		if has_uring; then
			measure uring io_uring
		else
			say "left out: uring (no FUSE over io_uring)"
		fi
		;;
	*) give_up "no such transport: $transport" ;;
	esac
done
write_list build/bench-luns.json
