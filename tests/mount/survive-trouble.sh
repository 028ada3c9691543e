#!/bin/bash
# With survive=crash: daemons that crash or hang, standbys that die, volumes that cannot have one.
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/endless.sh
. "$(dirname "$0")/../lib/endless.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

say "a crash, an abort, a kill: each is said with its reason"
expect_log '^cxlfs: SIG[A-Z]+: the daemon has crashed and ends; its last requests were:$'
expect_log '^cxlfs: [0-9]+ us ago: '
start_survivor
echo text >"$MNT/text"
for signal in SEGV ABRT BUS KILL; do
	kill_daemon $signal
	[ "$(cat "$MNT/text")" = text ] || fail "after $signal"
	failovers=$((${failovers:-0} + 1))
	survival ".failovers == $failovers and .standby and .survive == \"crash\"" >/dev/null ||
		fail "status after $signal: $(survival .)"
done
for reason in "Segmentation fault" Aborted "Bus error" Killed; do
	grep -q "has died: $reason; process" "${DAEMON_LOG[$MNT]}" || fail "no '$reason' in the log"
done
"$CXLFSADM" status "$MNT" | grep -q "survives  crash; deaths: 4, longest pause [0-9]* ms" || fail "status says: $("$CXLFSADM" status "$MNT")"

say "SIGTERM to the standby unmounts"
kill -TERM "${DAEMON[$MNT]}"
expect_log '^cxlfs: Terminated: unmounting '
wait_for_daemon "$MNT"
! is_mounted "$MNT" || fail "$MNT is still mounted"

say "a daemon that dies before it can obey leaves the signal to the next one"
start_survivor
daemon=$(daemon_pid)
kill -STOP "$daemon"
kill -TERM "${DAEMON[$MNT]}"
sleep 0.3 # until the standby has passed it on
kill -KILL "$daemon"
wait_for_daemon "$MNT"
! is_mounted "$MNT" || fail "$MNT is still mounted"

say "a daemon that hangs is replaced"
expect_log '^cxlfs: .*: process [0-9]+ has not answered for 1 s: killing it$'
start_survivor "" watchdog=1
echo text >"$MNT/text"
old=$(daemon_pid)
kill -STOP "$old"
[ "$(cat "$MNT/text")" = text ] || fail "after a hang"
another_daemon "$old" || fail "the stopped daemon serves"
stop_volume

say "without its standby a daemon goes on"
expect_log '^cxlfs: warning: the standby process has ended'
expect_log '^cxlfs: the standby has ended: if this process dies, the volume is lost$'
start_survivor
daemon=$(daemon_pid)
echo text >"$MNT/text"
kill -KILL "${DAEMON[$MNT]}"
lost_standby() { "$CXLFSADM" status "$MNT" | grep -q "survives  crash, but its standby has ended"; }
wait_until "the daemon has noticed" lost_standby
[ "$(cat "$MNT/text")" = text ] || fail "without a standby"
cp -r "$(dirname "$0")" "$MNT/tree"
diff -r "$(dirname "$0")" "$MNT/tree" || fail "without a standby"
wait "${DAEMON[$MNT]}" 2>/dev/null || true
DAEMON[$MNT]=$daemon SUCCESSOR[$MNT]=yes
stop_volume

say "a standby that misses a message does not pretend to follow"
expect_log '^cxlfs: .*: the standby cannot follow: Too many open files; if the daemon dies, the volume is lost$'
expect_log '^cxlfs: .*: process [0-9]+ has died: Killed; the volume is lost: the standby did not follow it$'
start_survivor
echo text >"$MNT/text"
standby=${DAEMON[$MNT]}
limit=$(prlimit --pid "$standby" --nofile --noheadings --output SOFT,HARD | tr -s ' ' : | sed 's/^://')
prlimit --pid "$standby" --nofile=8:
"$CXLFSADM" set "$MNT" busy_poll=1
wait_until "the daemon has noticed" lost_standby
prlimit --pid "$standby" --nofile="$limit" # the adapter is released with it
[ "$(cat "$MNT/text")" = text ] || fail "without a standby"
kill -KILL "$(daemon_pid)"
wait_until "the standby has ended" is_gone "$standby"
! wait "$standby" || fail "no error"
unset "DAEMON[$MNT]"
grep -q 'the standby did not follow it' "${DAEMON_LOG[$MNT]}" || fail "no message"
check_log "${DAEMON_LOG[$MNT]}"
! is_mounted "$MNT" || fail "the dead mount is left"

