#!/bin/bash
# Build the Debian package, in build/deb, and check it with lintian.
#
#	LIBFUSE=auto LIBCXL=auto contrib/build/deb.sh
#
# The package is the same, byte for byte, wherever the source lies: times come from debian/changelog, and
# Debian's compiler flags hide the directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly DIR=build/deb
TREE=$DIR/cxlfs-$(cat contrib/build/version)
readonly TREE

say() { printf 'deb: %s\n' "$*" >&2; }

# A private libfuse is built here if it is missing: in the package's build, it would get other compiler
# flags.
copy_source() {
	contrib/build/config.sh "${LIBFUSE:-auto}" "${LIBCXL:-auto}" build/config-deb.mk
	rm -rf $DIR
	mkdir -p "$TREE/build"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$TREE"
	cp -r contrib/debian "$TREE/debian"
	[ ! -d build/libfuse ] || ln -s "$PWD/build/libfuse" "$TREE/build/libfuse"
}

# Without the variables of the make that calls this script.
build_package() {
	(cd "$TREE" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		dpkg-buildpackage --build=binary --no-sign --no-pre-clean) >$DIR/build.log 2>&1 || {
		tail -n 20 $DIR/build.log >&2
		say "the package was not built ($DIR/build.log)"
		exit 1
	}
}

# debhelper passes it on to the files of the package for debuggers.
umask 022
copy_source
build_package
lintian --allow-root --fail-on error,warning $DIR/*.changes
rm -r "$TREE"
say "$(ls $DIR/cxlfs_*.deb)"
