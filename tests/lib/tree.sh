# Sourced after harness.sh by tests of files that must stay what they are.
# shellcheck shell=bash disable=SC2154

# list_tree DIR: names, numbers and attributes.
list_tree() { (cd "$1" && find . -printf '%i %p %M %n %s %b %T@ %l\n' | sort -k 2); }
checksums() { (cd "$1" && find . -type f -exec cksum {} + | sort -k 3); }
# forget_pages DIR: the next read of a file comes from the volume.
forget_pages() { find "$1" -type f -exec dd of={} oflag=nocache conv=notrunc,fdatasync count=0 status=none \;; }

# make_tree: small files, a sparse one and a large one in $MNT/tree.
make_tree() {
	cp -a /usr/share/doc/bash "$MNT/tree"
	truncate -s 64M "$MNT/tree/sparse"
	dd if="$CXLFS" of="$MNT/tree/sparse" bs=4k seek=9000 conv=notrunc status=none
	head -c 20M "$CXLFS" >"$MNT/tree/large"
	list_tree "$MNT/tree" >"$WORK/before"
	checksums "$MNT/tree" >"$WORK/contents"
}

# must_have_tree WHAT: that happened since make_tree has changed nothing.
must_have_tree() {
	list_tree "$MNT/tree" >"$WORK/after"
	cmp "$WORK/before" "$WORK/after" || fail "$1 changed the tree"
	forget_pages "$MNT/tree"
	checksums "$MNT/tree" | cmp "$WORK/contents" - || fail "$1 changed contents"
}

# atime_moves: does a read of $MNT/file change its access time?
atime_moves() {
	local before
	touch -a -d '3 days ago' "$MNT/file"
	before=$(stat -c %X "$MNT/file")
	head -c 1 "$MNT/file" >/dev/null
	sync -f "$MNT"
	[ "$(stat -c %X "$MNT/file")" != "$before" ]
}
atime_stays() { ! atime_moves; }
