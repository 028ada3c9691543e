#!/bin/bash
# Run all of `make check` and print a summary.
#
#	tests/lib/check.sh build/release build/asan
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

readonly release=$1 asan=$2
mkdir -p build/test-logs
export RESULTS=$PWD/build/test-logs/results
: >"$RESULTS"

# The longest suites come first, so that all processors have work until the end.
unit_suites() {
	printf '%s\n' tests/unit/check_{superpipe_emul,replica,commit,tree_model}.c \
		tests/unit/check_*.c tests/fuzz/fuzz_*.c | awk '!seen[$0]++' | sed "s|.*|$1/&|; s|\.c\$||"
}

# Scripts that also run under the sanitizers.
sanitized() { grep -l '^# sanitize: yes' tests/mount/*.sh; }

run() { # BUILD GROUP TEST...
	local build=$1
	shift
	BUILD=$build tests/lib/run.sh "$@"
}

count() { grep -c "^$1 " "$RESULTS" || true; }

start=$SECONDS
echo "== documents and scripts"
run "$release" lint tests/lint/*.sh
echo "== unit suites"
mapfile -t suites < <(unit_suites "$release")
run "$release" unit "${suites[@]}"
echo "== unit suites under AddressSanitizer and UBSan"
mapfile -t suites < <(unit_suites "$asan")
run "$asan" unit-asan "${suites[@]}"
echo "== real programs on real mounts"
run "$release" mount tests/mount/*.sh
echo "== mounts under AddressSanitizer and UBSan"
mapfile -t scripts < <(sanitized)
CXLFS_TEST_MATRIX=turns run "$asan" mount-asan "${scripts[@]}"

echo "== sum, after $((SECONDS - start)) s; logs are in build/test-logs"
grep '^FAIL ' "$RESULTS" || true
echo "$(count ok) passed, $(count FAIL) failed, $(count skip) skipped"
[ "$(count FAIL)" = 0 ]
