#!/bin/bash
# A user without privileges mounts, uses and unmounts a volume of its own.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools setpriv fusermount3
[ -e /etc/mtab ] || skip "fusermount3 needs /etc/mtab"
[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not set-user-id"

# fusermount3 wants a user that has a name.
AS_USER=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
mine=$STORE/user

# The program may lie where others cannot go.
install -m 755 "$CXLFS" "$WORK/cxlfs"
chmod 755 "$STORE"
mkdir "$mine" "$WORK/open"
chown nobody:nogroup "$mine" "$WORK/open"

# Nobody else gets in, not even root; so it is the user who looks.
note_adapter "$mine/adapter"
"${AS_USER[@]}" "$WORK/cxlfs" "emul:$mine/adapter,size=4G" "$WORK/open"
"${AS_USER[@]}" sh -c "echo mine >'$WORK/open/file' && cat '$WORK/open/file'" >"$WORK/said"
same "$(cat "$WORK/said")" mine
same "$("${AS_USER[@]}" stat -c '%u %g %a' "$WORK/open")" "$(id -u nobody) $(id -g nobody) 755" "root directory"
must_errno "Permission denied" setpriv --reuid=12002 --regid=12002 --clear-groups ls "$WORK/open"
"${AS_USER[@]}" fusermount3 -u "$WORK/open"
wait_until "the daemon ends" no_background_daemon
finish
