#!/bin/bash
# How cxlfs behaves with very many files, handles or chunks; a few minutes.
#
#	BUILD=build/release tests/bench/scale.sh [PART...]
#
# Parts: inodes, directory (a million files in many directories, in one), handles (as many files
# with data as an adapter has handles, all open), lun (a LUN of 16 TiB), churn (memory over time),
# machine (stalls of the machine itself).  The first two also run on tmpfs.
# Prints each number with its limit, and writes build/bench-scale.json.
# INODES (1000000), CHURN_SECONDS (30): amount of work.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${INODES:=1000000}" "${CHURN_SECONDS:=30}"
readonly ALL=(inodes directory handles lun churn machine)
readonly MOUNTS=5 GAPS_SECONDS=50

# value NAME: prints a value from the output of the last load.
value() { awk -v n="$1" '$1 == n { print $2 }' "$work/said"; }

load() {
	local program=$1
	shift
	run_load "$LOADS/$program" "$@" >"$work/said" && return
	tail "$work/log" >&2
	give_up "$program failed"
}

# record_times PREFIX WHAT: record the longest operation and the number of slow ones.
record_times() {
	record "$1 $2, longest" "$(value "$2-longest-ms")" ms
	record "$1 $2, over 10 ms" "$(value "$2-over-10ms")" "" "<= 0"
}

# record_ratio PREFIX [WANTED]: record the rate of the last creations over that from 10,000 files on.
record_ratio() {
	record "$1 create, last to first" \
		"$(calculate "$(value create-rate-late) / $(value create-rate-early)")" "" "${2:-}"
}

# ---- parts -----------------------------------------------------------------------------------

measure_names() { # PREFIX FILES-IN-EACH-DIRECTORY
	local prefix=$1
	start_volume
	load names "$mnt" "$INODES" "$2" "$pid"
	record "$prefix memory beyond the name" "$(value memory-per-inode)" bytes "<= 350"
	record "$prefix memory left after" "$(value memory-left-mib)" MiB
	record "$prefix create" "$(value create-rate)" 1/s
	record "$prefix create from 10,000 on" "$(value create-rate-early)" 1/s
	record "$prefix create, last ones" "$(value create-rate-late)" 1/s
	record_ratio "$prefix" ">= 0.90"
	record_times "$prefix" create
	record "$prefix unlink" "$(value unlink-rate)" 1/s
	record_times "$prefix" unlink
	record_times "$prefix" rmdir
	stop
	mkdir "$store/names"
	load names "$store/names" "$INODES" "$2" $$
	record_ratio "$prefix on tmpfs,"
	record "$prefix on tmpfs, create, longest" "$(value create-longest-ms)" ms
	record "$prefix on tmpfs, unlink, longest" "$(value unlink-longest-ms)" ms
	stop
}

measure_inodes() { measure_names inodes: 1000; }
measure_directory() { measure_names "one directory:" "$INODES"; }

measure_handles() {
	local what
	start_volume "handles=4096,size=2T"
	load handles "$mnt" 4096
	for what in write read delete; do
		record "4096 vLUNs: $what" "$(value $what-rate)" 1/s
		record_times "4096 vLUNs:" $what
	done
	stop
}

# time_mounts SIZE: prints the median seconds to mount and unmount, as "MOUNT UNMOUNT".
time_mounts() {
	local i start mounts=() unmounts=()
	"$BUILD/cxlfsadm" emul create "$store/adapter,size=$1" || give_up "no adapter"
	for ((i = 0; i < MOUNTS; i++)); do
		start=$(now)
		start_volume
		mounts+=("$(calculate "$(now) - $start" 4)")
		start=$(now)
		stop_daemon
		unmounts+=("$(calculate "$(now) - $start" 4)")
	done
	mount_s=$(median "${mounts[@]}")
	unmount_s=$(median "${unmounts[@]}")
}

# One file uses the whole LUN.  Unmounting releases it.
measure_ends() { # PREFIX
	local start
	start_volume
	load ends "$mnt/file"
	record "$1 reserve it all" "$(value reserve-s)" s
	record "$1 write 4k in the first GiB" "$(value first-rate)" 1/s
	record "$1 write 4k in the last GiB" "$(value last-rate)" 1/s
	record_times "$1" last
	record "$1 last to first" "$(calculate "$(value last-rate) / $(value first-rate)")"
	start=$(now)
	stop_daemon
	record "$1 unmount full" "$(calculate "($(now) - $start) * 1000" 1)" ms
}

measure_lun() {
	local size mount_s unmount_s small_mount_s='' small_unmount_s=''
	for size in 16G 16T; do
		time_mounts $size
		record "LUN of $size: mount" "$(calculate "$mount_s * 1000" 1)" ms
		record "LUN of $size: unmount" "$(calculate "$unmount_s * 1000" 1)" ms
		if [ $size = 16G ]; then
			small_mount_s=$mount_s small_unmount_s=$unmount_s
		fi
		measure_ends "LUN of $size:"
		stop
	done
	record "LUN of 16T to 16G: mount" "$(calculate "$mount_s / $small_mount_s")"
	record "LUN of 16T to 16G: unmount" "$(calculate "$unmount_s / $small_unmount_s")"
}

measure_churn() {
	start_volume
	load churn "$mnt" "$CHURN_SECONDS" "$pid"
	record "churn: operations" "$(value operations-rate)" 1/s
	record "churn: memory after a quarter" "$(value memory-quarter-mib)" MiB
	record "churn: memory at the end" "$(value memory-end-mib)" MiB
	record "churn: memory grown since" \
		"$(calculate "$(value memory-end-mib) - $(value memory-quarter-mib)")" MiB "<= 1"
	stop
}

measure_machine() {
	load gaps $GAPS_SECONDS
	record "machine: nobody runs, longest" "$(value gap-longest-ms)" ms
	record "machine: nobody runs, over 10 ms" "$(value gap-over-10ms)"
}

# ---- all -------------------------------------------------------------------------------------

[ $# -gt 0 ] || set -- "${ALL[@]}"
for part in "$@"; do
	[[ " ${ALL[*]} " == *" $part "* ]] || give_up "no such part: $part"
done
begin 16g
switch_uring_on
for part in "$@"; do
	"measure_$part"
done
write_list build/bench-scale.json
