# SPDX-License-Identifier: Apache-2.0
# Sourced by every script of tests/rig/guest-*.sh, with rig_options set to what `run` is to be
# given. On the host it boots the rig, runs the script in it and ends with its status; in the rig
# it goes on: every LUN in superpipe mode, and all of tests/lib/harness.sh on top of which a
# script says `mount_lun` where one on the emulator says `start_volume`.
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
	# Private directories of the guest: the host's have no working locks and sockets.
	exec nice -n 10 "$rig/run" -d "$log" "${rig_options[@]}" -- env TMPDIR=/run CXLFS_IN_RIG=yes \
		bash "$0" "$@"
}
[ -n "${CXLFS_IN_RIG:-}" ] || enter_rig "$@"

# shellcheck source=../lib/harness.sh
. "$rig/../lib/harness.sh"

readonly SIM=/sys/kernel/debug/cxlflash_sim HOST=/sys/class/scsi_host/host0

"$CXLFSADM" lun enable all >/dev/null

# What hangs tells where, instead of being killed from outside without a word.
tell_where() {
	local pid
	sleep "${rig_patience:-270}"
	cat "$SIM/state"
	for pid in $(pgrep -x 'cxlfs|fio|takeover|conformance'); do
		grep -H '' "/proc/$pid/task/"*/{comm,wchan,syscall}
		! command -v gdb >/dev/null || timeout 60 gdb -p "$pid" -batch \
			-ex 'thread apply all bt 12' 2>&1 | grep -E '^(#|Thread)'
	done
	dmesg | tail -n 20
	kill -TERM $$
}
tell_where >&2 &

# ---- volumes --------------------------------------------------------------------

# mount_lun [DEVICES [MOUNT_OPTIONS]]: on $MNT.
mount_lun() { start_daemon "${1:-/dev/sda}" "$MNT" "${2:-}"; }

# ---- what can go wrong --------------------------------------------------------------

# fault WORDS: see tests/rig/README.md.
fault() { echo "$*" >"$SIM/ctl"; }

driver_state() { sed -n 's/^driver state \([a-z]*\),.*/\1/p' "$SIM/state"; }
driver_is() { [ "$(driver_state)" = "$1" ]; }
is_well() { grep -q '^driver state normal, frozen 0' "$SIM/state"; }

# A reset that the card does not take part in: contexts notice by all ones only.
host_reset() {
	echo 2 >"$HOST/num_hwqs"
	echo 1 >"$HOST/num_hwqs"
}

# every SECONDS TIMES COMMAND...: a reset that comes into another is a permanent failure.
every() {
	local pause=$1 times=$2
	shift 2
	for _ in $(seq "$times"); do
		sleep "$pause"
		wait_until "driver normal" is_well
		"$@"
	done
}

# ---- load -----------------------------------------------------------------------------

# verify_load SECONDS [FIO_OPTIONS]: writes and reads back until the time is over; in the
# background, its end is waited for by load_is_fine.
verify_load() {
	local seconds=$1
	shift
	fio --name=load --directory="$MNT" --rw=randrw --bs=4k-64k --size=24m --numjobs=2 \
		--ioengine=psync --direct=1 --verify=crc32c --verify_fatal=1 --time_based \
		--runtime="$seconds" --output="$WORK/fio.log" --group_reporting \
		--aux-path="$WORK" "$@" &
	load=$!
}

load_is_fine() {
	wait "$load" || {
		tail -n 30 "$WORK/fio.log" >&2
		fail "the load saw an error"
	}
	grep -q 'err= 0' "$WORK/fio.log" || fail "fio says nothing of success: $(cat "$WORK/fio.log")"
}

# mount_tests NAME...: scripts of tests/mount with /dev/sda in place of an emulated adapter.
mount_tests() {
	local name status start failed=()
	for name in "$@"; do
		status=0 start=$SECONDS
		CXLFS_TEST_DEVICE=/dev/sda timeout -k 10 240 bash "$rig/../mount/$name.sh" \
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

# nothing_left: after the last unmount no context, handle or mode is left in the driver.
nothing_left() {
	[ "$(nr_contexts)" = 0 ] || fail "contexts are left: $(cat "$SIM/state")"
	"$CXLFSADM" lun disable all >"$WORK/disable" 2>&1 || fail "$(cat "$WORK/disable")"
	! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace' || fail "the kernel complains"
}

# finish_lun: the last line of every script.
finish_lun() {
	finish
	nothing_left
}
