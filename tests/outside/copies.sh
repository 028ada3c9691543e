#!/bin/bash
# Round trips: rsync, tar with sparse files, cpio, zstd, dar, squashfs, git clone and gc.
# matrix: diagonal
# timeout: 400
# shellcheck source=../lib/outside.sh
. "$(dirname "$0")/../lib/outside.sh"
need_root
need_tools rsync cpio zstd git setfattr setfacl

export HOME=$WORK GIT_CONFIG_NOSYSTEM=1

# Makes files that are hard to copy: links, attributes, ACLs, holes, odd names, special files.
make_source() {
	copy_tree_of 900 "$WORK/source" /usr/include /usr/bin
	cd "$WORK/source" || fail "cd"
	printf x | dd of=sparse bs=1 seek=30000000 status=none
	printf 'data' >$'odd\nname'
	ln sparse hard
	ln -s nowhere dangling
	mkfifo fifo
	mknod device c 1 3
	setfattr -n user.colour -v blue sparse
	setfacl -m u:nobody:rw $'odd\nname'
	touch -d @1234567890.123456789 sparse
	cd /
}

# unlike A B: prints what rsync would change to make B like A.
unlike() { rsync -aHAX --checksum --delete --dry-run --itemize-changes "$1/" "$2/" | head -n 5; }

same_tree() { same "$(unlike "$WORK/source" "$1")" "" "$2"; }

with_rsync() {
	rsync -aHAX --checksum "$WORK/source/" "$MNT/rsync/"
	forget_cached
	same_tree "$MNT/rsync" rsync
	rsync -aHAX --checksum "$MNT/rsync/" "$WORK/back/"
	same_tree "$WORK/back" "rsync back"
	rm -rf "$WORK/back"
}

with_archives() {
	tar -C "$MNT/rsync" --acls --xattrs -S -cf "$MNT/tree.tar" .
	mkdir "$MNT/tar"
	zstd -q -T2 "$MNT/tree.tar" -o "$MNT/tree.zst"
	zstd -q -t "$MNT/tree.zst"
	zstd -q -dc "$MNT/tree.zst" | tar -C "$MNT/tar" --acls --xattrs -xpf -
	same_tree "$MNT/tar" tar
	rm -rf "$MNT/tar"
	mkdir "$MNT/cpio"
	(cd "$MNT/rsync" && find . -depth -print0 | cpio -0 --quiet -o -H newc) >"$MNT/tree.cpio"
	(cd "$MNT/cpio" && cpio --quiet -idm) <"$MNT/tree.cpio"
	diff -r --no-dereference -x fifo -x device "$MNT/rsync" "$MNT/cpio" || fail "cpio"
	rm -rf "$MNT/cpio" "$MNT"/tree.*
}

with_git() {
	local repo=$WORK/repo
	if [ ! -d "$repo" ]; then
		git init -q "$repo"
		copy_tree_of 1500 "$repo" /usr/include
		git -C "$repo" add -A
		git -C "$repo" -c user.name=t -c user.email=t@example.org commit -qm all
	fi
	rm -rf "$MNT/rsync"
	git clone -q --no-local "$repo" "$MNT/clone"
	git -C "$MNT/clone" -c gc.auto=0 repack -qadf --depth=20
	forget_cached
	git -C "$MNT/clone" fsck --full --strict --no-progress
	same "$(git -C "$MNT/clone" status --porcelain)" "" "git status"
}

run_all() {
	with_rsync
	with_archives
	with_git
}

make_source
in_each_cache_mode run_all
finish
