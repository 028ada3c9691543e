#!/bin/bash
# A core dump has no contents of files, unless the option dump_contents asks for them.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
[ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core files go elsewhere"

# In pieces, so that this script's own text is not what is found; and longer than all registers of a
# thread: a core file has them, and they hold what was copied last.
MARK=$(seq -s " " -f "CONTENTS-%g-OF-$$" 100)
readonly MARK NAME=NAME-OF-"$$"-FILE

# core_of OPTIONS: the core file of a daemon that has read and written $MARK.
core_of() {
	local pid
	(
		cd "$WORK"
		ulimit -c unlimited
		exec "$CXLFS" -f -o "no_sandbox,$1" "emul:$STORE/adapter,size=4G" "$MNT"
	) 2>>"$WORK/log" &
	pid=$!
	wait_until "the volume is served" is_served "$MNT"
	for _ in $(seq 20); do echo "$MARK"; done >"$MNT/$NAME"
	dd if="$MNT/$NAME" of=/dev/null bs=4k count=1 iflag=direct status=none
	kill -ABRT "$pid"
	wait "$pid" || true
	umount -l "$MNT"
	[ -s "$WORK/core" ] || skip "no core file was written"
	mv "$WORK/core" "$WORK/core-of-volume"
}

core_of relatime
grep -q "$NAME" "$WORK/core-of-volume" || fail "the core file is not whole"
! grep -q -F "$MARK" "$WORK/core-of-volume" || fail "contents in the core file"
core_of dump_contents
grep -q -F "$MARK" "$WORK/core-of-volume" || fail "no contents with dump_contents"
finish
