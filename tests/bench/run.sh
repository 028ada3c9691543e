#!/bin/bash
# Compare cxlfs with other file systems, all over the same tmpfs; less than 10 minutes.
#
#	BUILD=build/release tests/bench/run.sh [CONTESTANT...]
#
# Prints a table with the ratio to ext4, in MB/s for jobs of 1m and thousands of operations per second
# for all others, and writes build/bench.json.  A contestant that cannot start is skipped with a
# message; those listed below as MORE run only if you name them.
# BENCH_ROUNDS (3): each round measures one contestant after the other, so that a busy minute of the
# machine affects all of them; the result is the median.
# BENCH_SECONDS (1): duration of a fio job.
# BEFORE: the cxlfs that the contestants before-uring and before-fuse run.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=contestants.sh
. "$(dirname "$0")/contestants.sh"

: "${BENCH_SECONDS:=1}" "${BENCH_ROUNDS:=3}"
readonly ALL=(ext4 cxlfs-uring cxlfs-fuse hp-uring hp-fuse fuse2fs nbdfuse tmpfs)
readonly MORE=(cxlfs-writeback before-uring before-fuse)

# Job: unit and options of fio.
declare -A JOBS=(
	[write-1m-direct]="MB/s --rw=write --bs=1m --direct=1 --ioengine=libaio --iodepth=4"
	[read-1m-direct]="MB/s --rw=read --bs=1m --direct=1 --ioengine=libaio --iodepth=4"
	[randread-4k-direct-d1]="k/s --rw=randread --bs=4k --direct=1 --ioengine=psync"
	[randwrite-4k-direct-d1]="k/s --rw=randwrite --bs=4k --direct=1 --ioengine=psync"
	[randread-4k-direct-d16]="k/s --rw=randread --bs=4k --direct=1 --ioengine=libaio --iodepth=16"
	[randwrite-4k-direct-d16]="k/s --rw=randwrite --bs=4k --direct=1 --ioengine=libaio --iodepth=16"
	[write-1m-buffered]="MB/s --rw=write --bs=1m --ioengine=psync --end_fsync=1"
	[read-1m-buffered]="MB/s --rw=read --bs=1m --ioengine=psync --invalidate=0"
	[randread-4k-buffered]="k/s --rw=randread --bs=4k --ioengine=psync --invalidate=0"
	[randwrite-4k-buffered]="k/s --rw=randwrite --bs=4k --ioengine=psync --end_fsync=1"
)
# In this order: the first job writes the file that the others use.
readonly FIO_ORDER=(write-1m-direct read-1m-direct randread-4k-direct-d1 randwrite-4k-direct-d1
	randread-4k-direct-d16 randwrite-4k-direct-d16 write-1m-buffered read-1m-buffered
	randread-4k-buffered randwrite-4k-buffered)
readonly METADATA_ORDER=(create cold-stat negative-lookup ls-l open-read rename unlink)
readonly SMALL_FILES=1000 # files of 4 KiB, in a tree that cp(1) copies
readonly ORDER=("${FIO_ORDER[@]}" "${METADATA_ORDER[@]}" cp-small-files)


declare -A ROUNDS=() RESULT=() # of each job and contestant: all values; the median
ran=()

# ---- measuring -------------------------------------------------------------------------------

keep() { ROUNDS[$1,$contestant]+=" $2"; } # JOB VALUE

# Prints MB/s or thousands of operations per second, from fio's terse line.
fio_result() {
	awk -F';' -v unit="$1" 'END { bw = $7 + $48; iops = $8 + $49
		printf "%.1f\n", unit == "MB/s" ? bw * 1.024 / 1000 : iops / 1000 }'
}

run_fio() {
	local job=$1 unit options
	read -r unit options <<<"${JOBS[$job]}"
	# shellcheck disable=SC2086  # options are words
	run_load fio --name="$job" --filename="$mnt/file" --size=${SIZE_MIB}m --time_based \
		--runtime="$BENCH_SECONDS" --randrepeat=1 --output-format=terse --terse-version=3 \
		$options >"$work/said" 2>>"$work/fio.err"
	keep "$job" "$(fio_result "$unit" <"$work/said")"
}

