# Sourced by every script of tests/mount.  Needs BUILD (the directory of the programs).
#
# A script gets a scratch directory $WORK, a store $STORE (on tmpfs if possible) and a mountpoint
# $MNT.  It ends with `finish`, which unmounts all volumes and checks that each daemon exited with
# status 0, logged nothing unexpected and broke no rule of the adapter.  All files, mounts and
# daemons are removed when the script exits.
# shellcheck shell=bash
set -euo pipefail

readonly SKIP=77 PATIENCE=$((60 * ${SLOWNESS:-1}))
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "$ROOT" && cd "${BUILD:-build/release}" && pwd)
readonly ROOT BUILD
# shellcheck disable=SC2034  # for the scripts
readonly CXLFS=$BUILD/cxlfs CXLFSADM=$BUILD/cxlfsadm HELPERS=$BUILD/tests/mount/helpers

# Options of a volume; the runner sets these from its matrix.
: "${CXLFS_TEST_ADAPTER:=}" "${CXLFS_TEST_TRANSPORT:=}"
# "tmpfs" runs the script on the kernel's tmpfs, which checks the script itself.
: "${CXLFS_TEST_FS:=cxlfs}"
# A device for scripts that work with any (tests/rig).
: "${CXLFS_TEST_DEVICE:=}"

export LC_ALL=C ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

say() { printf '%s\n' "$*"; }

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

skip() {
	printf 'skip: %s\n' "$*"
	exit "$SKIP"
}

# ---- requirements of a script ------------------------------------------------------

need_tools() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "not root"
}

need_cxlfs() {
	[ "$CXLFS_TEST_FS" = cxlfs ] || skip "says nothing about $CXLFS_TEST_FS"
}

need_mounts() {
	[ "$CXLFS_TEST_FS" != cxlfs ] || [ -c /dev/fuse ] || skip "/dev/fuse is missing"
}

need_uring() {
	"$CXLFS" -V | grep -q "with io_uring" || skip "built without io_uring"
	[ "$(cat /sys/module/fuse/parameters/enable_uring 2>/dev/null)" = Y ] ||
		skip "no FUSE over io_uring"
}

# has_libfuse VERSION: was the program built with this version of libfuse or a newer one?
has_libfuse() {
	local version
	version=$("$CXLFS" -V | sed 's/.*libfuse \([0-9.]*\).*/\1/')
	[ "$(printf '%s\n' "$1" "$version" | sort -V | head -n 1)" = "$1" ]
}

# seconds_or DEFAULT: how long a load runs; soak and stress override the default.
seconds_or() { printf '%s\n' "${CXLFS_SECONDS:-$1}"; }

# real_files COUNT DIRECTORY...: prints the names of COUNT links and non-empty files, NUL-terminated.
real_files() {
	local count=$1
	shift
	{ find "$@" -xdev \( -type f -size +0 -o -type l \) -print0 2>/dev/null || true; } |
		head -z -n "$count"
}

# ---- directories ---------------------------------------------------------------

has_room() {
	[ "$(df --output=avail -B1G "$1" 2>/dev/null | tail -n 1)" -ge 4 ] 2>/dev/null
}

make_store() {
	if [ -w /dev/shm ] && has_room /dev/shm; then
		mktemp -d /dev/shm/cxlfs-test.XXXXXX
	else
		mktemp -d "$WORK/store.XXXXXX"
	fi
}

WORK=$(mktemp -d "${TMPDIR:-/tmp}/cxlfs-test.XXXXXX")
STORE=$(make_store)
MNT=$WORK/mnt
mkdir "$MNT"
chmod 755 "$WORK"
readonly WORK STORE MNT
ADAPTER=$STORE/adapter # a script may have others

# ---- volumes --------------------------------------------------------------------

declare -A DAEMON=() DAEMON_LOG=() SUCCESSOR=()
declare -a ADAPTERS=()

# The message after "left out" is checked itself.
declare -a EXPECTED_LOG=('^cxlfs: requests come over '
	'^cxlfs: [0-9]+ messages like the next one were left out$')
nr_daemons=0

join() {
	local IFS=, part parts=()
	for part in "$@"; do
		[ -z "$part" ] || parts+=("$part")
	done
	printf '%s' "${parts[*]}"
}

is_mounted() { awk -v m="$1" '$5 == m { found = 1 } END { exit !found }' /proc/self/mountinfo; }

# wait_until WHAT COMMAND...: poll, at most PATIENCE seconds.
wait_until() {
	local what=$1 tries=$((PATIENCE * 20))
	shift
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || fail "gave up waiting: $what"
		sleep 0.05
	done
}

