#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Build the rig: User-Mode Linux from Debian's linux-source-6.1 with the unmodified
# cxlflash driver on an emulated AFU.
#
#	tests/rig/build.sh [DIRECTORY]
#
# DIRECTORY is $CXLFS_RIG or build/rig.  Nothing is done when it already holds what
# these sources, the kernel's and the compiler would give.  Takes 3 to 4 minutes of
# two processors and 900 MB; missing packages are installed (as root).
# JOBS=n sets make -j; LINUX_TAR names another archive of the source.
set -euo pipefail
rig=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$rig/../.." && pwd)
build=${1:-${CXLFS_RIG:-$root/build/rig}}
tarball=${LINUX_TAR:-/usr/src/linux-source-6.1.tar.xz}
src=$build/src
readonly driver=drivers/scsi/cxlflash

say() { printf 'rig: %s\n' "$*" >&2; }

fail() {
	say "$*"
	exit 1
}

# ---- what the result depends on -----------------------------------------------

# Of contents only, not of file names: a moved checkout stays built.
hash() { sha256sum | cut -c1-32; }

# The archive is too long to read each time: its size and date stand for it.
tree_key() { { stat -L -c '%s %Y' "$tarball" && cat "$rig"/kernel/patches/*; } | hash; }

whole_key() {
	{
		tree_key
		gcc --version
		cat "$rig"/build.sh "$rig"/kernel/config "$rig"/kernel/sim* "$rig"/smoke.c
	} | hash
}

# ---- packages --------------------------------------------------------------------

need_packages() {
	[ -z "${LINUX_TAR:-}" ] || return 0
	(cd "$root" && contrib/build/deps.sh rig)
	[ -r "$tarball" ] || fail "$tarball is missing (package linux-source-6.1)"
	local tool
	for tool in gcc make flex bison bc xz patch; do
		command -v $tool >/dev/null || fail "$tool is missing"
	done
}

# ---- the kernel tree ---------------------------------------------------------------

# Most of the archive is drivers that cannot be built for this architecture; their
# Kconfig files are needed, their sources are not.
readonly -a unneeded=(
	'*/drivers/gpu/*.[ch]' '*/drivers/media/*.[ch]' '*/drivers/net/ethernet/*.[ch]'
	'*/drivers/net/wireless/*.[ch]' '*/drivers/staging/*.[ch]' '*/drivers/infiniband/*.[ch]'
	'*/sound/*.[ch]' '*/Documentation/*.rst' '*/Documentation/*.yaml'
	'*/arch/arm*/*.dts*' '*/arch/*/boot/dts/*' '*/tools/testing/*' '*/tools/perf/*'
)

extract() {
	say "unpacking ${tarball##*/}"
	rm -rf "$src" "$build/tree-key"
	mkdir -p "$src"
	tar -C "$src" --strip-components=1 "${unneeded[@]/#/--exclude=}" -xf "$tarball"
	# The driver as shipped, to prove later that it is built unmodified.
	(cd "$src" && sha256sum $driver/*.[ch]) >"$build/driver.sha256"
	local patch
	for patch in "$rig"/kernel/patches/*.patch; do
		patch -d "$src" -p1 -s <"$patch" || fail "${patch##*/} does not apply to $tarball"
	done
	tree_key >"$build/tree-key"
}

# Only what differs, so that make compiles only that.
copy_simulation() {
	local file
	for file in "$src/$driver"/sim*; do
		[ -e "$rig/kernel/${file##*/}" ] || [ "${file%.[ch]}" = "$file" ] || rm -f "$file"
	done
	for file in "$rig"/kernel/sim*; do
		cmp -s "$file" "$src/$driver/${file##*/}" || cp "$file" "$src/$driver/"
	done
}

check_driver_unmodified() {
	(cd "$src" && sha256sum --quiet -c "$build/driver.sha256") >&2 ||
		fail "the driver in $src is not the one of the archive"
}

configure() {
	local option
	cmp -s "$rig/kernel/config" "$build/config-used" && [ -e "$src/.config" ] && return
	make -C "$src" ARCH=um KCONFIG_ALLCONFIG="$rig/kernel/config" allnoconfig \
		>"$build/config.log" 2>&1 || fail "configuration failed, $build/config.log"
	while read -r option; do
		grep -qx "$option" "$src/.config" || fail "the kernel refused $option"
	done < <(grep -oE '^CONFIG_[A-Z0-9_]+=y' "$rig/kernel/config")
	cp "$rig/kernel/config" "$build/config-used"
}

compile_kernel() {
	say "compiling the kernel (minutes when new)"
	nice -n 10 make -C "$src" ARCH=um -j"${JOBS:-$(nproc)}" linux >"$build/build.log" 2>&1 || {
		grep -E 'error|warning|\*\*\*' "$build/build.log" | tail -n 20 >&2
		fail "the kernel did not compile, $build/build.log"
	}
	strip -g -o "$build/linux.new" "$src/linux"
	mv "$build/linux.new" "$build/linux"
}

# libc ships only some of the interface headers: take those of the same source.
compile_programs() {
	mkdir -p "$build/include/scsi" "$build/include/misc"
	cp "$src/include/uapi/scsi/cxlflash_ioctl.h" "$build/include/scsi/"
	cp "$src/include/uapi/misc/cxl.h" "$build/include/misc/"
	gcc -O1 -g -Wall -Wextra -I "$build/include" -o "$build/smoke" "$rig/smoke.c"
}

# ---- all ------------------------------------------------------------------------------

need_packages
mkdir -p "$build"
build=$(cd "$build" && pwd) src=$build/src
exec 9>"$build/.lock"
flock 9

wanted=$(whole_key)
if [ -x "$build/linux" ] && [ "$(cat "$build/key" 2>/dev/null)" = "$wanted" ]; then
	exit 0
fi
rm -f "$build/key"
[ "$(cat "$build/tree-key" 2>/dev/null)" = "$(tree_key)" ] || extract
copy_simulation
check_driver_unmodified
configure
compile_kernel
compile_programs
echo "$wanted" >"$build/key"
say "built $build/linux; $(wc -l <"$build/driver.sha256") files of the driver, unmodified"
