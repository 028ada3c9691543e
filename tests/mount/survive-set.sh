#!/bin/bash
# With survive=crash: what was set while the volume is mounted outlives daemons, too.
# sanitize: yes
# timeout: 60
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

settings() { "$CXLFSADM" status "$MNT" --json | jq -c '.settings | del(.debug)'; }
topics() { "$CXLFSADM" status "$MNT" --json | jq -r .settings.debug; }
oom_score() { cat "/proc/$(daemon_pid)/oom_score_adj"; }

expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
start_survivor "" busy_poll=7
echo text >"$MNT/file"
score=$(oom_score)

say "options"
"$CXLFSADM" set "$MNT" busy_poll=3 size=1G max_inodes=1000 debug=tree
settings >"$WORK/set"
for _ in 1 2; do
	kill_daemon
	same "$(settings)" "$(cat "$WORK/set")" "settings after a death"
	same "$(topics)" tree "topics after a death"
done
same "$(oom_score)" "$score" "oom_score_adj"
"$CXLFSADM" set "$MNT" debug=none
expect_log '^cxlfs: tree: '

say "access times"
"$CXLFS" "emul:$ADAPTER" "$MNT" -o remount,noatime
wait_until "access times stay" atime_stays
kill_daemon
sleep 0.2
atime_stays || fail "a death has changed access times"
"$CXLFSADM" upgrade "$MNT"
sleep 0.2
atime_stays || fail "an upgrade has changed access times"
kill_daemon
sleep 0.2
atime_stays || fail "a death after an upgrade has changed access times"
"$CXLFS" "emul:$ADAPTER" "$MNT" -o remount,relatime
wait_until "access times move" atime_moves
kill_daemon
sleep 0.2
atime_moves || fail "a death has changed access times"

say "cxlfsadm waits for the next daemon"
daemon=$(daemon_pid)
kill -STOP "${DAEMON[$MNT]}"
kill -KILL "$daemon"
wait_until "the daemon has ended" is_gone "$daemon"
"$CXLFSADM" status "$MNT" >"$WORK/status" &
asking=$!
"$CXLFSADM" save "$MNT" "$WORK/saved" &
saving=$!
sleep 0.2
kill -CONT "${DAEMON[$MNT]}"
wait $asking || fail "no status"
wait $saving || fail "not saved"
stop_volume
finish