# Does a daemon answer?  The kernel never answers statfs from a cache.
is_served() { [ "$(stat -f -c %t "$1" 2>/dev/null)" = 65735546 ]; }
# It may still be a zombie: a successor's status is collected by process 1, perhaps late.
# A zombie keeps its descriptors open until its last thread has ended.
is_gone() { ! grep -qsE '^State:[[:space:]]+[^Z[:space:]]' "/proc/$1/task/"*/status; }
is_served_or_gone() { is_served "$1" || is_gone "$2"; }

# launch_daemon DEVICE MOUNTPOINT [OPTIONS]: in the foreground, as a job of this shell.  PROGRAM may
# name a copy of the program.
launch_daemon() {
	local mnt=$2 options log
	log=$WORK/daemon-$((nr_daemons += 1)).log
	options=$(join "${3:-}" "$CXLFS_TEST_TRANSPORT")
	# A shell's background jobs ignore SIGINT; a daemon should not.
	env --default-signal=INT "${PROGRAM:-$CXLFS}" -f "$1" "$mnt" ${options:+-o "$options"} >"$log" 2>&1 &
	DAEMON[$mnt]=$!
	DAEMON_LOG[$mnt]=$log
}

wait_for_mount() {
	wait_until "$1 mounted" is_served_or_gone "$1" "${DAEMON[$1]}"
	is_served "$1" || fail "cxlfs ended without mounting $1"
}

start_daemon() {
	launch_daemon "$@"
	wait_for_mount "$2"
}

# start_volume [ADAPTER_OPTIONS [MOUNT_OPTIONS]]: mount the script's adapter on $MNT.
start_volume() {
	need_mounts
	if [ "$CXLFS_TEST_FS" != cxlfs ]; then
		mount -t "$CXLFS_TEST_FS" "$CXLFS_TEST_FS" "$MNT" && chmod 755 "$MNT"
		return
	fi
	if [ -n "$CXLFS_TEST_DEVICE" ]; then
		[ -z "${1:-}" ] || skip "wants an emulated adapter with $1"
		start_daemon "$CXLFS_TEST_DEVICE" "$MNT" "${2:-}"
		return
	fi
	start_daemon "emul:$(join "$ADAPTER" "$CXLFS_TEST_ADAPTER" "${1:-}")" "$MNT" "${2:-}"
	note_adapter "$ADAPTER"
}

note_adapter() {
	case " ${ADAPTERS[*]} " in
	*" $1 "*) ;;
	*) ADAPTERS+=("$1") ;;
	esac
}

# expect_log REGEX: accept this message, which the script provokes.
expect_log() { EXPECTED_LOG+=("$1"); }

# Fails the test if the daemon logged an unexpected line.
check_log() {
	local unexpected regex
	unexpected=$(cat "$1")
	for regex in "${EXPECTED_LOG[@]}"; do
		unexpected=$(grep -Ev "$regex" <<<"$unexpected" || true)
	done
	[ -z "$unexpected" ] || fail "the daemon logged: $unexpected"
}

# wait_for_daemon MOUNTPOINT: the daemon must exit by itself, with status 0.
wait_for_daemon() {
	local mnt=$1 status=0
	wait_until "daemon of $mnt ended" is_gone "${DAEMON[$mnt]}"
	# A successor is no child of this shell, so its status is not known.
	[ -n "${SUCCESSOR[$mnt]:-}" ] || wait "${DAEMON[$mnt]}" || status=$?
	unset "DAEMON[$mnt]" "SUCCESSOR[$mnt]"
	check_log "${DAEMON_LOG[$mnt]}"
	[ $status = 0 ] || fail "the daemon of $mnt ended with status $status"
}

# must_end_aborted: the connection of $MNT was aborted; the daemon logs it and leaves no mount.
must_end_aborted() {
	local status=0
	expect_log '^cxlfs: .*: serving ended: Software caused connection abort$'
	wait_until "the daemon ended" is_gone "${DAEMON[$MNT]}"
	wait "${DAEMON[$MNT]}" || status=$?
	unset "DAEMON[$MNT]"
	check_log "${DAEMON_LOG[$MNT]}"
	grep -q 'connection abort' "${DAEMON_LOG[$MNT]}" || fail "no message"
	same $status 1 "exit status"
	! is_mounted "$MNT" || fail "$MNT is still mounted"
	same "$(ls -A "$MNT")" "" "what is in the mountpoint"
}

# What the daemon says: its process number, and the chunks of the volume that are free.
daemon_pid() { "$CXLFSADM" status "${1:-$MNT}" | sed -n 's/.* pid \([0-9]*\),.*/\1/p'; }
free_chunks() { "$CXLFSADM" status "$MNT" --json | sed -n 's/.*"free_chunks": *\([0-9]*\).*/\1/p'; }
has_free_chunks() { [ "$(free_chunks)" = "$1" ]; }

