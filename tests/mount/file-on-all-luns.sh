#!/bin/bash
# One file fills all LUNs of a volume to the last block, and gives everything back.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

free_bytes() {
	stat -f -c '%a' "$MNT"
}

adapter=emul:$STORE/adapter
start_daemon "$adapter,luns=3,size=64M,bs=512,lun=0,$adapter,lun=1,$adapter,lun=2" "$MNT"
note_adapter "$STORE/adapter"
same "$(free_bytes)" $((192 << 8)) "free blocks"

head -c 200M /dev/urandom >"$WORK/data"
dd if="$WORK/data" of="$MNT/file" bs=1M iflag=fullblock oflag=direct 2>"$WORK/message" &&
	fail "200 MiB fit into 192"
grep -q 'No space left' "$WORK/message" || fail "$(cat "$WORK/message")"
same "$(stat -c %s "$MNT/file")" $((192 << 20)) "size of the file"
same "$(free_bytes)" 0 "free blocks when full"
cmp -n $((192 << 20)) "$WORK/data" "$MNT/file" || fail "the file differs"
"$CXLFSADM" emul status "$STORE/adapter" >"$WORK/status"
same "$(grep -c '^lun .*, virtual' "$WORK/status")" 3 "LUNs in use"

truncate -s 32M "$MNT/file"
same "$(free_bytes)" $((160 << 8)) "free blocks after the truncation"
cmp -n $((32 << 20)) "$WORK/data" "$MNT/file" || fail "what is left differs"
fallocate -l 192M "$MNT/file"
same "$(free_bytes)" 0 "free blocks after fallocate"
rm "$MNT/file"
# The kernel says a moment later that it has forgotten the inode.
all_is_free() { [ "$(free_bytes)" = $((192 << 8)) ]; }
wait_until "all blocks are free" all_is_free
finish
