#!/bin/bash
# With size=, a volume uses no more of its LUN than that, to the last block, and a remount changes it.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root

shows() { df --output="$1" -B1 "$MNT" | tail -n 1 | tr -d ' '; }
is() { [ "$(shows "$1")" = "$2" ]; }
remount() { "$CXLFS" "$DEVICE" "$MNT" -o "remount,$1"; }
refused() { must_fail "$1" "$CXLFS" "$DEVICE" "$MNT" -o "remount,$2"; }
fill() { must_fail "No space left" dd if=/dev/zero of="$1" bs=1M status=none; }

chunk=$((32 << 20))
DEVICE=emul:$ADAPTER,bs=512,size=4G

# Whole chunks: the half is left out.
start_volume bs=512,size=4G size=$((2 * chunk + chunk / 2))
same "$(shows size)" $((2 * chunk)) "size of the volume"
same "$(shows avail)" $((2 * chunk)) "available"
for ((i = 0; i < 100; i++)); do
	head -c 5000 /dev/zero >"$MNT/small-$i"
done
fill "$MNT/large"
same "$(shows avail)" 0 "available on a full volume"
same "$(shows used)" $((2 * chunk)) "used on a full volume"
same "$(stat -c %s "$MNT/large")" $((2 * chunk - 100 * 8192)) "the file that fills the volume"
must_errno "No space left" fallocate -l 1 "$MNT/more"
rm "$MNT/small-7"
fallocate -l 8K "$MNT/more"
must_errno "No space left" fallocate -l 12K "$MNT/more"

# Smaller than what is used: refused, and nothing has changed.
refused "files use chunks of $((2 * chunk >> 20)) MiB in all" size=$chunk
refused "less than a chunk, $((chunk >> 20)) MiB" size=$((chunk - 1))
same "$(shows size)" $((2 * chunk)) "size after a refusal"

# Larger: the same files grow on.
remount size=$((3 * chunk))
same "$(shows size)" $((3 * chunk)) "size after a remount"
same "$(shows avail)" $chunk "available after a remount"
head -c 1M /dev/zero >>"$MNT/large"
same "$(stat -c %s "$MNT/large")" $((2 * chunk - 100 * 8192 + (1 << 20))) "size of the file"

# Space comes back, and then the volume may shrink.
rm "$MNT/large" "$MNT/more"
wait_until "only the small files are left" is used $((99 * 8192))
remount size=$chunk
same "$(shows size)" $chunk "size"
same "$(shows avail)" $((chunk - 99 * 8192)) "available"
fill "$MNT/large"
same "$(stat -c %s "$MNT/large")" $((chunk - 99 * 8192)) "the file that fills the volume"
remount size=0
same "$(shows size)" $((4 << 30)) "size without a limit"

# A limit on the number of files.
inodes=$(df --output=iused "$MNT" | tail -n 1 | tr -d ' ')
refused "there are $inodes files and directories" max_inodes=$((inodes - 1))
remount max_inodes=$((inodes + 2))
same "$(df --output=iavail "$MNT" | tail -n 1 | tr -d ' ')" 2 "inodes available"
touch "$MNT/one"
mkdir "$MNT/two"
must_errno "No space left" touch "$MNT/three"
# All or nothing: the size is fine, the number is not.
refused "max_inodes is too small" size=$((4 * chunk)),max_inodes=2
same "$(shows size)" $((4 << 30)) "size after a refusal"
remount max_inodes=$((inodes + 3))
touch "$MNT/three"

# Only for root and the user who mounted.
if command -v setpriv >/dev/null; then
	must_fail "has no control socket for this user" setpriv --reuid 12345 --regid 12345 --clear-groups \
		"$CXLFS" "$DEVICE" "$MNT" -o remount,size=$((4 * chunk))
	same "$(shows size)" $((4 << 30)) "size after a refusal"
fi
stop_volume

# Without pack, each file takes whole chunks.
start_volume bs=512,size=4G pack=0,size=$((3 * chunk))
echo 1 >"$MNT/one"
echo 2 >"$MNT/two"
must_errno "No space left" fallocate -l $((2 * chunk)) "$MNT/large"
echo 3 >"$MNT/three"
same "$(shows avail)" 0 "available"
must_errno "No space left" bash -c "echo 4 >'$MNT/four'"
refused "files use chunks" size=$((2 * chunk))
rm "$MNT/one"
wait_until "a chunk is free" is avail $chunk
remount size=$((2 * chunk))
same "$(cat "$MNT/two")" 2
stop_volume

must_fail "less than a chunk" "$CXLFS" "$DEVICE" "$MNT" -o size=1M
must_fail "option size=x is not a size" "$CXLFS" "$DEVICE" "$MNT" -o size=x
must_fail "physical and size cannot be combined" "$CXLFS" "$DEVICE" "$MNT" -o physical,size=1G
finish
