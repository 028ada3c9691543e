#!/bin/bash
# The build finds a stand-in for IBM's libcxl, and rejects headers and libraries that only have its
# name.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
: "${CC:=cc}"
export CC

# stand_in NAME [DEFINE...]: makes a header and a static library in $dir/NAME.
stand_in() {
	local name=$1
	shift
	mkdir -p "$dir/$name"
	cp tests/fake/libcxl/*.h "$dir/$name/"
	$CC -std=gnu11 -D_GNU_SOURCE "$@" -c -o "$dir/$name/libcxl.o" \
		tests/fake/libcxl/fake_libcxl.c
	ar rcs "$dir/$name/libcxl.a" "$dir/$name/libcxl.o"
}

# choose WHERE auto|yes|no: prints the make variables.
choose() {
	CPPFLAGS="${CPPFLAGS:-} -I$dir/$1" LDFLAGS="${LDFLAGS:-} -L$dir/$1" \
		contrib/build/libcxl.sh "$2" 2>"$dir/said"
}

wrong=0
expect() { # WHAT ACTUAL WANTED
	[ "$2" = "$3" ] && return
	echo "$1: '$2', not '$3'"
	wrong=1
}
said() { sed 's/^[^:]*: //' "$dir/said"; }

readonly FOUND='LIBCXL_CFLAGS := -DHAVE_LIBCXL
LIB_LIBS += -lcxl'

stand_in ibm
expect "libcxl there" "$(choose ibm auto)" "$FOUND"
expect "libcxl there, what is said" "$(said)" "IBM libcxl"
expect "libcxl wanted" "$(choose ibm yes)" "$FOUND"
expect "libcxl not wanted" "$(choose ibm no)" ""
expect "libcxl not wanted, what is said" "$(said)" "system calls"

# A header, and a library, without the function that makes a handle from fd2.
stand_in old_header
sed -i '/cxl_afu_fd_to_h/d' "$dir/old_header/libcxl.h"
stand_in old_library -Dcxl_afu_fd_to_h=something_else
# For Compute Express Link: another path of the header, the same name of the library.
stand_in express_link -Dcxl_afu_fd_to_h=something_else
mkdir "$dir/express_link/cxl"
mv "$dir"/express_link/*.h "$dir/express_link/cxl/"
mkdir "$dir/nothing"

# Proves nothing on a machine where the compiler finds IBM's library anyway.
if [ -z "$(choose nothing auto)" ]; then
	for where in old_header express_link nothing; do
		expect "$where" "$(choose $where auto)" ""
		expect "$where, what is said" "$(said)" "system calls (no IBM libcxl found)"
		! choose $where yes >/dev/null || expect "$where, wanted" found "not found"
	done
fi
expect "old_library" "$(choose old_library auto)" ""
! choose ibm maybe >/dev/null || expect "a wrong choice" taken refused

# make_with WHERE LIBCXL: prints the commands that build the archive of the layers.
make_with() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -n V=1 B="$dir/build" \
		CONFIG="$dir/config-$1-$2.mk" LIBCXL="$2" \
		CPPFLAGS="-I$dir/$1" LDFLAGS="-L$dir/$1" "$dir/build/libcxlfs.a" 2>"$dir/said"
}

make_with ibm auto >"$dir/made"
for file in kernel kernel_libcxl; do
	grep -q "HAVE_LIBCXL.* src/devport/$file.c" "$dir/made" || expect "make: $file.c" without with
done
grep -q ': IBM libcxl$' "$dir/said" || expect "what make says" "$(cat "$dir/said")" "IBM libcxl"
make_with ibm no >"$dir/made"
! grep 'HAVE_LIBCXL\|kernel_libcxl' "$dir/made" || expect "make LIBCXL=no" with without
! make_with express_link yes >"$dir/made" || expect "make LIBCXL=yes" success failure
exit $wrong
