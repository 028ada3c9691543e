#!/bin/bash
# With survive=crash the daemon dies while the kernel negotiates INIT with it: the start succeeds.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_cxlfs

INJECT=$(dirname "$HELPERS")/../failures/inject.so
readonly INJECT CONTROL=$WORK/control

# dying_at POINT COMMAND...: run a command; see "init" in inject.c.
dying_at() {
	local point=$1
	shift
	printf %b "\\x0$point\\0\\0\\0\\0\\0\\0\\0" >"$CONTROL"
	LD_PRELOAD=$INJECT INJECT_CONTROL=$CONTROL INJECT_GROUP=init "$@"
}

was_replaced() { survival ".failovers == 1 and .standby" >/dev/null; }

# The first daemon may answer cxlfsadm, too, until it reaches the point.
must_have_died() {
	wait_until "$1: another daemon serves" was_replaced
	echo text >"$MNT/text"
	kill_daemon
	same "$(cat "$MNT/text")" text "$1: the file"
}

for point in 1 2 3 4; do
	say "death at point $point of INIT"
	dying_at $point start_survivor
	must_have_died "point $point"
	stop_volume
done

say "the command that starts it succeeds, too"
for point in 1 2 3 4; do
	dying_at $point "$CXLFS" "emul:$ADAPTER" "$MNT" -o survive=crash || fail "point $point: status $?"
	is_mounted "$MNT" || fail "point $point: not mounted"
	wait_until "a daemon serves" daemon_serves
	must_have_died "point $point in the background"
	umount "$MNT"
	wait_until "the daemon ends" no_background_daemon
done
finish
