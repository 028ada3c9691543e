#!/bin/bash
# `make mount` and `make umount` can be repeated and leave nothing behind.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts

export CXLFS_DEMO_DIR=$STORE/demo CXLFS_DEMO_MNT=$WORK/demo
demo() { "$ROOT/contrib/demo.sh" "$1"; }

demo mount
is_mounted "$WORK/demo" || fail "not mounted"
demo mount
same "$(cat "$WORK/demo/hello")" "kept on an emulated flash card"
demo umount
! is_mounted "$WORK/demo" || fail "still mounted"
demo umount
same "$(ls -A "$STORE")" "" "what is left of the adapter"
[ ! -e "$WORK/demo" ] || fail "the mountpoint is left"
finish
