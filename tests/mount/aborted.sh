#!/bin/bash
# If the connection is aborted or the mount is forced away, the daemon logs it, exits non-zero and
# frees the mountpoint. Unmounting, even lazily, is no error. The daemon unmounts only its own mount.
# sanitize: yes
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_cxlfs
expect_log '^cxlfs: Terminated: unmounting '

CONNECTIONS=/sys/fs/fuse/connections
is_mounted "$CONNECTIONS" || mount -t fusectl none "$CONNECTIONS" 2>/dev/null || true

abort_connection() {
	local device
	device=$(awk -v m="$1" '$5 == m { print $3 }' /proc/self/mountinfo)
	[ -e "$CONNECTIONS/${device#*:}/abort" ] || skip "no $CONNECTIONS"
	echo 1 >"$CONNECTIONS/${device#*:}/abort"
}

start_volume
echo text >"$MNT/file"
abort_connection "$MNT"
must_end_aborted

start_volume
exec 8<>"$MNT/file"
echo text >&8
abort_connection "$MNT"
must_end_aborted
exec 8>&- || true

start_volume
exec 8<>"$MNT/file"
must_errno busy umount -f "$MNT"
must_end_aborted
exec 8>&- || true

start_volume
echo text >"$MNT/file"
umount -f "$MNT"
wait_for_daemon "$MNT"

# A lazy unmount waits for the last user.
start_volume
echo text >"$MNT/file"
exec 8<"$MNT/file"
fusermount3 -uz "$MNT"
! is_mounted "$MNT" || fail "still mounted"
same "$(cat <&8)" text
exec 8<&-
wait_for_daemon "$MNT"

# A file system mounted in its place stays.
start_volume
exec 8<>"$MNT/file"
umount -l "$MNT"
mount -t tmpfs other "$MNT"
kill -TERM "${DAEMON[$MNT]}"
wait_for_daemon "$MNT"
exec 8>&- || true
grep -q " $MNT .* tmpfs other " /proc/self/mountinfo || fail "another's mount was taken away"
umount "$MNT"
finish
