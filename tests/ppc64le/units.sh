#!/bin/bash
# Run the unit suites that are compiled for POWER, under qemu-user.
#
#	tests/ppc64le/units.sh build/ppc64le
#
# qemu-user.txt names the tests that are left out, because qemu-user cannot do what they need.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly LIST=tests/ppc64le/qemu-user.txt
export BUILD=$1

patterns() { sed 's/#.*//' $LIST | awk 'NF { print $1 }'; }

# A pattern that matches nothing would hide that a test has a new name.
check_patterns() {
	local pattern
	while read -r pattern; do
		grep -qE "START_TEST\(${pattern//\*/.*}\)" tests/unit/check_*.c || {
			echo "$LIST: no test is called $pattern" >&2
			exit 1
		}
	done < <(patterns)
}

suites() {
	local source
	for source in tests/unit/check_*.c tests/fuzz/fuzz_*.c; do
		printf '%s\n' "$BUILD/${source%.c}"
	done
}

tell_left_out() {
	local logs=build/test-logs/${BUILD##*/}-ppc64le
	printf '%s\n' "left out, because of qemu-user:"
	sed -n 's/^left out: //p' "$logs"/*.log | sort -u | while read -r name; do
		reason=$(sed 's/#.*//' $LIST | while read -r pattern why; do
			# shellcheck disable=SC2053  # a pattern
			[[ -z $pattern || $name != $pattern ]] || { echo "$why"; break; }
		done)
		printf '      %s: %s\n' "$name" "$reason"
	done
}

check_patterns
CXLFS_LEAVE_OUT=$(patterns | paste -sd' ')
export CXLFS_LEAVE_OUT
status=0
mapfile -t suites < <(suites)
SLOWNESS=10 WRAPPER="qemu-ppc64le -cpu power8 -L build/cross/root" tests/lib/run.sh ppc64le "${suites[@]}" || status=$?
tell_left_out
exit $status
