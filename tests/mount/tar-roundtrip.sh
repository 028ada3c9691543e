#!/bin/bash
# tar out and in again, with owners, xattrs, ACLs, links, devices and sparse files.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_tools setfattr getfattr setfacl getfacl

make_tree() {
	mkdir -p "$1/dir/deep"
	head -c 300000 /dev/urandom >"$1/data"
	head -c 5000 /dev/urandom >"$1/dir/owned"
	chown 12001:12002 "$1/dir/owned" "$1/dir/deep"
	chmod 4711 "$1/data"
	ln "$1/data" "$1/dir/hard"
	ln -s ../data "$1/dir/soft"
	chown -h 12003:12003 "$1/dir/soft"
	mkfifo "$1/fifo"
	mknod "$1/null" c 1 3
	setfattr -n user.comment -v "any text" "$1/data"
	setfattr -n trusted.secret -v 0x0001ff "$1/dir/owned"
	setfacl -m u:12004:rw,g:12005:r "$1/dir/owned"
	setfacl -d -m u:12004:rwx "$1/dir/deep"
	truncate -s 64M "$1/sparse"
	printf 'in the middle' | dd of="$1/sparse" bs=1 seek=33333333 conv=notrunc status=none
}

pack() { tar -C "$1" --acls --xattrs --xattrs-include='*' -S -cf "$2" .; }
unpack() { tar -C "$1" --acls --xattrs --xattrs-include='*' --same-owner -xpf "$2"; }
listing() { (cd "$1" && find . -printf '%P %y %m %U %G %n %s %T@ %l\n' | sed '/ d /s/ [0-9]* / /' | sort); }
xattrs() { (cd "$1" && getfattr -R -h -d -m 'user|trusted' . | sort); }
acls() { (cd "$1" && find . ! -type l | sort | getfacl -E -n -p -); }

start_volume
mkdir "$MNT/a" "$MNT/b"
make_tree "$MNT/a"
pack "$MNT/a" "$WORK/out.tar"
unpack "$MNT/b" "$WORK/out.tar"
for file in data dir/owned sparse; do
	cmp "$MNT/a/$file" "$MNT/b/$file"
done
diff <(listing "$MNT/a") <(listing "$MNT/b")
diff <(xattrs "$MNT/a") <(xattrs "$MNT/b")
diff <(acls "$MNT/a") <(acls "$MNT/b")
xattrs "$MNT/b" | grep -q 'trusted.secret=0x0001ff\|trusted.secret=0sAAH/' || fail "an xattr is lost"
acls "$MNT/b" | grep -q 'user:12004:rw-' || fail "an ACL is lost"
[ "$(du -k "$MNT/b/sparse" | cut -f1)" -lt 1024 ] || fail "the sparse file is not sparse"
finish
