#!/bin/bash
# Run a command on a kernel for POWER that has pages of 64 KiB: Debian's, under qemu-system-ppc64.
#
#	tests/ppc64le/guest.sh build/ppc64le COMMAND...
#
# The command runs as root in a copy of this directory, with BUILD set.  Its output appears here, and its
# status is that of this script.  Needs `make VARIANT=ppc64le everything`.
# KERNEL=testing takes the kernel of Debian testing, which has FUSE over io_uring.  CPUS and MEMORY size
# the guest.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly BUILD=$1 ROOT=build/cross/guest KERNEL=${KERNEL:-stable}
readonly KERNEL_ROOT=build/cross/kernel-$KERNEL TRIPLET=powerpc64le-linux-gnu
shift

fail() {
	echo "guest: $*" >&2
	exit 1
}

# ---- what it boots -------------------------------------------------------------------

# modules_for NAME...: prints the files to load, in order.
modules_for() {
	modprobe -d "$KERNEL_ROOT" -S "$VERSION" --show-depends -a "$@" | sed -n 's/^insmod \([^ ]*\).*/\1/p' |
		awk '!seen[$0]++'
}

# Debian's kernel has modules for the disk and its file system.
make_initramfs() {
	local dir=$WORK/initramfs module
	mkdir -p "$dir"/{bin,dev,mnt,proc}
	cp "$ROOT/bin/busybox" "$dir/bin/"
	for module in $(modules_for virtio_pci virtio_blk ext4); do
		cp "$module" "$dir/"
		echo "/bin/busybox insmod /${module##*/}" >>"$WORK/insmods"
	done
	{
		echo '#!/bin/busybox sh'
		cat "$WORK/insmods"
		echo '/bin/busybox mount -t devtmpfs dev /dev'
		echo 'until /bin/busybox mount -t ext4 /dev/vda /mnt 2>/dev/null; do /bin/busybox sleep 0.1; done'
		echo 'exec /bin/busybox switch_root /mnt /cxlfs/tests/ppc64le/init.sh'
	} >"$dir/init"
	chmod 755 "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$WORK/initramfs.cpio"
}

# Files that the packages' scripts would have made.
configure() {
	cp "$1"/usr/share/base-passwd/passwd.master "$1/etc/passwd"
	cp "$1"/usr/share/base-passwd/group.master "$1/etc/group"
	ln -sf mawk "$1/usr/bin/awk"
	echo "guest" >"$1/etc/hostname"
	echo "127.0.0.1 localhost guest" >"$1/etc/hosts"
}

copy_project() {
	mkdir -p "$1/cxlfs/$BUILD"
	cp -r src tests man contrib README.md Makefile "$1/cxlfs/"
	tar -c -C "$BUILD" --exclude='*.[od]' --exclude='*.a' cxlfs cxlfsadm tests | tar -x -C "$1/cxlfs/$BUILD"
	find "$1/cxlfs/$BUILD" -type f -size +100k -exec "$TRIPLET-strip" -g {} + 2>/dev/null || true
}

# The modules that the tests need.
copy_modules() {
	local module
	for module in $(modules_for fuse loop overlay); do
		echo "insmod /modules/${module##*/}"
		mkdir -p "$1/modules"
		cp "$module" "$1/modules/"
	done >"$WORK/load-modules"
	cp "$WORK/load-modules" "$1/modules/load"
}

make_image() {
	local root=$WORK/root
	mkdir "$root"
	tar -c -C "$ROOT" --exclude='./usr/share/locale/*' . | tar -x -C "$root"
	configure "$root"
	copy_modules "$root"
	copy_project "$root"
	printf 'export BUILD=%q\n%s\n' "$BUILD" "$COMMAND" >"$root/cxlfs/command"
	mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$root" "$WORK/image" 3G
	rm -rf "$root"
}

# ---- the guest ------------------------------------------------------------------------

# Two processors need a thread each; more make the guest slower.
boot() {
	qemu-system-ppc64 -machine pseries,cap-htm=off -cpu power8 -accel tcg,thread=multi -smp "${CPUS:-2}" \
		-m "${MEMORY:-5G}" -nodefaults -display none -serial stdio -no-reboot \
		-kernel "$IMAGE" -initrd "$WORK/initramfs.cpio" \
		-append "console=hvc0 quiet panic=-1 ${GUEST_OPTIONS:-}" \
		-drive "file=$WORK/image,format=raw,if=virtio,cache=unsafe" </dev/null
}

COMMAND=$(printf '%q ' "$@")
[ -x "$BUILD/cxlfs" ] || fail "$BUILD is not built (make VARIANT=ppc64le everything)"
contrib/build/deps.sh ppc64le-guest
contrib/build/foreign.sh ppc64el $ROOT ppc64el-guest
case $KERNEL in
stable) contrib/build/foreign.sh ppc64el "$KERNEL_ROOT" ppc64el-kernel ;;
testing) SUITE=testing contrib/build/foreign.sh ppc64el "$KERNEL_ROOT" ppc64el-kernel-testing ;;
*) fail "KERNEL is stable or testing, not '$KERNEL'" ;;
esac
VERSION=$(basename "$KERNEL_ROOT"/lib/modules/*)
# Newer packages have it among the modules.
IMAGE=$KERNEL_ROOT/boot/vmlinux-$VERSION
[ -e "$IMAGE" ] || IMAGE=$KERNEL_ROOT/lib/modules/$VERSION/vmlinuz
depmod -b "$KERNEL_ROOT" "$VERSION"
WORK=$(mktemp -d "$PWD/build/cross/guest.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
make_initramfs
make_image
boot | sed -u 's,\r,,g' | tee "$WORK/console" | grep --line-buffered -v '^guest-status: ' || true
status=$(sed -n 's/^guest-status: //p' "$WORK/console")
exit "${status:-125}"
