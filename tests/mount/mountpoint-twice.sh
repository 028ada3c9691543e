#!/bin/bash
# A second mount on a used mountpoint is refused and does no harm.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

start_volume
echo here >"$MNT/file"
must_fail 'mounted|in use|busy' "$CXLFS" "emul:$STORE/second" "$MNT"
must_fail 'mounted|in use|busy' "$CXLFS" -f "emul:$STORE/adapter" "$MNT"
[ ! -e "$STORE/second" ] || fail "an adapter was made for nothing"
same "$(cat "$MNT/file")" here
same "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts on $MNT"
finish
