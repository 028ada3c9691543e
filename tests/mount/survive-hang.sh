#!/bin/bash
# With survive=crash the driver hangs while another daemon takes over, or in a recovered request.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

readonly HANGS='the process that releases the contexts of process [0-9]+ has not answered for 1 s: killing it$'
nr_hung() { grep -Ec "$HANGS" "${DAEMON_LOG[$MNT]}"; }

expect_log "^cxlfs: .*: $HANGS"
start_survivor handles=256 watchdog=1
all=$(free_chunks)
cp "$0" "$CXLFS" "$MNT"
sync -f "$MNT"
stored >"$WORK/stored"
kill_daemon
free=$(free_chunks)
takeover_with "at=recover n=1 action=late ms=3600000"
same "$(nr_hung)" 1 "messages after RECOVER"
takeover_with "at=detach n=1 action=late ms=3600000"
same "$(nr_hung)" 2 "messages after DETACH"

say "if every try hangs, the volume is given up, and its space is free"
expect_log '^cxlfs: .*: process [0-9]+ has died: Killed; the volume is lost: Input/output error$'
"$CXLFSADM" emul fault "$ADAPTER" add "at=recover times=3 action=late ms=3600000" >/dev/null
kill -KILL "$(daemon_pid)"
wait_until "the standby has ended" is_gone "${DAEMON[$MNT]}"
! wait "${DAEMON[$MNT]}" || fail "no error"
same "$(nr_hung)" 5 messages
check_log "${DAEMON_LOG[$MNT]}"
unset "DAEMON[$MNT]"
! is_mounted "$MNT" || fail "the dead mount is left"
"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
start_survivor handles=256
has_free_chunks "$all" || fail "$(free_chunks) chunks are free, not $all"
stop_volume

say "a request that hangs, and keeps all others waiting, is given up"
expect_log '^cxlfs: .*: process [0-9]+ has not answered for 1 s: killing it$'
expect_log '^cxlfs: .*: a request \(opcode 16, inode [0-9]+, of process [0-9]+\) has killed two daemons; its answer is an I/O error$'
waits_in_driver() { "$CXLFSADM" emul fault "$ADAPTER" list | grep -q '([1-9][0-9]* of '; }
start_survivor "" watchdog=1,pack=0
echo text >"$MNT/text"
for point in virtual resize; do
	"$CXLFSADM" emul fault "$ADAPTER" add "at=$point action=late ms=3600000" >/dev/null
done
dd if=/dev/zero of="$MNT/hangs" bs=4k count=1 oflag=direct 2>"$WORK/said" &
writer=$!
wait_until "the write waits in the driver" waits_in_driver
kill -KILL "$(daemon_pid)"
! wait $writer || fail "the write has succeeded"
grep -q 'Input/output error' "$WORK/said" || fail "$(cat "$WORK/said")"
same "$(cat "$MNT/text")" text "another file"
grep -q 'killed two daemons' "${DAEMON_LOG[$MNT]}" || fail "no message"
"$CXLFSADM" emul fault "$ADAPTER" clear >/dev/null
echo more >"$MNT/hangs"
same "$(cat "$MNT/hangs")" more "the file afterwards"
finish
