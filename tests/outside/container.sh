#!/bin/bash
# A container's root: an overlay with its upper directory on the volume, and apt in a chroot on it.
# matrix: diagonal
# timeout: 900
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_root
need_tools debootstrap
grep -qw overlay /proc/filesystems || skip "no overlayfs in this kernel"

readonly LOWER=$WORK/lower MERGED=$WORK/merged
readonly SUITE=bookworm

end_all() {
	umount "$MERGED/proc" 2>/dev/null || true
	umount "$MERGED" 2>/dev/null || true
}
at_exit+=(end_all)

# An unreachable mirror is not a failure of the test.
make_lower() {
	debootstrap --variant=minbase "$SUITE" "$LOWER" >"$WORK/debootstrap.log" 2>&1 ||
		skip "debootstrap: $(tail -n 1 "$WORK/debootstrap.log")"
	printf '#!/bin/sh\nexit 101\n' >"$LOWER/usr/sbin/policy-rc.d"
	chmod 755 "$LOWER/usr/sbin/policy-rc.d"
	cp /etc/resolv.conf "$LOWER/etc/" 2>/dev/null || true
	mkdir "$LOWER/old"
	echo below >"$LOWER/old/file"
	echo below >"$LOWER/moved"
}

mount_overlay() {
	mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$MNT/upper,workdir=$MNT/work" "$MERGED"
}

in_chroot() { chroot "$MERGED" env DEBIAN_FRONTEND=noninteractive PATH="$PATH" "$@"; }

# Deletion, an opaque directory, and a renamed file that leaves a whiteout.
change_names() {
	rm -r "$MERGED/old"
	mkdir "$MERGED/old"
	echo new >"$MERGED/old/other"
	mv "$MERGED/moved" "$MERGED/moved-away"
	echo more >>"$MERGED/moved-away"
}

check_names() {
	same "$(ls "$MERGED/old")" other "the opaque directory"
	same "$(cat "$MERGED/moved-away")" "$(printf 'below\nmore')" "the renamed file"
	[ ! -e "$MERGED/moved" ] || fail "the whiteout of a renamed file"
	same "$(stat -c '%F %t:%T' "$MNT/upper/moved")" "character special file 0:0" "whiteout"
}

use_packages() {
	mount -t proc proc "$MERGED/proc"
	in_chroot apt-get -q update >"$WORK/apt.log" 2>&1 || skip "apt-get update fails"
	in_chroot apt-get -qy install --no-install-recommends less python3-minimal \
		>>"$WORK/apt.log" 2>&1 || fail "apt-get install: $(tail -n 20 "$WORK/apt.log")"
	in_chroot python3 -c 'print("works")'
	in_chroot apt-get -qy purge less >>"$WORK/apt.log" 2>&1 ||
		fail "apt-get purge: $(tail -n 20 "$WORK/apt.log")"
	same "$(in_chroot dpkg --audit)" "" "dpkg --audit"
	[ ! -e "$MERGED/usr/bin/less" ] || fail "purged, still there"
	umount "$MERGED/proc"
}

use_overlay() {
	mkdir "$MNT/upper" "$MNT/work"
	mount_overlay || fail "overlayfs refuses the volume: $(dmesg 2>/dev/null | tail -n 2)"
	change_names
	check_names
	use_packages
	umount "$MERGED"
	forget_cached
	mount_overlay
	check_names
	in_chroot python3 -c 'print("still works")'
	same "$(in_chroot dpkg --verify python3-minimal)" "" "dpkg --verify"
	umount "$MERGED"
}

mkdir "$MERGED"
make_lower
in_each_cache_mode use_overlay
finish
