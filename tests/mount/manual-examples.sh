#!/bin/bash
# The commands of the manual pages and of the README work as they are written, in a private namespace
# with directories of their own.  Those that need a card or systemd are left out.
# timeout: 240

# shellcheck source=../lib/namespace.sh
. "$(dirname "$0")/../lib/namespace.sh"

# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_namespace
[ -x /sbin/mount.fuse ] || skip "/sbin/mount.fuse is missing"

# Prints the commands in the literal blocks of a manual page.
of_manual() { sed -n '/^\.Bd -literal/,/^\.Ed/ s/^# //p' "$ROOT/man/$1"; }
# of_readme FROM TO: prints the indented lines of the README between these.
of_readme() {
	sed -n "/^$1/,/^$2/ s/^    //p" "$ROOT/README.md"
}
needs_more() { [[ $1 = *"/dev/sd"* || $1 = *systemctl* || $1 = "#"* ]]; }

mount -t tmpfs tmpfs /usr/local/sbin
cp "$CXLFS" "$CXLFSADM" /usr/local/sbin
export PATH=/usr/local/sbin:$PATH
mount -t tmpfs tmpfs /mnt
mkdir /mnt/a /mnt/b
mkdir -p "$WORK/lib" "$WORK/shm"
mount --bind "$WORK/lib" /var/lib
mount --bind "$STORE" /dev/shm

cd "$WORK" # fio leaves a file
nr=0
# run_all: runs the commands of standard input.
run_all() {
	local line
	while read -r line; do
		! needs_more "$line" || continue
		say "# $line"
		# Nothing is slow here.
		[[ $line != "cxlfsadm trace "* ]] || line="timeout -s INT 1 $line || [ \$? = 124 ]"
		bash -o pipefail -c "$line" </dev/null >"$WORK/out" 2>&1 || fail "$line: $(tail -n 3 "$WORK/out")"
		nr=$((nr + 1))
	done
}

# undo: unmounts what the examples have mounted.
undo() {
	local mnt
	for mnt in /mnt/b /mnt/a /mnt; do
		! grep -q " $mnt fuse.cxlfs " /proc/self/mounts || umount "$mnt"
	done
	wait_until "the daemons end" no_daemon
}
# Daemons of this namespace.
no_daemon() {
	local dir
	for dir in /proc/[0-9]*; do
		[ "$(cat "$dir/comm" 2>/dev/null)" != cxlfs ] ||
			[ "$(readlink "$dir/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] || return 1
	done
}

run_all < <(of_manual cxlfs.8)
undo
# The examples for a mounted volume come first.
cxlfs emul:/var/lib/cxlfs /mnt
run_all < <(of_manual cxlfsadm.8)
undo
run_all < <(of_readme "Or build with" "What you can expect")
undo
# The README's volume for the commands that show one.
mkdir -p /mnt/scratch
cxlfs emul:/var/lib/scratch,size=1T /mnt/scratch
run_all < <(of_readme "### How large" "### Is it healthy" | sed 's,/scratch\>,/mnt/scratch,g; /lsof/d')
grep -q " /mnt/scratch fuse.cxlfs " /proc/self/mounts || fail "the volume is gone"
umount /mnt/scratch
undo
[ $nr -ge 8 ] || fail "only $nr commands were found"
finish
