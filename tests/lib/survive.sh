# Sourced after harness.sh by tests of volumes that outlive their daemon.
# shellcheck shell=bash disable=SC2154

expect_log '^cxlfs: .*: process [0-9]+ has died: .*; process [0-9]+ goes on; requests waited [0-9]+ ms; [0-9]+ are repeated, [0-9]+ had only to be answered$'

# start_survivor [ADAPTER_OPTIONS [MOUNT_OPTIONS]]
start_survivor() {
	CXLFS_TEST_TRANSPORT='' start_volume "${1:-}" "$(join survive=crash "${2:-}")"
}

another_daemon() { local pid && pid=$(daemon_pid 2>/dev/null) && [ -n "$pid" ] && [ "$pid" != "$1" ]; }

daemon_serves() { [ -n "$(daemon_pid 2>/dev/null)" ]; }

# kill_daemon [SIGNAL]: and wait until another one serves.
kill_daemon() {
	local pid
	pid=$(daemon_pid)
	[ -n "$pid" ] || fail "no daemon serves"
	kill -"${1:-KILL}" "$pid"
	wait_until "another daemon serves" another_daemon "$pid"
}

