# Sourced after harness.sh by tests of volumes that outlive their daemon.
# shellcheck shell=bash disable=SC2154

expect_log '^cxlfs: .*: process [0-9]+ has died: .*; process [0-9]+ takes over; requests waited [0-9]+ ms; [0-9]+ are repeated, [0-9]+ had only to be answered$'

# start_survivor [ADAPTER_OPTIONS [MOUNT_OPTIONS]]
start_survivor() {
	CXLFS_TEST_TRANSPORT='' start_volume "${1:-}" "$(join survive=crash "${2:-}")"
}

another_daemon() { local pid && pid=$(daemon_pid 2>/dev/null) && [ -n "$pid" ] && [ "$pid" != "$1" ]; }

daemon_serves() { [ -n "$(daemon_pid 2>/dev/null)" ]; }

# survival FILTER: what jq(1) makes of the part of the status that tells about deaths, and its -e status.
survival() { "$CXLFSADM" status "$MNT" --json | jq -ce ".survival | $1"; }

# kill_daemon [SIGNAL]: and wait until another one serves.
kill_daemon() {
	local pid
	pid=$(daemon_pid)
	[ -n "$pid" ] || fail "no daemon serves"
	kill -"${1:-KILL}" "$pid"
	wait_until "another daemon serves" another_daemon "$pid"
}

# ---- faults of the adapter during a takeover; needs tree.sh ----

stored() { (cd "$MNT" && find . -type f -exec cksum {} + | sort -k 3); }

# have_hit NUMBER: so many rules, once each; then there are none.
have_hit() {
	"$CXLFSADM" emul fault "$ADAPTER" list >"$WORK/rules"
	[ "$(grep -c '(1 of ' "$WORK/rules")" = "$1" ] || fail "not hit: $(cat "$WORK/rules")"
	"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
}

# takeover_with RULE...: the rules count what happens from the death of the daemon on.
takeover_with() {
	local rule
	say "takeover with $*"
	for rule; do
		"$CXLFSADM" emul fault "$ADAPTER" add "$rule" >/dev/null
	done
	kill_daemon
	have_hit $#
	forget_pages "$MNT"
	stored | cmp "$WORK/stored" - || fail "$*: contents"
	has_free_chunks "$free" || fail "$*: $(free_chunks) chunks are free, not $free"
}