# follow_daemon [MOUNTPOINT]: a successor has taken over; the old daemon must end with status 0.
follow_daemon() {
	local mnt=${1:-$MNT} pid status=0
	pid=$(daemon_pid "$mnt")
	[ "$pid" != "${DAEMON[$mnt]}" ] || fail "no process has taken over $mnt"
	wait_until "the old daemon of $mnt ended" is_gone "${DAEMON[$mnt]}"
	[ -n "${SUCCESSOR[$mnt]:-}" ] || wait "${DAEMON[$mnt]}" || status=$?
	[ $status = 0 ] || fail "the old daemon of $mnt ended with status $status"
	DAEMON[$mnt]=$pid SUCCESSOR[$mnt]=yes
}

umount_silently() { umount "$1" 2>/dev/null; }

stop_volume() {
	local mnt=${1:-$MNT}
	# The kernel may still be closing the files of the last program.
	wait_until "$mnt unmounted" umount_silently "$mnt"
	[ -z "${DAEMON[$mnt]:-}" ] || wait_for_daemon "$mnt"
}

# forget_daemon MOUNTPOINT: the script has ended the daemon itself.
forget_daemon() {
	wait "${DAEMON[$1]}" 2>/dev/null || true
	unset "DAEMON[$1]"
}

audit_adapters() {
	local adapter
	for adapter in "${ADAPTERS[@]}"; do
		[ ! -e "$adapter" ] || "$CXLFSADM" emul audit "$adapter" ||
			fail "the audit of $adapter found broken rules"
	done
}

# ---- the end --------------------------------------------------------------------

# finish: the last line of every script.
finish() {
	local mnt
	cd /
	for mnt in "${!DAEMON[@]}"; do
		stop_volume "$mnt"
	done
	[ "$CXLFS_TEST_FS" = cxlfs ] || ! is_mounted "$MNT" || umount "$MNT"
	audit_adapters
	finished=yes
}

show_logs() {
	local log
	for log in "${DAEMON_LOG[@]}"; do
		printf -- '--- %s\n' "$log"
		tail -n 40 "$log"
	done >&2
}

# Daemons of this script in the background: their command lines name the scratch directory.
background_daemons() {
	local dir
	for dir in /proc/[0-9]*; do
		grep -qsz "^$WORK/" "$dir/cmdline" || continue
		[ "$(cat "$dir/comm")" != cxlfs ] || basename "$dir"
	done
}

no_background_daemon() { [ -z "$(background_daemons)" ]; }

# Removes all mounts under $WORK and ends the daemons, by pid.
take_down() {
	local target pid
	awk -v w="$WORK/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | tac |
		while read -r target; do
			umount -l "$target" || true
		done
	for pid in "${DAEMON[@]}" $(background_daemons); do
		kill -TERM "$pid" 2>/dev/null || continue
		timeout 5 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

at_exit=() # functions that a script adds: what it ends and removes itself

on_exit() {
	local status=$? function
	cd /
	for function in "${at_exit[@]}"; do
		"$function" || true
	done
	if [ "$status" = 0 ] && [ -z "$finished" ]; then
		echo "FAIL: the script ended without finish" >&2
		status=1
	fi
	[ "$status" = 0 ] || [ "$status" = $SKIP ] || show_logs
	take_down
	rm -rf --one-file-system "$WORK" "$STORE"
	exit "$status"
}
finished=
trap on_exit EXIT
trap 'exit 143' TERM INT

# ---- assertions -----------------------------------------------------------------

# must_fail REGEX COMMAND...: the command fails and prints one line that matches.
must_fail() {
	local regex=$1 status=0
	shift
	timeout "$PATIENCE" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
	[ $status != 0 ] || fail "succeeded: $*"
	[ $status -lt 124 ] || fail "crashed or hung (status $status): $*"
	[ "$(wc -l <"$WORK/err")" = 1 ] || fail "not one line: $* said: $(cat "$WORK/err")"
	grep -Eiq "$regex" "$WORK/err" || fail "$* said: $(cat "$WORK/err"), not: $regex"
}

# must_errno TEXT COMMAND...: the command fails and prints this error.
must_errno() {
	local text=$1
	shift
	if "$@" >"$WORK/out" 2>"$WORK/err"; then
		fail "succeeded: $*"
	fi
	grep -q "$text" "$WORK/err" || fail "$* said: $(tail -n 1 "$WORK/err"), not: $text"
}

same() {
	[ "$1" = "$2" ] || fail "${3:-values}: '$1' is not '$2'"
}
