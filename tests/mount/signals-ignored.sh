#!/bin/bash
# Signals that do not ask for an end are ignored; the others still work afterwards. Sends all 64.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts
expect_log '^cxlfs: (Terminated|CPU time limit exceeded|Interrupt): unmounting '

serves() {
	echo "$1" >"$MNT/file"
	same "$(cat "$MNT/file")" "$1"
}

# Signals that are obeyed, that end any program, or that belong to the C library.
is_an_end() {
	case $1 in
	1) [ -n "$hup_ends" ] ;;
	[2-9] | 11 | 15 | 24 | 31 | 32 | 33) true ;;
	*) false ;;
	esac
}

send_all_others() {
	local number pid=${DAEMON[$MNT]:-$(background_daemons)}
	for number in $(seq 64); do
		! is_an_end "$number" || continue
		kill -"$number" "$pid"
		case $number in
		19 | 20) kill -CONT "$pid" ;;
		esac
		serves "$number"
	done
}

hup_ends=yes
for signal in TERM XCPU; do
	start_volume
	send_all_others
	kill -"$signal" "${DAEMON[$MNT]}"
	wait_for_daemon "$MNT"
	! is_mounted "$MNT" || fail "still mounted after SIG$signal"
done

# In the background SIGHUP is ignored.
hup_ends=
(trap '' INT && "$CXLFS" "emul:$ADAPTER" "$MNT")
send_all_others
kill -INT "$(background_daemons)"
wait_until "the daemon ends" no_background_daemon
! is_mounted "$MNT" || fail "still mounted after SIGINT"

# In the foreground, as with nohup.
"$CXLFS" -f "emul:$ADAPTER" "$MNT" >"$WORK/log" 2>&1 &
DAEMON[$MNT]=$!
DAEMON_LOG[$MNT]=$WORK/log
wait_for_mount "$MNT"
kill -INT "${DAEMON[$MNT]}" # a job in the background of a script
serves nohup
kill -TERM "${DAEMON[$MNT]}"
wait_for_daemon "$MNT"
finish
