#!/bin/bash
# After a daemon was killed, the next one repairs the mountpoint and can use the adapter.
# matrix: adapter
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
expect_log '^cxlfs: removed a dead mount on '

is_dead() { grep -q "endpoint is not connected" <<<"$(touch "$MNT/file" 2>&1)"; }

start_volume
echo lost >"$MNT/file"
sync "$MNT/file"
kill -KILL "${DAEMON[$MNT]}"
forget_daemon "$MNT"
wait_until "the mount is dead" is_dead

start_volume
same "$(ls -A "$MNT")" "" "contents after a crash"
same "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts on $MNT"
echo new >"$MNT/file"
same "$(cat "$MNT/file")" new
finish
