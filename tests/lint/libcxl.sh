#!/bin/bash
# IBM's libcxl is found where it is, and only there: on a stand-in for it, on headers and libraries
# that merely have its name.
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
: "${CC:=cc}"
export CC

# stand_in NAME [DEFINE...]: a header and a static library in $dir/NAME.
stand_in() {
	local name=$1
	shift
	mkdir -p "$dir/$name"
	cp tests/fake/libcxl/*.h "$dir/$name/"
	$CC -std=gnu11 -D_GNU_SOURCE "$@" -c -o "$dir/$name/libcxl.o" \
		tests/fake/libcxl/fake_libcxl.c
	ar rcs "$dir/$name/libcxl.a" "$dir/$name/libcxl.o"
}

# choose WHERE auto|yes|no: the variables on standard output.
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

# A header without the function that makes a handle of fd2; a library without it.
stand_in old_header
sed -i '/cxl_afu_fd_to_h/d' "$dir/old_header/libcxl.h"
stand_in old_library -Dcxl_afu_fd_to_h=something_else
# Compute Express Link's: the header is elsewhere, the library has the same name.
stand_in express_link -Dcxl_afu_fd_to_h=something_else
mkdir "$dir/express_link/cxl"
mv "$dir"/express_link/*.h "$dir/express_link/cxl/"
mkdir "$dir/nothing"

# Tells nothing on a machine that has the library where the compiler looks anyway.
if [ -z "$(choose nothing auto)" ]; then
	for where in old_header express_link nothing; do
		expect "$where" "$(choose $where auto)" ""
		expect "$where, what is said" "$(said)" "system calls (no IBM libcxl found)"
		! choose $where yes >/dev/null || expect "$where, wanted" found "not found"
	done
fi
expect "old_library" "$(choose old_library auto)" ""
! choose ibm maybe >/dev/null || expect "a wrong choice" taken refused

# make_with WHERE LIBCXL: what make would do for the layers' archive.
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
