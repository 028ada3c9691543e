#!/bin/bash
# The adapter is reset every 100 ms under verified I/O and a git clone: no error, no wrong byte.
# matrix: full
# timeout: 300
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_tools fio git

readonly ADAPTER=$STORE/adapter
expect_log 'adapter was reset'

fault() { "$CXLFSADM" emul fault "$ADAPTER" "$@"; }
resets() { "$CXLFSADM" emul status "$ADAPTER" | sed -n 's/^adapter .*, \([0-9]*\) resets.*/\1/p'; }

verified_io() {
	(cd "$WORK" && fio --name="$1" --directory="$MNT" --size=32m --bsrange=4k-128k --rw=randwrite \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --numjobs=2 --group_reporting \
		--verify_state_save=0 "${@:2}" >"$WORK/fio-$1.log" 2>&1) || {
		cat "$WORK/fio-$1.log" >&2
		fail "fio $1"
	}
}

start_volume
git init -q "$WORK/source"
cp -r "$ROOT/src" "$WORK/source/"
(cd "$WORK/source" && git add -A && git -c user.name=t -c user.email=t@t commit -qm all)

for kind in eeh host; do
	fault add "every=100ms action=reset kind=$kind" >/dev/null
	verified_io "direct-$kind" --direct=1 --ioengine=libaio --iodepth=16
	verified_io "buffered-$kind" --fsync=16
	git clone -q "$WORK/source" "$MNT/clone-$kind"
	git -C "$MNT/clone-$kind" fsck --full 2>"$WORK/fsck"
	fault clear >/dev/null
	diff -r "$WORK/source/src" "$MNT/clone-$kind/src"
done
grep -q "adapter was reset" "${DAEMON_LOG[$MNT]}" || fail "nothing in the log"
[ "$(resets)" -gt 5 ] || fail "only $(resets) resets"
say "$(resets) resets survived"
finish
