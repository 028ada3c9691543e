# Sourced, after harness.sh, by tests that have loads running beside them: none outlives the script.
# shellcheck shell=bash

jobs=() # process ids; a script adds them

# stop_jobs [PID...]: these, or all.
stop_jobs() {
	local job
	[ $# -gt 0 ] || set -- "${jobs[@]}"
	for job in "$@"; do
		kill "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	done
}

stop_jobs_on_exit() {
	local status=$?
	stop_jobs
	(exit $status)
	on_exit
}
trap stop_jobs_on_exit EXIT
