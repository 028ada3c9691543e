#!/bin/bash
# Compiles this project on the volume; a second make finds nothing to do.
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_tools make gcc

start_volume
mkdir "$MNT/project" "$MNT/project/build"
cd "$ROOT" || fail "cd"
cp -a Makefile contrib src "$MNT/project"
for made in build/deps build/libfuse build/config-*.mk; do
	[ ! -e "$made" ] || cp -a "$made" "$MNT/project/build"
done
cd "$MNT/project" || fail "cd"
# Independent of the make that may have started this test.
plain_make() { env -u MAKEFLAGS -u MFLAGS -u LIBFUSE -u MAKELEVEL -u BUILD make CFLAGS="-O0 -g0" "$@"; }
plain_make -j2 all >"$WORK/make.log" 2>&1 || {
	tail -n 20 "$WORK/make.log" >&2
	fail "make"
}
build/release/cxlfs -V
! plain_make all | grep -E '^  (CC|AR|LINK) ' || fail "make makes again what it just made"
finish
