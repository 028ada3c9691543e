#!/bin/bash
# With survive=crash in a service: its main process outlives the daemon and the standby, and ends with the
# volume.  Both send what the watchdog of systemd waits for.
# timeout: 120
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs
need_mounts
need_tools python3
expect_log 'the standby has ended: if this process dies, the volume is lost$'
expect_log '^cxlfs: Terminated: unmounting '
expect_log 'is in use: access to its open files fails from now on'

# Writes each message with the number of its sender.
cat >"$WORK/listener" <<'END'
import os, socket, struct, sys
socket_ = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
socket_.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
socket_.bind(sys.argv[1])
socket_.settimeout(1)
parent = os.getppid()
while os.getppid() == parent:
    try:
        text, data, _, _ = socket_.recvmsg(4096, socket.CMSG_SPACE(12))
    except socket.timeout:
        continue
    pid = struct.unpack("iII", data[0][2])[0]
    print(pid, text.decode().replace("\n", " "), flush=True)
END
python3 "$WORK/listener" "$WORK/notify" >"$WORK/messages" &
wait_until "somebody listens" test -S "$WORK/notify"

# In a group of its own, as a service is.
start_service() {
	: >"$WORK/messages"
	# shellcheck disable=SC2016  # $$ is the process that becomes cxlfs
	NOTIFY_SOCKET=$WORK/notify WATCHDOG_USEC=600000 CXLFS_TEST_TRANSPORT='' PROGRAM=$WORK/program \
		launch_daemon "emul:$ADAPTER" "$MNT" survive=crash
	note_adapter "$ADAPTER"
	wait_for_mount "$MNT"
	main=${DAEMON[$MNT]}
	standby=$(child_of "$main" cxlfs-standby)
	[ "$(cat "/proc/$main/comm")" = cxlfs-service ] || fail "the main process is $(cat "/proc/$main/comm")"
}
child_of() { ps -o pid=,comm= --ppid "$1" | awk -v name="$2" '$2 == name { print $1; exit }'; }

printf '#!/bin/sh\nexport WATCHDOG_PID=$$\nexec %s "$@"\n' "$CXLFS" >"$WORK/program"
chmod 755 "$WORK/program"

# has_told NUMBER: since the list was emptied.
has_told() { grep -q "^$1 WATCHDOG=1" "$WORK/messages"; }
tells() { # NUMBER WHO
	: >"$WORK/messages"
	wait_until "the watchdog hears from the $2" has_told "$1"
}

ends_with() { # STATUS
	local status=0
	wait_until "the service ended" is_gone "$main"
	wait "$main" 2>/dev/null || status=$?
	unset "DAEMON[$MNT]"
	same "$status" "$1" "the status of the service"
	check_log "${DAEMON_LOG[$MNT]}"
}

say "the daemon is killed"
start_service
echo text >"$MNT/text"
same "$(grep -c READY=1 "$WORK/messages")" 1 "the messages that the service is ready"
tells "$standby" standby
tells "$(daemon_pid)" daemon
kill_daemon
tells "$(daemon_pid)" "new daemon"
same "$(cat "$MNT/text")" text "the file"
! is_gone "$main" || fail "the service has ended"
kill -TERM "$main"
ends_with 0
! is_mounted "$MNT" || fail "it is still mounted"

say "the standby is killed"
start_service
echo text >"$MNT/text"
kill -KILL "$standby"
wait_until "the standby is gone" is_gone "$standby"
tells "$(daemon_pid)" "daemon"
same "$(cat "$MNT/text")" text "the file"
"$CXLFSADM" upgrade "$MNT" || fail "no upgrade"
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
tells "$(daemon_pid)" "successor"
! is_gone "$main" || fail "the service has ended"
kill -TERM "$main"
ends_with 137
! is_mounted "$MNT" || fail "it is still mounted"
finish
