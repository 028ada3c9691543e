#!/bin/bash
# Run the fuzzers one after another; make fuzz calls it.
#
#	BUILD=build/fuzz tests/fuzz/run.sh SECONDS [NAME...]
#
# New inputs that reach new code are kept in build/fuzz-corpus/NAME; an input that fails is left
# in build/fuzz-findings.  Put it into tests/fuzz/corpus/NAME once the bug is fixed.
# FUZZ_RUNS=n ends each after n executions.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly seconds=$1
shift
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(basename -a tests/fuzz/fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
readonly findings=build/fuzz-findings logs=build/test-logs/fuzz
mkdir -p $findings $logs

# fuzz NAME: prints the number of executions.
fuzz() {
	local name=$1 grown=build/fuzz-corpus/$1 status=0
	mkdir -p "$grown"
	"$BUILD/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -runs="${FUZZ_RUNS:--1}" \
		-max_len=4096 -timeout=30 -close_fd_mask=3 -print_final_stats=1 \
		-artifact_prefix=$findings/"$name"- \
		"$grown" tests/fuzz/corpus/"$name" >"$logs/$name.log" 2>&1 || status=$?
	if [ $status = 0 ]; then
		sed -n "s/^stat::number_of_executed_units: */ok    $name: executions: /p" "$logs/$name.log"
	else
		echo "FAIL  $name: $logs/$name.log"
		tail -n 40 "$logs/$name.log" | sed 's/^/      | /'
	fi
	return $status
}

wrong=0
for name in "${names[@]}"; do
	fuzz "$name" || wrong=1
done
exit $wrong
