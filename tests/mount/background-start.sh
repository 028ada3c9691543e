#!/bin/bash
# Without -f, the command returns when the volume is usable and releases the terminal; the daemon
# exits when the volume is unmounted.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

note_adapter "$STORE/adapter"
# The pipe closes only when no process has it open.
{ "$CXLFS" "emul:$STORE/adapter" "$MNT" 2>&1 && echo good; } | cat >"$WORK/said" &
wait_until "the command returned" is_gone $!
same "$(cat "$WORK/said")" good "words of a good start"
is_mounted "$MNT" || fail "not mounted when the command returned"
echo text >"$MNT/file"
same "$(cat "$MNT/file")" text
same "$(readlink "/proc/$(background_daemons)/cwd")" / "the daemon's directory"
umount "$MNT"
wait_until "the daemon ends" no_background_daemon
finish
