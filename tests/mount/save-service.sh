#!/bin/bash
# The commands of the service cxlfs@ save a volume when they stop it, and load it when they start it.
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts

# command NAME: what the unit runs, as a shell would write it.
command_of() {
	sed -e ':join; /\\$/ { N; s/\\\n//; b join }' "$ROOT/contrib/systemd/cxlfs@.service.in" |
		sed -n "s,^$1=,,p" | sed "s,@SBINDIR@,$BUILD,g; s/\\\$\\\$/\$/g"
}
start=$(command_of ExecStart)
stop=$(command_of ExecStop)
[ "$start" ] || fail "no ExecStart in the unit"
[ "$stop" ] || fail "no ExecStop in the unit"

start_service() {
	eval "exec $start" >"$WORK/daemon.log" 2>&1 &
	DAEMON[$MNT]=$!
	DAEMON_LOG[$MNT]=$WORK/daemon.log
	wait_for_mount "$MNT"
}
stop_service() {
	eval "$stop" || fail "ExecStop"
	stop_volume "$MNT"
}

export DEVICE=emul:$ADAPTER,size=2G MOUNTPOINT=$MNT OPTIONS=noatime SAVE=
note_adapter "$ADAPTER"
start_service
printf one >"$MNT/file"
stop_service
start_service
[ ! -e "$MNT/file" ] || fail "a volume that was not saved is there again"

export SAVE=$WORK/volume.save
printf two >"$MNT/file"
stop_service
start_service
same "$(cat "$MNT/file")" two "the file"
printf three >"$MNT/file"
stop_service
start_service
same "$(cat "$MNT/file")" three "the file after the second stop"

# A daemon that was killed: nothing is saved, and the last state remains.
printf four >"$MNT/file"
kill -KILL "${DAEMON[$MNT]}"
forget_daemon "$MNT"
expect_log "removed a dead mount"
must_fail "no cxlfs volume|ended|not connected|connection abort" bash -c "$stop"
start_service
same "$(cat "$MNT/file")" three "the file after a crash"
finish