is_dead() { ! is_served "$MNT"; }
expect_log '^cxlfs: removed a dead mount on '
say "if both die, the next mount finds all chunks free"
start_survivor
free=$(free_chunks)
head -c 64M /dev/zero >"$MNT/large"
daemon=$(daemon_pid)
kill -STOP "${DAEMON[$MNT]}"
kill -KILL "$daemon" "${DAEMON[$MNT]}"
forget_daemon "$MNT"
wait_until "the daemon ended" is_gone "$daemon"
wait_until "the mount is dead" is_dead
start_survivor
has_free_chunks "$free" || fail "$(free_chunks) chunks are free, $free were"
stop_volume

say "if daemons die at once again and again, the volume is read-only, and in the end given up"
expect_log '^cxlfs: .*: [0-9]+ daemons have crashed at once: the volume is read-only from now on; save it, unmount and mount it again$'
expect_log '^cxlfs: .*: process [0-9]+ has died: [A-Z][a-z ]*; the volume is lost: this has happened too often$'
expect_log '^cxlfs: ([0-9]+ us ago|this thread served): lookup of inode '
expect_log '^cxlfs: .*: a request \(opcode 1, inode 1, of process [0-9]+\) has killed two daemons; its answer is an I/O error$'
readonly ENAMETOOLONG=36
LD_PRELOAD=$(dirname "$HELPERS")/../failures/inject.so INJECT_DIES_OF=$ENAMETOOLONG start_survivor
echo text >"$MNT/text"
standby=${DAEMON[$MNT]}
# Each daemon dies of a look-up of this name.
poison=$MNT/$(printf 'n%.0s' {1..300})
is_read_only() { grep -q 'the volume is read-only' "${DAEMON_LOG[$MNT]}"; }
dies_until() { stat "$poison" 2>/dev/null || "$1" "$standby"; }
wait_until "the volume is read-only" dies_until is_read_only
wait_until "a daemon serves" daemon_serves
[ "$(cat "$MNT/text")" = text ] || fail "a read-only volume cannot be read"
! touch "$MNT/new" 2>"$WORK/said" || fail "a read-only volume was changed"
grep -q 'Read-only file system' "$WORK/said" || fail "$(cat "$WORK/said")"
"$CXLFSADM" status "$MNT" | grep -q 'read-only since too many daemons crashed' || fail "status does not say so"
wait_until "the volume is given up" dies_until is_gone
! wait "$standby" || fail "no error"
unset "DAEMON[$MNT]"
! is_mounted "$MNT" || fail "the dead mount is left"
check_log "${DAEMON_LOG[$MNT]}"
grep -q 'the volume is lost' "${DAEMON_LOG[$MNT]}" || fail "no message"

say "where it cannot be had"
refused() { # MESSAGE OPTIONS
	! "$CXLFS" "emul:$ADAPTER" "$MNT" -o "$2" >"$WORK/said" 2>&1 || fail "$2: not refused"
	grep -q "$1" "$WORK/said" || fail "$2: $(cat "$WORK/said")"
	! is_mounted "$MNT" || fail "$2: mounted"
}
refused 'options survive=crash and physical cannot be combined' survive=crash,physical
refused 'options survive=upgrade and physical cannot be combined' survive=upgrade,physical
refused 'options survive=crash and io_uring cannot be combined' survive=crash,io_uring
refused 'option survive=always is not no, upgrade or crash' survive=always
start_volume "" survive=no
! "$CXLFSADM" upgrade "$MNT" 2>"$WORK/said" || fail "an upgrade in spite of survive=no"
grep -q 'mounted with survive=no' "$WORK/said" || fail "$(cat "$WORK/said")"
stop_volume
! unshare --pid --fork "$CXLFS" /dev/null "$MNT" -o survive=crash >"$WORK/said" 2>&1 || fail "in another pid namespace"
grep -q 'option survive=crash: not in the initial pid namespace' "$WORK/said" || fail "$(cat "$WORK/said")"
! setpriv --bounding-set=-checkpoint_restore,-sys_admin "$CXLFS" "emul:$ADAPTER" "$MNT" -o survive=crash >"$WORK/said" 2>&1 ||
	fail "without the capability"
grep -q 'option survive=crash: .*CAP_CHECKPOINT_RESTORE' "$WORK/said" || fail "$(cat "$WORK/said")"
finish
