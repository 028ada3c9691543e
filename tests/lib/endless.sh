# Sourced after harness.sh by tests of the threads that serve requests: loads with many concurrent
# requests, and writers that do not end.
# shellcheck shell=bash disable=SC2154

io() { # NAME OPTIONS...
	local name=$1
	shift
	(cd "$WORK" && timeout "${IO_TIMEOUT:-$PATIENCE}" fio --name="$name" --directory="$MNT" --ioengine=libaio --direct=1 \
		--randrepeat=0 --group_reporting --verify_state_save=0 "$@" >"$WORK/fio-$name" 2>&1) || {
		cat "$WORK/fio-$name" >&2
		fail "fio $name"
	}
}
verified_io() { io "$@" --verify=crc32c --verify_fatal=1 --do_verify=1; }

# write_again FILE BYTES: the same stretch until a write fails, since all that is written takes memory
# of the machine.  The file stays open.
write_again() {
	exec 9>>"$1"
	while dd if=/dev/zero of=/proc/self/fd/9 bs="$2" count=64M iflag=count_bytes oflag=direct \
		conv=notrunc 2>/dev/null; do :; done
	return 1
}

# start_writers COUNT BYTES: BYTES is the size of each write, such as 64k.  The volume is in use while
# they run.
start_writers() {
	local i
	writers=()
	for ((i = 1; i <= $1; i++)); do
		write_again "$MNT/endless$i" "$2" &
		writers+=($!)
		wait_until "writer $i runs" test -s "$MNT/endless$i"
	done
}

# The volume is gone, so the writers must end.
end_writers() {
	local writer
	for writer in "${writers[@]}"; do
		! wait "$writer" || fail "a writer did not notice"
	done
	! is_mounted "$MNT" || umount -l "$MNT"
}

by_signal() {
	kill -TERM "${DAEMON[$MNT]}"
	wait_for_daemon "$MNT"
}

# The connection is aborted; the mount stays while it is in use.
by_kernel() {
	! umount -f "$MNT" 2>/dev/null || fail "the writers do not hold the mount"
	must_end_aborted
}

# end_under_writers COUNT BYTES MOUNT-OPTIONS [ADAPTER-OPTIONS]: end a busy volume in each possible way.
end_under_writers() {
	local way
	for way in by_signal by_kernel; do
		start_volume "${4:-}" "$3"
		start_writers "$1" "$2"
		$way
		end_writers
	done
}
