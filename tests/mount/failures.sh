#!/bin/bash
# If one call of the daemon fails, at the start or later, the daemon logs it and exits, or goes on; it
# leaves nothing behind.  CXLFS_FAILURES=all tries each call of a start; the default is a sample.
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts

INJECT=$(dirname "$HELPERS")/../failures/inject.so
CONTROL=$WORK/control
ADAPTER=$STORE/adapter
: "${CXLFS_FAILURES:=some}"
# Messages that the failure may cause.
MAY_SAY='Cannot allocate memory|Input/output error|No space left|Too many open files'
MAY_SAY+='|Resource temporarily|differ|No such file|not empty|EOF on'

# arm N: let the Nth call from now on fail; 0 disarms.
arm() {
	local byte text=
	for byte in 0 8 16 24 32 40 48 56; do
		text+=$(printf '\\x%02x' $((($1 >> byte) & 255)))
	done
	printf '%b' "$text" | dd of="$CONTROL" conv=notrunc status=none
}

has_failed() { [ "$(od -An -td8 "$CONTROL" | tr -d ' ')" = 0 ]; }

launch() { # GROUP
	DAEMON_LOG[$MNT]=$WORK/log
	LD_PRELOAD=$INJECT INJECT_GROUP=$1 INJECT_CONTROL=$CONTROL "$CXLFS" -f \
		"emul:$ADAPTER,size=1G" "$MNT" -o no_io_uring >"$WORK/log" 2>&1 &
	DAEMON[$MNT]=$!
	wait_until "$what: the start ends" is_served_or_gone "$MNT" "$!"
}

use() { # DIRECTORY
	mkdir "$1" && head -c 300000 /dev/zero >"$1/a" && cp "$1/a" "$1/b" && cmp "$1/a" "$1/b" &&
		mv "$1/b" "$1/c" && truncate -s 9999 "$1/c" && fallocate -l 100000 "$1/d" &&
		ln -s a "$1/link" && ls -l "$1" && rm -r "$1"
}

# end GROUP: the daemon must exit, not by a signal and not without a message.
end() {
	local status=0
	umount "$MNT" 2>/dev/null || true
	wait_until "$what: the daemon ends" is_gone "${DAEMON[$MNT]}"
	wait "${DAEMON[$MNT]}" || status=$?
	unset "DAEMON[$MNT]"
	[ $status -lt 126 ] || fail "$what: status $status: $(cat "$WORK/log")"
	[ $status = 0 ] || [ -s "$WORK/log" ] || fail "$what: status $status without a message"
	! is_mounted "$MNT" || fail "$what: $MNT is still mounted"
	[ ! -e "$ADAPTER/adapter" ] || "$CXLFSADM" emul audit "$ADAPTER" >"$WORK/audit" ||
		fail "$what: $(cat "$WORK/audit")"
}

# The adapter is usable again, and all of it is free.
check_after() {
	arm 0
	launch none
	is_served "$MNT" || fail "after $what: $(cat "$WORK/log")"
	same "$(df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' ')" 0 "after $what: bytes used"
	what="after $what"
	end
}

# fail_at_start GROUP N. Return: 1 when a start makes fewer calls.
fail_at_start() {
	what="call $2 of $1"
	rm -rf "$ADAPTER"
	arm "$2"
	launch "$1"
	has_failed || { end; return 1; }
	! is_served "$MNT" || use "$MNT/dir" >/dev/null || fail "$what: the volume does not work"
	end
	check_after
}

# fail_later GROUP N: on a volume in use. One program may get an error, the next one must not.
fail_later() {
	what="later call $2 of $1"
	rm -rf "$ADAPTER"
	arm 0
	launch "$1"
	arm "$2"
	use "$MNT/first" >/dev/null 2>"$WORK/first" || true
	arm 0
	! grep -Ev "$MAY_SAY" "$WORK/first" || fail "$what: another error"
	rm -rf "$MNT/first"
	use "$MNT/second" >/dev/null || fail "$what: the volume does not work any more"
	end
	check_after
}

: >"$CONTROL"
arm 0
if [ "$CXLFS_FAILURES" = all ]; then
	for group in memory map descriptor thread ioctl media; do
		for ((n = 1; n < 2000; n++)); do
			fail_at_start $group $n || break
		done
		say "$group: $((n - 1)) calls of a start"
		for n in 1 2 3 5 8 13 21 34 55 89 144; do
			fail_later $group $n
		done
	done
else
	for call in "memory 3" "memory 21" "memory 120" "memory 213" "map 2" "descriptor 4" "thread 2" \
		"memory 6" "media 1"; do
		# shellcheck disable=SC2086  # two words
		fail_at_start $call || true
	done
	for call in "memory 2" "memory 30" "media 2"; do
		# shellcheck disable=SC2086
		fail_later $call
	done
fi
finish
