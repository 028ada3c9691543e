# Sourced after harness.sh by tests with loads in the background.  Ends the loads with the script.
# shellcheck shell=bash

jobs=() # process ids that the script adds

# stop_jobs [PID...]: ends these jobs, or all.
stop_jobs() {
	local job
	[ $# -gt 0 ] || set -- "${jobs[@]}"
	for job in "$@"; do
		kill "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	done
}

at_exit+=(stop_jobs)
