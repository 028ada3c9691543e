# SPDX-License-Identifier: Apache-2.0
# Every script tests/rig/guest-*.sh sources this file; rig_options has options for `run`. On the host
# it boots the rig, runs the script there and exits with its status. In the rig it puts every LUN
# into superpipe mode and sources tests/lib/harness.sh. Use `mount_lun` instead of the harness's
# `start_volume`.
# shellcheck shell=bash
rig=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly rig
declare -a rig_options
: "${BUILD:=$rig/../../build/release}"
export BUILD

enter_rig() {
	local kernel=${CXLFS_RIG:-$rig/../../build/rig}/linux
	[ -x "$kernel" ] || {
		echo "skip: the rig is not built (tests/rig/build.sh)"
		exit 77
	}
	local log=$rig/../../build/test-logs/${0##*/}.kernel
	mkdir -p "${log%/*}"
	# Directories of the guest: locks and sockets do not work in those of the host.
	exec nice -n 10 "$rig/run" -d "$log" "${rig_options[@]}" -- env TMPDIR=/run CXLFS_IN_RIG=yes \
		bash "$0" "$@"
}
[ -n "${CXLFS_IN_RIG:-}" ] || enter_rig "$@"

# shellcheck source=../lib/harness.sh
. "$rig/../lib/harness.sh"

readonly SIM=/sys/kernel/debug/cxlflash_sim HOST=/sys/class/scsi_host/host0

"$CXLFSADM" lun enable all >/dev/null

# ---- progress -------------------------------------------------------------------

# How many checks, five seconds apart, may find no progress.
readonly MAX_IDLE_LOOKS=36

# Output, the log of a mount test, and the commands that the adapter executes.
progress() {
	stat -c %s "$RIG_SCRATCH/stdout" "$RIG_SCRATCH/stderr"
	stat -c %s "$WORK/log" 2>/dev/null
	grep '^commands' "$SIM/state"
}

tell_where() {
	local pid
	echo "no progress:"
	cat "$SIM/state"
	for pid in $(pgrep -x 'cxlfs|fio|takeover|conformance'); do
		grep -H '' "/proc/$pid/task/"*/{comm,wchan,syscall}
		! command -v gdb >/dev/null || timeout 60 gdb -p "$pid" -batch \
			-ex 'thread apply all bt 12' 2>&1 | grep -E '^(#|Thread)'
	done
	tail -n 30 "$WORK/log" "$WORK"/daemon-*.log
	dmesg | tail -n 20
}

# Prints the state of a guest without progress, and ends it. Writes the progress file for `run`.
watch_progress() {
	local now seen='' idle=0
	set +e
	while [ $idle -lt $MAX_IDLE_LOOKS ]; do
		sleep 5
		idle=$((idle + 1))
		now=$(progress)
		[ "$now" != "$seen" ] || continue
		seen=$now idle=0
		echo "$now" >"$RIG_SCRATCH/progress"
	done
	tell_where >&2
	echo 124 >"$RIG_SCRATCH/rc"
}
watch_progress &

# ---- volumes --------------------------------------------------------------------

# mount_lun [DEVICES [MOUNT_OPTIONS]]: mounts on $MNT.
mount_lun() { start_daemon "${1:-/dev/sda}" "$MNT" "${2:-}"; }

# ---- faults -------------------------------------------------------------------------

# fault WORDS: see tests/rig/README.md.
fault() { echo "$*" >"$SIM/ctl"; }

driver_state() { sed -n 's/^driver state \([a-z]*\),.*/\1/p' "$SIM/state"; }
driver_is() { [ "$(driver_state)" = "$1" ]; }
is_well() { grep -q '^driver state normal, frozen 0' "$SIM/state"; }

# A host reset sends no events: contexts only read all ones.
host_reset() {
	echo 2 >"$HOST/num_hwqs"
	echo 1 >"$HOST/num_hwqs"
}

# every SECONDS TIMES COMMAND...: a reset during another one would be a permanent failure.
every() {
	local pause=$1 times=$2
	shift 2
	for _ in $(seq "$times"); do
		sleep "$pause"
		"$@"
		wait_until "driver normal" is_well
	done
}

# ---- load -----------------------------------------------------------------------

user_commands() { sed -n 's/^commands: user \([0-9]*\).*/\1/p' "$SIM/state"; }
has_executed() { [ "$(user_commands)" -gt "$1" ]; }

# Runs in rounds for as long as the script needs, even on a slow machine.
load_until_told() {
	while [ ! -e "$WORK/enough" ]; do
		fio --name=load --directory="$MNT" --rw=randrw --bs=4k-64k --size=24m --numjobs=2 \
			--ioengine=psync --direct=1 --verify=crc32c --verify_fatal=1 --time_based \
			--runtime=4 --output="$WORK/fio.log" --group_reporting \
			--aux-path="$WORK" "$@" || return
	done
}

# verify_load [FIO_OPTIONS]: writes and reads back in the background until load_is_fine. The load is
# running when this returns.
verify_load() {
	local before
	before=$(user_commands)
	rm -f "$WORK/enough"
	load_until_told "$@" &
	load=$!
	wait_until "the load works" has_executed $((before + 200))
}

load_is_fine() {
	touch "$WORK/enough"
	wait "$load" || {
		tail -n 30 "$WORK/fio.log" >&2
		fail "the load saw an error"
	}
	grep -q 'err= 0' "$WORK/fio.log" || fail "fio says nothing of success: $(cat "$WORK/fio.log")"
}

# mount_tests NAME...: runs scripts of tests/mount on /dev/sda instead of an emulated adapter.
mount_tests() {
	local name status start failed=()
	for name in "$@"; do
		status=0 start=$SECONDS
		CXLFS_TEST_DEVICE=/dev/sda bash "$rig/../mount/$name.sh" \
			>"$WORK/log" 2>&1 </dev/null || status=$?
		case $status in
		0) say "ok    $name ($((SECONDS - start)) s)" ;;
		77) say "skip  $name ($(tail -n 1 "$WORK/log"))" ;;
		*)
			say "FAIL  $name (status $status)"
			tail -n 30 "$WORK/log" | sed 's/^/      | /'
			failed+=("$name")
			;;
		esac
		[ "$(nr_contexts)" = 0 ] || fail "$name left a context"
	done
	[ ${#failed[@]} = 0 ] || fail "${failed[*]}"
}

# ---- the end ---------------------------------------------------------------------------

nr_contexts() { grep '^pe ' "$SIM/state" | grep -vc master; }

# nothing_left: fails if a context, handle or LUN mode is left in the driver after the last unmount.
nothing_left() {
	[ "$(nr_contexts)" = 0 ] || fail "contexts are left: $(cat "$SIM/state")"
	"$CXLFSADM" lun disable all >"$WORK/disable" 2>&1 || fail "$(cat "$WORK/disable")"
	! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace' || fail "the kernel complains"
}

# finish_lun: must be the last line of every script.
finish_lun() {
	finish
	nothing_left
}
