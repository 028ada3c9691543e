#!/bin/bash
# One volume on two LUNs of an adapter has one context and uses the space of both.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

adapter=$(join "emul:$STORE/adapter" "$CXLFS_TEST_ADAPTER" luns=2,size=1G)
start_daemon "$adapter,lun=0,emul:$STORE/adapter,lun=1" "$MNT"
note_adapter "$STORE/adapter"
same "$(stat -f -c '%b' "$MNT")" $(((2 << 30) / 4096)) "blocks of both LUNs"
same "$("$CXLFSADM" emul status "$STORE/adapter" | grep -c '^context')" 1 "contexts"

for i in 1 2 3 4 5 6; do
	head -c 20000000 /dev/urandom >"$WORK/data-$i"
	cp "$WORK/data-$i" "$MNT/data-$i"
done
for i in 1 2 3 4 5 6; do
	cmp "$WORK/data-$i" "$MNT/data-$i"
done
"$CXLFSADM" emul status "$STORE/adapter" >"$WORK/status"
grep -q '^lun 0: .*virtual, [1-9]' "$WORK/status" || fail "nothing on LUN 0"
grep -q '^lun 1: .*virtual, [1-9]' "$WORK/status" || fail "nothing on LUN 1"
rm "$MNT"/data-*
stop_volume

# A LUN of another adapter is refused.
status=0
"$CXLFS" "emul:$STORE/adapter,emul:$STORE/stranger,size=1G" "$MNT" 2>"$WORK/message" || status=$?
[ $status != 0 ] || fail "two adapters in one volume"
grep -q "not on the same adapter" "$WORK/message" || fail "$(cat "$WORK/message")"
is_mounted "$MNT" && fail "still mounted"
finish
