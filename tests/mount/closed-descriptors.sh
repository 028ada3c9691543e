#!/bin/bash
# If descriptors 0 to 2 are closed at the start, no file of the adapter gets their numbers: messages
# would be written into it.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

device=emul:$STORE/adapter,size=1G
note_adapter "$STORE/adapter"
use() {
	head -c 1000000 /dev/urandom >"$WORK/data"
	dd if="$WORK/data" of="$MNT/file" bs=64k conv=fsync status=none
	cmp "$WORK/data" <(dd if="$MNT/file" bs=64k iflag=nocache status=none)
	umount "$MNT"
	wait_until "the daemon ends" no_background_daemon
}

"$CXLFS" "$device" "$MNT" <&- >&- 2>&-
use
"$CXLFS" "$device" "$MNT" <&-
use
"$CXLFS" "$device" "$MNT" 2>&-
use

# A message must not end up in the adapter.
! "$CXLFSADM" emul status "$STORE/adapter" <&- >&- 2>&- || fail "status without output succeeded"
! "$CXLFSADM" emul grow "$STORE/adapter" 0 1 <&- >&- 2>&- || fail "a LUN was made smaller"
! grep -aq 'cxlfsadm:' "$STORE/adapter/adapter" || fail "a message is in the adapter's state"
finish
