#!/bin/bash
# With survive=crash processes are killed, and the adapter is reset, in the middle of a takeover.
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

readonly HANDLES=256

expect_log '^cxlfs: cannot start another daemon: '
expect_log '^cxlfs: .*: the adapter was reset; the context was recovered, no data is lost$'
start_survivor handles=$HANDLES
cp "$0" "$CXLFS" "$MNT"
head -c 20M /dev/urandom >"$MNT/large"
sync -f "$MNT"
stored >"$WORK/stored"
kill_daemon
free=$(free_chunks)

# The new daemon: before and after it has cloned the vLUNs, and when it asks what there is.
takeover_with "at=attach n=1 action=kill"
takeover_with "at=clone n=1 action=kill"
takeover_with "at=sync n=2 action=kill"
takeover_with "at=verify n=9 action=kill"
# It has sent a new context to the standby when it dies.
takeover_with "at=verify n=1 action=reset kind=eeh" "at=verify n=$((HANDLES + 9)) action=kill"

# The proxy.
takeover_with "at=recover n=1 action=kill"
takeover_with "at=detach n=1 action=kill"

# The old daemon of an upgrade, when the new one has everything.
say "an upgrade whose old daemon is killed while it detaches"
"$CXLFSADM" emul fault "$ADAPTER" add "at=detach n=1 action=kill" >/dev/null
old=$(daemon_pid)
"$CXLFSADM" upgrade "$MNT" >/dev/null 2>&1 || true
wait_until "another daemon serves" another_daemon "$old"
have_hit 1
forget_pages "$MNT"
stored | cmp "$WORK/stored" - || fail "upgrade: contents"
has_free_chunks "$free" || fail "upgrade: $(free_chunks) chunks are free, not $free"

for point in attach clone sync verify recover detach; do
	takeover_with "at=$point n=1 action=reset kind=eeh"
done
stop_volume

say "a volume of two LUNs"
ADAPTER=$STORE/two
start_daemon "emul:$ADAPTER,handles=$HANDLES,luns=2,size=64M,bs=512,lun=0,emul:$ADAPTER,lun=1" "$MNT" survive=crash
note_adapter "$ADAPTER"
head -c 80M /dev/urandom >"$MNT/large" # more than one has
sync -f "$MNT"
stored >"$WORK/stored"
kill_daemon
free=$(free_chunks)
takeover_with "at=clone n=2 action=kill"
takeover_with "at=detach n=2 action=kill"
takeover_with "at=clone n=2 action=reset kind=eeh"
stop_volume
finish
