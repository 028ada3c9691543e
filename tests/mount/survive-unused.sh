#!/bin/bash
# With survive=crash: a daemon that dies before anybody has used its volume is replaced, too.
# sanitize: yes
# timeout: 60
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

child_of() { ps -o pid=,comm= --ppid "$1" | awk -v name="$2" '$2 == name { print $1; exit }'; }
standby_of_mount() { ps -eo pid=,comm=,args= | awk -v mnt=" $MNT " '$2 == "cxlfs-standby" && index($0, mnt) { print $1; exit }'; }
has_connection() { find "/proc/$1/fd" -lname /dev/fuse | grep -q .; }
has_daemon_but() { local pid && pid=$(child_of "$standby" cxlfs) && [ -n "$pid" ] && [ "$pid" != "$1" ]; }

start_volume
echo text >"$MNT/text"
"$CXLFSADM" save "$MNT" "$WORK/saved"
stop_volume

say "no program has touched the mount when the daemon dies"
"$CXLFS" "emul:$ADAPTER" "$MNT" -o "survive=crash,load=$WORK/saved" || fail "not mounted"
standby=$(standby_of_mount)
daemon=$(child_of "$standby" cxlfs)
wait_until "the standby has the connection" has_connection "$standby"
kill -KILL "$daemon"
wait_until "another daemon has started" has_daemon_but "$daemon"
[ "$(cat "$MNT/text")" = text ] || fail "the volume is lost"
umount "$MNT"
wait_until "the standby has ended" is_gone "$standby"

say "a daemon that dies before it has mounted leaves a message"
mkfifo "$WORK/pipe"
"$CXLFS" -f "emul:$ADAPTER" "$MNT" -o "survive=crash,load=$WORK/pipe" >"$WORK/said" 2>&1 &
command=$!
waits() { standby=$(standby_of_mount) && [ -n "$standby" ] && daemon=$(child_of "$standby" cxlfs) && [ -n "$daemon" ]; }
wait_until "the daemon loads" waits
kill -KILL "$daemon"
! wait $command || fail "no error"
grep -q 'has died: Killed; the volume is lost: it was not mounted yet' "$WORK/said" || fail "said: $(cat "$WORK/said")"
! is_mounted "$MNT" || fail "it is mounted"
finish
