#!/bin/bash
# The package in a minimal Debian: install, mount, a line in fstab, upgrade, remove, purge; nothing is left.
# timeout: 1200

# Mounts and daemons end with the namespace.
NAMESPACE=(unshare --mount --pid --fork --kill-child --propagation private)
if [ -z "${CXLFS_IN_NAMESPACE:-}" ]; then
	"${NAMESPACE[@]}" true || { echo "skip: no namespace can be made here"; exit 77; }
	exec "${NAMESPACE[@]}" env CXLFS_IN_NAMESPACE=1 bash "$0"
fi

# shellcheck source=debian.sh
. "$(dirname "$0")/debian.sh"
[ -c /dev/fuse ] || skip "/dev/fuse is missing"
mkdir -p "$DEBIAN"
root=$(mktemp -d "$DEBIAN/minimal.XXXXXX")
trap 'umount -lR "$root"/{proc,dev} 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT

readonly DEVICE=emul:/var/lib/cxlfs MNT=/mnt

run() { in_root "$root" "$@"; }
apt() { run apt-get -qq -y "$@" >"$root/tmp/apt.log" 2>&1 || fail "apt-get $*: $(tail -n 5 "$root/tmp/apt.log")"; }

# What packages leave: all files but the records of apt and dpkg.
all_files() {
	(cd "$root" && find . -xdev -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o \
		-path ./var/cache -prune -o -path ./var/log -prune -o -path ./tmp -prune -o \
		-printf '%M %u:%g %p %l\n' | sort)
}
records() { (cd "$root/var/lib/dpkg" && find . -name '*cxlfs*'; grep '^Package: cxlfs' status || true); }

is_mounted() { run sh -c "grep -q ' $MNT fuse.cxlfs ' /proc/self/mounts"; }
no_daemon() { ! run sh -c 'grep -l "^cxlfs$" /proc/[0-9]*/comm' >/dev/null 2>&1; }

use_volume() {
	is_mounted || fail "$MNT is not mounted"
	run cp -a /usr/share/doc "$MNT/doc"
	run diff -r /usr/share/doc "$MNT/doc"
}

unmount() {
	run umount $MNT
	wait_until "the daemon ends" no_daemon
}

say "== install"
unpack_minimal "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
apt update
all_files >"$DEBIAN/before"
cp "$(package)" "$root/tmp/cxlfs.deb"
apt install --no-install-recommends /tmp/cxlfs.deb
same "$(run dpkg --audit)" "" "dpkg --audit"
same "$(run dpkg --verify cxlfs)" "" "dpkg --verify"
run cxlfs -V
run cxlfsadm -V
run sh -c '! ldd /usr/sbin/cxlfs /usr/sbin/cxlfsadm | grep "not found"'

# Does needrestart leave the service alone?
same "$(run perl -e 'our %nrconf; do "/etc/needrestart/conf.d/cxlfs.conf"; my ($match) = keys %{$nrconf{override_rc}};
	print "no" if "cxlfs\@scratch.service" =~ $match && !$nrconf{override_rc}{$match}')" no "restarts"

say "== mount -t fuse.cxlfs"
run mount -t fuse.cxlfs $DEVICE $MNT
use_volume
run cxlfsadm emul status /var/lib/cxlfs
run cxlfsadm status $MNT
unmount
run cxlfsadm emul audit /var/lib/cxlfs

say "== /etc/fstab"
echo "$DEVICE $MNT fuse.cxlfs nofail,noatime,mode=1777 0 0" >>"$root/etc/fstab"
run mount -a
use_volume
same "$(run stat -c %a $MNT)" 1777 "the mode of the root directory"

say "== upgrade and removal leave a mounted volume alone"
apt install --reinstall /tmp/cxlfs.deb
run diff -r /usr/share/doc "$MNT/doc"
apt remove cxlfs
run touch $MNT/file
same "$(run ls $MNT)" "$(printf 'doc\nfile')" "the content of the volume"
unmount
[ ! -e "$root/usr/sbin/cxlfs" ] || fail "the program is still there"
apt install /tmp/cxlfs.deb

say "== purge"
apt purge --autoremove cxlfs
sed -i '/fuse.cxlfs/d' "$root/etc/fstab"
[ -s "$root/etc/fstab" ] || rm "$root/etc/fstab"
rm -r "$root/var/lib/cxlfs" # the emulated adapter, which is the user's
all_files >"$DEBIAN/after"
diff "$DEBIAN/before" "$DEBIAN/after" || fail "the package leaves files"
same "$(records)" "" "the list of dpkg's records"
