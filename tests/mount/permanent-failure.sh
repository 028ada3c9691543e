#!/bin/bash
# After the adapter has failed permanently, requests that need it fail with EIO at once, and unmounting works.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

expect_log 'failed for good'
start_volume
head -c 1000000 /dev/urandom >"$MNT/file"
"$CXLFSADM" emul fault "$STORE/adapter" fail
must_errno "Input/output error" dd if="$MNT/file" of=/dev/null bs=64k iflag=direct
must_errno "Input/output error" dd if=/dev/zero of="$MNT/file" bs=64k count=1 oflag=direct
must_errno "Input/output error" dd if=/dev/zero of="$MNT/new" bs=64k count=1 oflag=direct
# df notices that no handle can be had any more.
stat -f "$MNT" >/dev/null
must_errno "Input/output error" touch "$MNT/another"
ls -l "$MNT" >/dev/null
rm "$MNT/file"
grep -q 'failed for good' "${DAEMON_LOG[$MNT]}" || fail "nothing in the log"
finish
