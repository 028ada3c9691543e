#!/bin/bash
# The volume holds the upper and work directories of an overlay, as container stores do.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_tools mount setfattr getfattr getfacl setfacl unshare
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || skip "no overlayfs"

LOWER=$WORK/lower
OVER=$WORK/over

kernel_said() { dmesg 2>/dev/null | grep overlayfs: | grep -v xino | sort || true; }

make_lower() {
	mkdir -p "$LOWER"/dir/sub "$LOWER"/old "$LOWER"/bin
	echo one >"$LOWER/dir/f"
	echo two >"$LOWER/g"
	echo three >"$LOWER/old/x"
	ln -s g "$LOWER/l"
	cp /bin/true "$LOWER/bin/program"
	yes 2>/dev/null | head -c 300000 >"$LOWER/large" || true
}

mount_overlay() {
	mkdir -p "$MNT/upper" "$MNT/work" "$OVER"
	mount -t overlay -o "lowerdir=$LOWER,upperdir=$MNT/upper,workdir=$MNT/work${1:+,$1}" \
		overlay "$OVER" || fail "no overlay with ${1:-its usual options}"
}

unmount_overlay() { wait_until "$OVER unmounted" umount_silently "$OVER"; }

mount_again() {
	unmount_overlay
	echo 3 >/proc/sys/vm/drop_caches
	mount_overlay "$@"
}

is_whiteout() { same "$(stat -c '%F %t,%T' "$MNT/upper/$1")" "character special file 0,0" "$1"; }

rename_and_delete() {
	mv "$OVER/g" "$OVER/h"
	is_whiteout g
	mv "$OVER/dir" "$OVER/moved"
	is_whiteout dir
	rm -r "$OVER/old"
	is_whiteout old
	mkdir "$OVER/old"
	same "$(getfattr --absolute-names --only-values -n "$1" "$MNT/upper/old")" y "opaque"
	echo new >"$OVER/old/new"
}

check_renamed() {
	same "$(cat "$OVER/h" "$OVER/moved/f" "$OVER/old/new")" $'two\none\nnew'
	[ -d "$OVER/moved/sub" ] || fail "moved/sub is not there"
	same "$(ls "$OVER/old")" new
	[ ! -e "$OVER/g" ] || fail "g is back"
	[ ! -e "$OVER/dir" ] || fail "dir is back"
}

change() {
	chmod 700 "$OVER/large"
	chown 1:2 "$OVER/large"
	touch -d 2001-02-03 "$OVER/large"
	cmp "$OVER/large" "$LOWER/large"
	printf x | dd of="$OVER/large" bs=1 seek=7 conv=notrunc status=none
	setfattr -n user.colour -v red "$OVER/large"
	setfacl -m u:1234:r "$OVER/bin"
	ln "$OVER/large" "$OVER/larger"
	"$OVER/bin/program"
	ln -sfn elsewhere "$OVER/l"
}

check_changed() {
	same "$(stat -c "%a %u %g %s" "$OVER/larger")" "700 1 2 300000"
	cmp "$OVER/large" "$OVER/larger"
	same "$(cmp -l "$OVER/large" "$LOWER/large" | wc -l)" 1 "bytes that differ"
	same "$(getfattr --absolute-names --only-values -n user.colour "$OVER/larger")" red
	getfacl -cp "$OVER/bin" | grep -q '^user:1234:r--' || fail "the ACL is gone"
	same "$(readlink "$OVER/l")" elsewhere
	"$OVER/bin/program"
}

# Copies, changes and deletes a tree through the overlay.
work_with_a_tree() {
	cp -a "$ROOT/src" "$OVER/tree"
	diff -r --no-dereference "$ROOT/src" "$OVER/tree"
	mv "$OVER/tree" "$OVER/tree2"
	find "$OVER/tree2" -name '*.c' -exec sed -i s/int/INT/g {} +
	! grep -rqw int "$OVER/tree2" --include='*.c' || fail "sed -i lost a change"
	rm -r "$OVER/tree2"
}

# round OPTIONS CLASS: an overlay with these options stores its marks in attributes of this class.
round() {
	make_lower
	mount_overlay "$1"
	rename_and_delete "$2.overlay.opaque"
	change
	check_renamed
	check_changed
	mount_again "$1"
	check_renamed
	check_changed
	[ -n "$1" ] || work_with_a_tree
	unmount_overlay
	rm -rf "$MNT/upper" "$MNT/work" "$LOWER"
}

before=$(kernel_said)
start_volume ""
round "" trusted
round index=on,nfs_export=on,xino=on trusted
round redirect_dir=on,metacopy=on trusted
round userxattr user
same "$(comm -13 <(printf '%s\n' "$before") <(kernel_said))" "" "what the kernel says of overlays"
finish
