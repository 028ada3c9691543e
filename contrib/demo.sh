#!/bin/bash
# `make mount` and `make umount`: mount an emulated volume, use it, and remove it again.
#
# Environment: BUILD (where the programs are), CXLFS_DEMO_DIR, CXLFS_DEMO_MNT.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${BUILD:=build/release}"
adapter=${CXLFS_DEMO_DIR:-/var/lib/cxlfs-demo}
mnt=${CXLFS_DEMO_MNT:-/mnt/cxlfs}

# Exists if this script made the mountpoint; umount removes only such a mountpoint.
made_mnt=$adapter.made-mountpoint

say() { printf '%s\n' "$*"; }
die() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

is_mounted() { grep -q " $mnt fuse.cxlfs " /proc/self/mounts; }
daemon_runs() { grep -qsz "^$mnt\$" /proc/[0-9]*/cmdline; }

# show COMMAND...: print a command and run it.
show() {
	printf '\n# %s\n' "$*"
	"$@"
}

start() {
	[ -c /dev/fuse ] || die "/dev/fuse is missing: this kernel or container has no FUSE"
	[ -d "$mnt" ] || {
		mkdir -p "$mnt"
		: >"$made_mnt"
	}
	show "$BUILD/cxlfs" "emul:$adapter" "$mnt"
}

use() {
	show sh -c "echo 'kept on an emulated flash card' >$mnt/hello"
	show cat "$mnt/hello"
	show cp -r src "$mnt/"
	show ls -l "$mnt"
	show df -h "$mnt"
}

next_steps() {
	cat <<-EOF

	The volume is $mnt, the adapter behind it $adapter.  Try:

	  fio --name=t --directory=$mnt --size=1g --bs=4k --rw=randrw --direct=1 --iodepth=16 --ioengine=libaio
	  $BUILD/cxlfsadm emul status $adapter
	  man -l man/cxlfs.8

	It is scratch space: \`make umount\` removes it and all that is in it.
	EOF
}

mount_demo() {
	mkdir -p "$(dirname "$adapter")"
	if is_mounted; then
		say "$mnt is mounted already"
	else
		start
	fi
	use
	next_steps
}

# umount returns before the daemon has released the adapter.
wait_for_daemon() {
	local tries=200
	while daemon_runs; do
		[ $((tries -= 1)) -gt 0 ] || die "the daemon of $mnt does not end"
		sleep 0.05
	done
}

umount_demo() {
	! is_mounted || umount "$mnt"
	wait_for_daemon
	if [ -e "$adapter/adapter" ]; then
		rm -f "$adapter"/{adapter,mmio} "$adapter"/lun*
		rmdir "$adapter"
	fi
	if [ -e "$made_mnt" ]; then
		rmdir "$mnt"
		rm "$made_mnt"
	fi
	say "nothing is left of $mnt and $adapter"
}

case ${1:-} in
mount) mount_demo ;;
umount) umount_demo ;;
*) die "usage: contrib/demo.sh mount|umount" ;;
esac
