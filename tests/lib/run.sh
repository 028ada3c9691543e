#!/bin/bash
# Run tests, print a line for each, and count the results.
#
#	BUILD=build/release tests/lib/run.sh GROUP TEST...
#
# A test is a program or a script: status 0 means passed, 77 skipped (its last line says
# why), anything else failed.  A script's first lines may contain
#	# matrix: adapter		once for each adapter
#	# matrix: transport		once for each transport
#	# matrix: diagonal		each adapter and each transport, paired
#	# matrix: full			each adapter with each transport
#	# timeout: SECONDS		instead of 120
# Environment: WRAPPER (put before a program), JOBS, RESULTS (file to append to),
# CXLFS_TEST_MATRIX (replaces the matrix of scripts that have one; "single" is one
# case for each, "turns" also, but with the pairs of "diagonal" in turn), SLOWNESS
# (how much longer tests may take here).  Logs: build/test-logs/.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

readonly ADAPTERS=("mode=sq,bs=4096" "mode=ioarrin,bs=512")
readonly URING=/sys/module/fuse/parameters/enable_uring

# A test on a mount waits for much of its time.
jobs_for() {
	case $1 in
	mount*) echo $(($(nproc) + 1)) ;;
	*) nproc ;;
	esac
}

group=$1
shift
: "${BUILD:=build/release}" "${WRAPPER:=}" "${JOBS:=$(jobs_for "$group")}" "${CXLFS_TEST_MATRIX:=}"
: "${SLOWNESS:=1}"
readonly logs=build/test-logs/${BUILD##*/}-$group
results=${RESULTS:-$logs/results}
export BUILD CK_TIMEOUT_MULTIPLIER=$SLOWNESS

# ---- transports ------------------------------------------------------

transports=(no_io_uring)
switched_uring=

# The kernel and the program have FUSE over io_uring.
can_uring() {
	[ -e $URING ] && [ -x "$BUILD/cxlfs" ] && "$BUILD/cxlfs" -V 2>/dev/null | grep -q "with io_uring"
}

switch_uring_on() {
	can_uring || return 0
	if [ "$(cat $URING)" = N ]; then
		[ -w $URING ] && echo Y >$URING || return 0
		switched_uring=yes
	fi
	transports=(io_uring no_io_uring)
}

restore_uring() { [ -z "$switched_uring" ] || echo N >$URING; }

# ---- cases: "adapter options|transport" -------------------------------------------

directive() { sed -n "1,20s/^# $2: *//p" "$1"; }

diagonal() {
	paste -d'|' <(printf '%s\n' "${ADAPTERS[@]}") \
		<(printf '%s\n' "${transports[@]}" "${transports[@]}" | head -n ${#ADAPTERS[@]})
}

# cases_of SCRIPT NUMBER
cases_of() {
	local matrix adapter transport
	matrix=$(directive "$1" matrix)
	[ -z "$CXLFS_TEST_MATRIX" ] || matrix=${matrix:+$CXLFS_TEST_MATRIX}
	case $matrix in
	adapter) printf '%s|\n' "${ADAPTERS[@]}" ;;
	transport) printf '|%s\n' "${transports[@]}" ;;
	diagonal) diagonal ;;
	turns) diagonal | sed -n "$(($2 % ${#ADAPTERS[@]} + 1))p" ;;
	full)
		for adapter in "${ADAPTERS[@]}"; do
			for transport in "${transports[@]}"; do
				printf '%s|%s\n' "$adapter" "$transport"
			done
		done
		;;
	*) echo '|' ;;
	esac
}

# ---- one test ----------------------------------------------------------------------

# report WORD NAME DETAIL [TEXT]: in one write, so that lines of parallel tests do not mix.
report() {
	printf '%s %s\n' "$1" "$2" >>"$results"
	printf '%-4s  %s  (%s)%s\n' "$1" "$2" "$3" "${4:-}"
}

# Logs of daemons may follow the reason.
tail_of() {
	printf '\n'
	{
		head -n -25 "$1" | grep '^FAIL: ' || true
		tail -n 25 "$1"
	} | sed 's/^/      | /'
}

report_status() {
	local status=$1 name=$2 log=$3 took=$4
	case $status in
	0) report ok "$name" "$took s" ;;
	77) report skip "$name" "$(tail -n 1 "$log" | sed 's/^skip: //')" ;;
	124 | 137) report FAIL "$name" "timed out after $took s, $log" "$(tail_of "$log")" ;;
	*) report FAIL "$name" "status $status, $log" "$(tail_of "$log")" ;;
	esac
}

# run_one NAME TIMEOUT COMMAND...
run_one() {
	local name=$1 limit=$2 log start=$SECONDS status=0
	shift 2
	log=$logs/${name//[^A-Za-z0-9_.=-]/_}.log
	timeout -k 30 "$limit" "$@" >"$log" 2>&1 </dev/null || status=$?
	report_status $status "$name" "$log" $((SECONDS - start))
}

running=0
in_background() {
	[ $running -lt "$JOBS" ] || { wait -n; running=$((running - 1)); }
	run_one "$@" &
	running=$((running + 1))
}

nr_scripts=0
run_script() {
	local script=$1 limit adapter transport name
	limit=$(directive "$script" timeout)
	limit=$(((${limit:-120} + ${CXLFS_SECONDS:-0} * 2) * SLOWNESS))
	while IFS='|' read -r adapter transport; do
		name="$group/$(basename "$script" .sh)${adapter:+ $adapter}${transport:+ $transport}"
		in_background "$name" $limit env CXLFS_TEST_ADAPTER="$adapter" \
			CXLFS_TEST_TRANSPORT="$transport" bash "$script"
	done < <(cases_of "$script" $nr_scripts)
	nr_scripts=$((nr_scripts + 1))
}

run_test() {
	# shellcheck disable=SC2086  # WRAPPER is a command with its arguments
	case $1 in
	*.sh) run_script "$1" ;;
	*) in_background "$group/$(basename "$1")" $((300 * SLOWNESS)) $WRAPPER "$1" ;;
	esac
}

can_mount() {
	[ "${CXLFS_TEST_FS:-cxlfs}" != cxlfs ] ||
		{ [ -c /dev/fuse ] && { : <>/dev/fuse; } 2>/dev/null; }
}

# ---- all ---------------------------------------------------------------------------

count() { grep -c "^$1 " "$results" || true; }

rm -rf "$logs"
mkdir -p "$logs"
[ -n "${RESULTS:-}" ] || : >"$results"
switch_uring_on
trap restore_uring EXIT
if [[ $group = mount* || $group = outside ]] && ! can_mount; then
	report skip "$group tests" "/dev/fuse is missing; $# scripts"
	set --
fi
for test in "$@"; do
	run_test "$test"
done
wait
[ -z "${RESULTS:-}" ] || exit 0
echo "$(count ok) passed, $(count FAIL) failed, $(count skip) skipped"
[ "$(count FAIL)" = 0 ]
