#!/bin/bash
# Find the libraries and write their make variables to OUTPUT.
#
#	contrib/build/config.sh auto|system|private auto|yes|no OUTPUT
#
# libfuse (make LIBFUSE=):
#	system	the distribution's, version 3.14 or newer
#	private	a static copy, built from Debian's testing source package (libfuse.sh)
#	auto	the distribution's if it is 3.18.2 or newer and has custom I/O, else a private
#		copy, else the distribution's
# What is missing with the distribution's libfuse: O_TMPFILE before 3.17; the time of birth in
# statx(2) before 3.18; FUSE over io_uring without custom I/O, which 3.18.3 and newer have only
# if they were configured with it.  FUSE over io_uring also needs liburing.
#
# IBM's libcxl (make LIBCXL=): libcxl.sh.  Debian's libcxl-dev is another library, for Compute
# Express Link.  CPPFLAGS and LDFLAGS say where to look.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly WANTED=3.18.2 OLDEST=3.14
readonly PRIVATE=${LIBFUSE_DIR:-build/libfuse}/usr LOG=${LIBFUSE_DIR:-build/libfuse}.log

# shellcheck disable=SC2086  # words
pkg_config() { ${PKG_CONFIG:-pkg-config} "$@"; }

say() { printf 'libfuse: %s\n' "$*" >&2; }

private_pkg_config() {
	PKG_CONFIG_PATH=$PRIVATE/lib/pkgconfig \
		pkg-config --define-variable=prefix="$PRIVATE" "$@" fuse3
}

have_private() {
	[ "$PRIVATE/lib/pkgconfig/fuse3.pc" -nt contrib/build/libfuse.sh ] || contrib/build/libfuse.sh
}

# FUSE over io_uring replaces the function that sends replies.
system_has_custom_io() {
	mkdir -p build
	# shellcheck disable=SC2046,SC2086  # words
	${CC:-cc} contrib/build/custom_io.c -o build/custom_io \
		$(pkg_config --cflags --libs fuse3) >/dev/null 2>&1 && build/custom_io 2>/dev/null
}

have_liburing() { pkg_config --exists liburing; }

add_liburing() {
	fuse_cflags+=" -DFS_WITH_LIBURING $(pkg_config --cflags liburing)"
	case $fuse_libs in
	*-luring*) ;;
	*) fuse_libs+=" $(pkg_config --libs liburing)" ;;
	esac
}

use_private() {
	fuse_kind="private static $(private_pkg_config --modversion)"
	fuse_cflags=$(private_pkg_config --cflags)
	fuse_libs=$(private_pkg_config --libs | sed 's/-lfuse3/-l:libfuse3.a/')
	if have_liburing; then
		add_liburing
	else
		say "built without liburing: FUSE over io_uring is not available"
	fi
}

use_system() {
	pkg_config --atleast-version=$OLDEST fuse3 || {
		say "version $OLDEST or newer is needed (package libfuse3-dev)"
		exit 1
	}
	fuse_kind="system $(pkg_config --modversion fuse3)"
	fuse_cflags=$(pkg_config --cflags fuse3)
	fuse_libs=$(pkg_config --libs fuse3)
	! have_liburing || ! system_has_custom_io || add_liburing
	lost=$(lost_with_system)
	[ -z "$lost" ] || say "using the distribution's, $(pkg_config --modversion fuse3):$lost"
}

lost_with_system() {
	if ! have_liburing; then
		printf ' no FUSE over io_uring (there is no liburing);'
	elif [[ $fuse_cflags != *-DFS_WITH_LIBURING* ]]; then
		printf ' no FUSE over io_uring (it has no custom I/O);'
	fi
	grep -qs '(\*tmpfile)' "$(pkg_config --variable=includedir fuse3)/fuse3/fuse_lowlevel.h" ||
		printf ' no O_TMPFILE;'
}

choose_libfuse() {
	case $1 in
	system)
		use_system
		;;
	private)
		have_private || {
			say "no private copy could be built ($LOG)"
			exit 1
		}
		use_private
		;;
	auto)
		if pkg_config --atleast-version=$WANTED fuse3 && system_has_custom_io; then
			use_system
		elif have_private; then
			use_private
		else
			say "no private copy could be built ($LOG)"
			use_system
		fi
		;;
	*)
		say "LIBFUSE is auto, system or private, not '$1'"
		exit 1
		;;
	esac
}

# variable NAME VALUE: prints a make variable.
variable() {
	printf '%s := %s\n' "$1" "$2"
}

write_config() {
	variable FUSE_KIND "$fuse_kind"
	variable FUSE_CFLAGS "$fuse_cflags"
	variable FUSE_LIBS "$fuse_libs"
	variable LIB_CFLAGS "$(pkg_config --cflags libbsd json-c)"
	variable LIB_LIBS "$(pkg_config --libs libbsd json-c)"
	variable DAEMON_CFLAGS "$(pkg_config --cflags libsystemd libseccomp libcap-ng)"
	variable DAEMON_LIBS "$(pkg_config --libs libsystemd libseccomp libcap-ng)"
}

choose_libfuse "$1"
mkdir -p "$(dirname "$3")"
readonly new=$3.$$ # another make may write it at the same time
write_config >"$new"
contrib/build/libcxl.sh "$2" >>"$new"
mv "$new" "$3"
say "$fuse_kind"
