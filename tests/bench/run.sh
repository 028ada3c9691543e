#!/bin/bash
# Compare cxlfs with others, all over the same tmpfs, in one run of a few minutes.
#
#	BUILD=build/release tests/bench/run.sh [CONTESTANT...]
#
# Prints a table, MB/s for 1m, thousand operations a second otherwise, with the ratio to ext4, and
# writes build/bench.json.  Contestants that cannot be had are left out by name.
# BENCH_SECONDS (2): how long each fio job runs.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

: "${BUILD:=build/release}" "${BENCH_SECONDS:=2}"
readonly SIZE_MIB=512 IMAGE_MIB=2048
readonly ALL=(ext4 cxlfs-uring cxlfs-fuse hp-uring hp-fuse fuse2fs nbdfuse tmpfs)
readonly HP=build/libfuse/bin/passthrough_hp
readonly URING=/sys/module/fuse/parameters/enable_uring

# Job: unit, then what fio is told.
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
# In this order: the first writes the file the others use.
readonly FIO_ORDER=(write-1m-direct read-1m-direct randread-4k-direct-d1 randwrite-4k-direct-d1
	randread-4k-direct-d16 randwrite-4k-direct-d16 write-1m-buffered read-1m-buffered
	randread-4k-buffered randwrite-4k-buffered)
readonly METADATA_ORDER=(create cold-stat negative-lookup ls-l open-read rename unlink)

declare -A RESULT=()
ran=()
work=$(mktemp -d)
store=$work/store
mnt=$work/mnt
loop=
pid=

say() { printf '%s\n' "$*" >&2; }
is_mounted() { awk -v m="$1" '$5 == m { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# ---- contestants: start_NAME makes $mnt, or says why not and fails -------------------------

missing() {
	say "left out: $contestant ($1)"
	return 1
}

# in_background COMMAND...: a daemon in the foreground, as our job.
in_background() {
	local tries=200
	"$@" >"$work/log" 2>&1 &
	pid=$!
	until is_mounted "$mnt"; do
		kill -0 $pid 2>/dev/null && [ $((tries -= 1)) -gt 0 ] || missing "$(tail -n 1 "$work/log")" || return
		sleep 0.05
	done
}

make_image() {
	truncate -s ${IMAGE_MIB}M "$store/image"
	mkfs.ext4 -q -F "$store/image"
}

start_tmpfs() { mkdir "$store/tmpfs" && mount --bind "$store/tmpfs" "$mnt"; }

start_ext4() {
	make_image
	loop=$(losetup -f --show --direct-io=off "$store/image") || missing "no loop device" || return
	mount "$loop" "$mnt"
}

start_cxlfs() {
	in_background "$BUILD/cxlfs" -f "emul:$store/adapter" "$mnt" -o "$1"
}
start_cxlfs-uring() { start_cxlfs io_uring; }
start_cxlfs-fuse() { start_cxlfs no_io_uring; }

start_hp() {
	[ -x $HP ] || missing "passthrough_hp was not built" || return
	mkdir "$store/source"
	in_background $HP --foreground --nopassthrough --clone-fd "$@" "$store/source" "$mnt"
}
start_hp-uring() {
	[ "$(cat $URING 2>/dev/null)" = Y ] || missing "no FUSE over io_uring" || return
	start_hp -o io_uring
}
start_hp-fuse() { start_hp; }

start_fuse2fs() {
	command -v fuse2fs >/dev/null || missing "not installed" || return
	make_image
	in_background fuse2fs "$store/image" "$mnt" -f
}

start_nbdfuse() {
	{ command -v nbdfuse && command -v nbdkit; } >/dev/null || missing "not installed" || return
	truncate -s ${SIZE_MIB}M "$store/image"
	in_background nbdfuse "$mnt/file" --command nbdkit -s file "$store/image"
}

stop() {
	is_mounted "$mnt" && umount "$mnt"
	if [ -n "$pid" ]; then
		timeout 20 tail --pid="$pid" -f /dev/null || kill "$pid"
		wait "$pid" 2>/dev/null
		pid=
	fi
	[ -z "$loop" ] || losetup -d "$loop"
	loop=
	rm -rf "${store:?}"/*
}

on_exit() {
	stop
	umount "$store" 2>/dev/null
	[ -z "${switched:-}" ] || echo N >$URING
	rm -rf --one-file-system "$work"
}

# ---- measuring -------------------------------------------------------------------------------

# MB/s or thousand operations a second, from fio's terse line.
fio_result() {
	awk -F';' -v unit="$1" '{ bw = $7 + $48; iops = $8 + $49 }
		END { printf "%.1f\n", unit == "MB/s" ? bw * 1.024 / 1000 : iops / 1000 }'
}

run_fio() {
	local job=$1 unit options
	read -r unit options <<<"${JOBS[$job]}"
	# shellcheck disable=SC2086  # options are words
	RESULT[$job,$contestant]=$(fio --name="$job" --filename="$mnt/file" --size=${SIZE_MIB}m \
		--time_based --runtime="$BENCH_SECONDS" --randrepeat=1 --output-format=terse \
		--terse-version=3 $options 2>>"$work/fio.err" | tail -n 1 | fio_result "$unit")
}

run_metadata() {
	local what rate
	mkdir "$mnt/names"
	while read -r what rate; do
		RESULT[$what,$contestant]=$(awk -v r="$rate" 'BEGIN { printf "%.1f\n", r / 1000 }')
	done < <("$BUILD/tests/bench/metadata" "$mnt/names")
}

measure() {
	local job
	for job in "${FIO_ORDER[@]}"; do
		run_fio "$job"
	done
	[ "$contestant" = nbdfuse ] || run_metadata
}

# ---- telling ---------------------------------------------------------------------------------

# A number, and how it compares to ext4.
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
	for job in "${FIO_ORDER[@]}" "${METADATA_ORDER[@]}"; do
		printf '%-24s %-5s' "$job" "$(unit_of "$job")"
		for contestant in "${ran[@]}"; do
			printf ' %16s' "$(cell "$job" "$contestant")"
		done
		printf '\n'
	done
}

print_json() {
	local job contestant comma=
	printf '{\n"version": "%s",\n"kernel": "%s",\n"cores": %d,\n"results": [\n' \
		"$("$BUILD/cxlfs" -V)" "$(uname -r)" "$(nproc)"
	for job in "${FIO_ORDER[@]}" "${METADATA_ORDER[@]}"; do
		for contestant in "${ran[@]}"; do
			[ -n "${RESULT[$job,$contestant]:-}" ] || continue
			printf '%s{"job": "%s", "contestant": "%s", "unit": "%s", "value": %s}' \
				"$comma" "$job" "$contestant" "$(unit_of "$job")" \
				"${RESULT[$job,$contestant]}"
			comma=$',\n'
		done
	done
	printf '\n]\n}\n'
}

# ---- all -------------------------------------------------------------------------------------

[ "$(id -u)" = 0 ] || { say "bench: mounting needs root"; exit 1; }
command -v fio >/dev/null || { say "bench: fio is not installed"; exit 1; }
trap on_exit EXIT
trap 'exit 1' INT TERM
mkdir "$store" "$mnt"
mount -t tmpfs -o size=8g tmpfs "$store" || exit 1
if [ "$(cat $URING 2>/dev/null)" = N ] && echo Y >$URING; then
	switched=yes
fi

[ $# -gt 0 ] || set -- "${ALL[@]}"
for contestant in "$@"; do
	if "start_$contestant"; then
		say "measuring $contestant"
		measure
		ran+=("$contestant")
	fi
	stop
done
print_table
print_json >build/bench.json
