#!/bin/bash
# One volume on two LUNs of an adapter has a context for each and uses the space of both. A reset
# while both are in use is a pause.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts
expect_log 'adapter was reset'

adapter=$(join "emul:$STORE/adapter" "$CXLFS_TEST_ADAPTER" luns=2,size=1G)
start_daemon "$adapter,lun=0,emul:$STORE/adapter,lun=1" "$MNT"
note_adapter "$STORE/adapter"
same "$(stat -f -c '%b' "$MNT")" $(((2 << 30) / 4096)) "blocks of both LUNs"
"$CXLFSADM" emul status "$STORE/adapter" >"$WORK/status"
same "$(grep -c '^context' "$WORK/status")" 2 "contexts"
same "$(grep -c '^context .*, 1 luns' "$WORK/status")" 2 "contexts with one LUN"

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

"$CXLFSADM" emul fault "$STORE/adapter" add "at=command every=2000 times=4 action=reset kind=eeh" >/dev/null
copies=()
for i in 1 2 3 4 5 6; do
	dd if="$WORK/data-$i" of="$MNT/again-$i" bs=1M oflag=direct status=none &
	copies+=($!)
done
for copy in "${copies[@]}"; do
	wait "$copy" || fail "a copy failed during resets"
done
for i in 1 2 3 4 5 6; do
	cmp "$WORK/data-$i" "$MNT/again-$i"
done
for lun in 0 1; do
	grep -q "lun=$lun: the adapter was reset; the context was recovered" "${DAEMON_LOG[$MNT]}" ||
		fail "the log has no recovery of LUN $lun"
done
rm "$MNT"/again-*
stop_volume

# The same LUN cannot be used twice in one volume.
status=0
"$CXLFS" "emul:$STORE/adapter,lun=1,emul:$STORE/adapter,lun=1" "$MNT" 2>"$WORK/message" || status=$?
[ $status != 0 ] || fail "one LUN twice in one volume"
grep -q "the same LUN" "$WORK/message" || fail "$(cat "$WORK/message")"

# A LUN of another adapter is refused.
status=0
"$CXLFS" "emul:$STORE/adapter,emul:$STORE/stranger,size=1G" "$MNT" 2>"$WORK/message" || status=$?
[ $status != 0 ] || fail "two adapters in one volume"
grep -q "not on the same adapter" "$WORK/message" || fail "$(cat "$WORK/message")"
is_mounted "$MNT" && fail "still mounted"
finish
