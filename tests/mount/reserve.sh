#!/bin/bash
# With reserve=, the last part of a volume is for root: others get ENOSPC before, and df says so.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_tools setpriv

shows() { df --output="$1" -B1 "$MNT" | tail -n 1 | tr -d ' '; }
is() { [ "$(shows "$1")" = "$2" ]; }
remount() { "$CXLFS" "$DEVICE" "$MNT" -o "remount,$1"; }
refused() { must_fail "$1" "$CXLFS" "$DEVICE" "$MNT" -o "remount,$2"; }
as_user() { setpriv --reuid 12345 --regid 12345 --clear-groups "$@"; }
with_capability() { as_user --inh-caps +sys_resource --ambient-caps +sys_resource "$@"; }
DEVICE=emul:$ADAPTER,bs=512,size=1G
blocks_free() { stat -f -c %f "$MNT"; }
are_free() { [ "$(blocks_free)" = "$1" ]; }

start_volume bs=512,size=1G size=64M,reserve=10%,mode=1777
same "$(shows size)" $((64 << 20)) "size"
same "$(shows avail)" $(((64 << 20) - 6709248)) "available"
same "$(blocks_free)" $((64 << 8)) "free blocks"
remount reserve=1M
same "$(shows avail)" $((63 << 20)) "available"

# A user gets all but the reserve, to the block.
must_errno "No space left" as_user dd if=/dev/zero of="$MNT/large" bs=1M status=none
same "$(stat -c %s "$MNT/large")" $((63 << 20)) "the file that fills the volume"
same "$(shows avail)" 0 "available"
same "$(shows pcent)" "100%" "used"
must_errno "No space left" as_user bash -c "echo 1 >'$MNT/small'"
must_errno "No space left" as_user fallocate -l 1 "$MNT/small"
must_errno "No space left" as_user cp --sparse=never "$ROOT/README.md" "$MNT/copy"

# What has its place can be written again, and what is freed used again.
as_user dd if=/dev/zero of="$MNT/large" bs=1M count=2 conv=notrunc status=none
as_user truncate -s 62M "$MNT/large"
wait_until "1 MiB is free" is avail $((1 << 20))
as_user fallocate -l 1M "$MNT/small"
must_errno "No space left" as_user fallocate -l $(((1 << 20) + 1)) "$MNT/small"

# The rest is for root, and for those with the capability, which root of a container may lack.
head -c 512K /dev/zero >"$MNT/root"
privileged=with_capability
with_capability true 2>/dev/null || privileged=
$privileged dd if=/dev/zero of="$MNT/privileged" bs=256K count=1 status=none
same "$(blocks_free)" 64 "free blocks"
must_errno "No space left" as_user bash -c "echo 1 >'$MNT/other'"
must_errno "No space left" dd if=/dev/zero of="$MNT/root" bs=64K oflag=append conv=notrunc status=none
same "$(blocks_free)" 0 "free blocks"

rm "$MNT/root" "$MNT/privileged"
wait_until "768 KiB and 256 KiB are free" are_free 256
remount reserve=0
as_user bash -c "echo 1 >'$MNT/other'"
refused "reserve is larger than the volume" reserve=2G
refused "reserve is larger than the volume" size=64M,reserve=70M
same "$(shows size)" $((64 << 20)) "size after a refusal"
refused "option reserve=101% is not a percentage" reserve=101%
refused "option reserve=%" reserve=%
refused "option reserve=abc is not a size" reserve=abc
stop_volume

must_fail "reserve is larger than the volume" "$CXLFS" "$DEVICE" "$MNT" -o reserve=2G
finish
