#!/bin/bash
# An ext4 image on a loop device on the volume, buffered and direct: used, checked with fsck.
# matrix: diagonal
# timeout: 300
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_root
need_tools losetup mkfs.ext4 e2fsck
losetup -f >/dev/null 2>&1 || skip "no loop devices here"

detach() {
	[ -z "${loop:-}" ] || losetup -d "$loop" 2>/dev/null || true
}

end_all() {
	umount "$WORK/inner" 2>/dev/null || true
	detach
}
at_exit+=(end_all)

fill() {
	copy_tree_of 1500 "$WORK/inner/tree" /usr/include
	cp -a "$WORK/inner/tree" "$WORK/inner/copy"
	rm -rf "$WORK/inner/tree/usr/include/linux"
	fallocate -l 50M "$WORK/inner/preallocated"
	fstrim "$WORK/inner" || say "no fstrim"
}

# use_image NAME on|off: with direct I/O or without.
use_image() {
	say "direct I/O: $2"
	truncate -s 600M "$MNT/$1"
	loop=$(losetup -f --show --direct-io="$2" "$MNT/$1")
	mkfs.ext4 -q "$loop"
	mount "$loop" "$WORK/inner"
	fill
	(cd "$WORK/inner/copy" && find . -type f -exec sha256sum {} +) >"$WORK/sums"
	umount "$WORK/inner"
	losetup -d "$loop"
	loop=
	forget_cached
	e2fsck -fn "$MNT/$1" || fail "e2fsck"
	loop=$(losetup -f --show --direct-io="$2" "$MNT/$1")
	mount -o ro "$loop" "$WORK/inner"
	(cd "$WORK/inner/copy" && sha256sum --quiet -c "$WORK/sums") || fail "contents"
	umount "$WORK/inner"
	losetup -d "$loop"
	loop=
}

use_both() {
	use_image buffered.img off
	use_image direct.img on
}

mkdir "$WORK/inner"
in_each_cache_mode use_both
finish