run_metadata() {
	local what rate
	mkdir "$mnt/names"
	run_load "$LOADS/metadata" "$mnt/names" >"$work/said"
	while read -r what rate; do
		keep "$what" "$(calculate "$rate / 1000" 1)"
	done <"$work/said"
}

make_small_files() {
	local i
	mkdir "$work/small"
	for ((i = 0; i < SMALL_FILES; i++)); do
		[ $((i % 50)) != 0 ] || mkdir "$work/small/$((i / 50))"
		head -c 4096 /dev/zero >"$work/small/$((i / 50))/$i"
	done
}

run_small_files() {
	local start
	start=$(now)
	run_load cp -a "$work/small" "$mnt/small" 2>>"$work/fio.err" || return
	keep cp-small-files "$(calculate "$SMALL_FILES / ($(now) - $start) / 1000" 1)"
}

measure() {
	local job
	for job in "${FIO_ORDER[@]}"; do
		run_fio "$job"
	done
	[ "$contestant" != nbdfuse ] || return 0
	run_metadata
	run_small_files
}

# A contestant that cannot start is skipped in later rounds.
run_round() {
	local contestant able=()
	for contestant in "${ran[@]}"; do
		if "start_$contestant"; then
			say "round $1: $contestant"
			measure
			able+=("$contestant")
		fi
		stop
	done
	ran=("${able[@]}")
}

take_medians() {
	local key
	for key in "${!ROUNDS[@]}"; do
		# shellcheck disable=SC2086  # numbers are words
		RESULT[$key]=$(median ${ROUNDS[$key]})
	done
}

# ---- results ---------------------------------------------------------------------------------

# Prints a result and its ratio to ext4.
cell() {
	local value=${RESULT[$1,$2]:--} ext4=${RESULT[$1,ext4]:-}
	if [ "$value" = - ] || [ -z "$ext4" ] || [ "$2" = ext4 ]; then
		printf '%s' "$value"
	else
		awk -v v="$value" -v e="$ext4" 'BEGIN { printf "%s (%.2f)", v, (e > 0 ? v / e : 0) }'
	fi
}

unit_of() {
	local unit
	read -r unit _ <<<"${JOBS[$1]:-k/s}"
	printf '%s' "$unit"
}

print_table() {
	local job contestant
	printf '%-24s %-5s' job unit
	printf ' %16s' "${ran[@]}"
	printf '\n'
	for job in "${ORDER[@]}"; do
		printf '%-24s %-5s' "$job" "$(unit_of "$job")"
		for contestant in "${ran[@]}"; do
			printf ' %16s' "$(cell "$job" "$contestant")"
		done
		printf '\n'
	done
}

# Prints the values of all rounds, separated by commas.
list_of() {
	local values=${ROUNDS[$1]# }
	printf '%s' "${values// /, }"
}

print_json() {
	local job contestant comma=
	printf '{\n%s,\n"rounds": %d,\n"results": [\n' "$(json_head)" "$BENCH_ROUNDS"
	for job in "${ORDER[@]}"; do
		for contestant in "${ran[@]}"; do
			[ -n "${RESULT[$job,$contestant]:-}" ] || continue
			printf '%s{"job": "%s", "contestant": "%s", "unit": "%s", ' \
				"$comma" "$job" "$contestant" "$(unit_of "$job")"
			printf '"value": %s, "rounds": [%s]}' \
				"${RESULT[$job,$contestant]}" "$(list_of "$job,$contestant")"
			comma=$',\n'
		done
	done
	printf '\n]\n}\n'
}

# ---- all -------------------------------------------------------------------------------------

need_tool fio
[ $# -gt 0 ] || set -- "${ALL[@]}"
for contestant in "$@"; do
	[[ " ${ALL[*]} ${MORE[*]} " == *" $contestant "* ]] || give_up "no such contestant: $contestant"
done
begin
switch_uring_on
make_small_files
ran=("$@")
for ((round = 1; round <= BENCH_ROUNDS; round++)); do
	run_round $round
done
take_medians
print_table
print_json >build/bench.json
