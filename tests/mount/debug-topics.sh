#!/bin/bash
# With debug=, each topic prints what its part of cxlfs does; without debug= none of them does.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

readonly ADAPTER=$STORE/adapter
log=

logged() { grep -Eq "^cxlfs: $1" "$log"; }
write_one() { dd if=/dev/zero of="$MNT/$1" bs=4k count=1 oflag=direct status=none; }

# use_volume: reach the limit of inodes, grow and delete a file, and fail one read.
use_volume() {
	log=${DAEMON_LOG[$MNT]}
	write_one a
	: >"$MNT/b"
	must_errno "No space left" touch "$MNT/c"
	"$CXLFSADM" emul fault "$ADAPTER" add "at=read times=1 action=medium" >/dev/null
	must_errno "Input/output error" dd if="$MNT/a" of=/dev/null bs=4k iflag=direct status=none
	rm "$MNT/a"
}

expect_log '^cxlfs: (fs|tree|data|superpipe|emul|daemon): '
start_volume "" max_inodes=3,pack=0,debug=all
use_volume
for line in 'tree: no new inode: No space left on device' \
	'data: LUN 0: open a vLUN: ok' \
	'data: LUN 0: file grows from 0 to 1 chunks' \
	'data: read of 1 blocks at LBA 0 \(file block 0\): Input/output error' \
	'emul: LUN 0, port 0: attach: ok' \
	'emul: fault: at=read .*action=medium'; do
	logged "$line" || fail "not in the log: $line"
done
wait_until "the deleted file's vLUN is closed" logged 'data: LUN 0: close a vLUN'
stop_volume

start_volume "" max_inodes=3
use_volume
stop_volume
! logged '(tree|data|emul): ' || fail "logged without debug="
finish
