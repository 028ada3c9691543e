#!/bin/bash
# Set-id bits and file capabilities after a change of the file are as on the kernel's own file systems;
# a process without CAP_SYS_ADMIN does not see trusted attributes.
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_cxlfs
need_tools capsh setfattr getfattr

readonly EXECUTABLE=/bin/cat REFERENCE=$WORK/reference

# The results of ext4; tmpfs has the same, but cannot zero ranges.
mount_reference() {
	mkdir "$REFERENCE"
	truncate -s 16M "$STORE/image"
	if mkfs.ext4 -q "$STORE/image" 2>/dev/null &&
		mount -o loop "$STORE/image" "$REFERENCE" 2>/dev/null; then
		without='^$'
	else
		mount -t tmpfs tmpfs "$REFERENCE" || skip "no file system to compare with"
		without='^zero'
	fi
	chmod 755 "$REFERENCE"
}

answers() { (umask 022 && "$HELPERS/privileges" "$1" "$EXECUTABLE") | grep -Ev "$without"; }

compare_with_reference() {
	start_volume "" "$1"
	answers "$MNT" >"$WORK/answers"
	diff "$WORK/expected" "$WORK/answers" >"$WORK/differences" ||
		fail "${1:-default options}: $(head -n 20 "$WORK/differences")"
	stop_volume
}

lists_trusted() { "$@" getfattr -m - "$MNT/file" 2>/dev/null | grep -q '^trusted.name$'; }

mount_reference
answers "$REFERENCE" >"$WORK/expected"
umount "$REFERENCE"
for option in no_writeback strictatime,no_writeback noatime,writeback; do
	compare_with_reference "$option"
done

start_volume
touch "$MNT/file"
setfattr -n trusted.name -v value "$MNT/file"
lists_trusted env || fail "root does not see a trusted attribute"
! lists_trusted capsh --drop=cap_sys_admin -- -c 'exec "$@"' capsh ||
	fail "a trusted attribute is listed without CAP_SYS_ADMIN"
! lists_trusted setpriv --reuid=1001 --clear-groups unshare -U -r ||
	fail "a trusted attribute is listed in a user namespace"
finish
