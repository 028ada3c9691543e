#!/bin/bash
# A volume in use cannot be unmounted, and trying does no harm.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
head -c 3000000 /dev/urandom >"$WORK/data"
exec 8<>"$MNT/file"
cat "$WORK/data" >&8
must_errno busy umount "$MNT"
must_errno busy umount "$MNT"
cmp "$WORK/data" "$MNT/file"
echo more >&8
same "$(tail -c 5 "$MNT/file")" more
exec 8>&-
(cd "$MNT" && must_errno busy umount "$MNT")
finish
