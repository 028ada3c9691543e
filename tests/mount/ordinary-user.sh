#!/bin/bash
# A user without privileges mounts, uses and unmounts a volume.

# If not everybody may open /dev/fuse, use another device node, in a private namespace.
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; }
if [ "$(id -u)" = 0 ] && [ -c /dev/fuse ] && [ -z "${OWN_NAMESPACE:-}" ] &&
	! as_nobody test -w /dev/fuse; then
	OWN_NAMESPACE=yes exec unshare --mount --propagation private bash "$0"
fi

# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools setpriv fusermount3
[ -e /etc/mtab ] || skip "fusermount3 needs /etc/mtab"
[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not set-user-id"

if [ -n "${OWN_NAMESPACE:-}" ]; then
	cp -a /dev/fuse "$WORK/fuse"
	chmod 666 "$WORK/fuse"
	mount --bind "$WORK/fuse" /dev/fuse
fi

mine=$STORE/user

# The program may be in a directory that other users cannot enter.
install -m 755 "$CXLFS" "$CXLFSADM" "$WORK"
chmod 755 "$STORE"
mkdir "$mine" "$WORK/open"
chown nobody:nogroup "$mine" "$WORK/open"

# fusermount3 needs a user with a name.  No other user may access the mount, not even root, so this
# user does the checks.
as_nobody "$WORK/cxlfs" "emul:$mine/adapter,size=4G" "$WORK/open"
as_nobody sh -c "echo mine >'$WORK/open/file' && cat '$WORK/open/file'" >"$WORK/said"
same "$(cat "$WORK/said")" mine
same "$(as_nobody stat -c '%u %g %a' "$WORK/open")" "$(id -u nobody) $(id -g nobody) 755" "root directory"
must_errno "Permission denied" setpriv --reuid=12002 --regid=12002 --clear-groups ls "$WORK/open"

# A user can remove a dead mount too.
kill -KILL "$(background_daemons)"
wait_until "the daemon is gone" no_background_daemon
as_nobody "$WORK/cxlfs" "emul:$mine/adapter" "$WORK/open"
as_nobody sh -c "echo new >'$WORK/open/file'"
as_nobody fusermount3 -u "$WORK/open"
wait_until "the daemon ends" no_background_daemon
as_nobody "$WORK/cxlfsadm" emul audit "$mine/adapter"

# Root refuses an adapter of another user: its links could lead anywhere.
echo secret >"$WORK/secret"
must_fail "$mine/adapter belongs to user" "$CXLFS" "emul:$mine/adapter" "$MNT"
must_fail "$mine/adapter belongs to user" "$CXLFSADM" emul status "$mine/adapter"
mkdir "$mine/planted"
ln -s "$WORK/secret" "$mine/planted/lun0"
chown -h nobody:nogroup "$mine/planted/lun0"
must_fail "$mine/planted/lun0 belongs to user" "$CXLFS" "emul:$mine/planted" "$MNT"
must_fail "$mine/planted/lun0 belongs to user" "$CXLFSADM" emul create "$mine/planted"
same "$(cat "$WORK/secret")" secret
finish
