#!/bin/bash
# mount -t fuse.cxlfs, from the command line and from fstab, with the usual options.

# mount(8) looks for the program where it is installed: put it there, in a private namespace.
# shellcheck source=../lib/namespace.sh
. "$(dirname "$0")/../lib/namespace.sh"

# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_namespace
[ -x /sbin/mount.fuse ] || skip "/sbin/mount.fuse is missing"

mount -t tmpfs tmpfs /usr/local/sbin
cp "$CXLFS" /usr/local/sbin/cxlfs

mount_field() { awk -v m="$MNT" -v f="$1" '$5 == m { sub(/.* - /, ""); print $f }' /proc/self/mountinfo; }
options_of() { awk -v m="$MNT" '$5 == m { print $6 }' /proc/self/mountinfo; }


use_and_unmount() {
	same "$(mount_field 1)" fuse.cxlfs "type"
	same "$(mount_field 2)" "$1" "source"
	echo text >"$MNT/file"
	same "$(cat "$MNT/file")" text
	umount "$MNT"
	wait_until "the daemon ends" no_background_daemon
}

device=emul:$STORE/adapter,size=4G
note_adapter "$STORE/adapter"
mount -t fuse.cxlfs "$device" "$MNT"
use_and_unmount "$device"

mount -t fuse.cxlfs "$device" "$MNT" -o nofail,_netdev,x-systemd.automount,noatime,nosuid,nodev
options_of | grep -q nosuid || fail "nosuid is lost"
use_and_unmount "$device"

echo "$device $MNT fuse.cxlfs noauto,user,nofail,_netdev,x-foo=bar,noexec 0 0" >"$WORK/fstab"
mount --fstab "$WORK/fstab" "$MNT"
options_of | grep -q noexec || fail "noexec is lost"
use_and_unmount "$device"

must_errno '[Uu]nknown option\|bogus' mount -t fuse.cxlfs "$device" "$MNT" -o bogus
! is_mounted "$MNT" || fail "mounted with an unknown option"
finish
