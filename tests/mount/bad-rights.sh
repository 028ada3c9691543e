#!/bin/bash
# Devices and directories that the user may not access are refused with a reason.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_tools setpriv

AS_USER=(setpriv --reuid=12001 --regid=12001 --clear-groups)

# The program may be in a directory that other users cannot enter.
install -m 755 "$CXLFS" "$WORK/cxlfs"
chmod 755 "$STORE"
mkdir -m 700 "$STORE/private"
mkdir -m 777 "$WORK/open"
mknod -m 600 "$WORK/device" b 7 0

must_fail 'Permission denied' "${AS_USER[@]}" "$WORK/cxlfs" "emul:$STORE/private/adapter" "$WORK/open"
must_fail 'Permission denied' "${AS_USER[@]}" "$WORK/cxlfs" "emul:$STORE/adapter" "$WORK/open"
must_fail . "${AS_USER[@]}" "$WORK/cxlfs" "$WORK/device" "$WORK/open"
[ ! -e "$STORE/adapter" ] || fail "an adapter was made"
! is_mounted "$WORK/open" || fail "mounted"
finish
