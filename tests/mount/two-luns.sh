#!/bin/bash
# Two mounts on two LUNs of one adapter, and two on the same LUN, are separate volumes.
# matrix: adapter
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

adapter=$(join "emul:$STORE/adapter" "$CXLFS_TEST_ADAPTER" luns=2,size=4G)
mkdir "$WORK/a" "$WORK/b" "$WORK/c"
head -c 20000000 /dev/urandom >"$WORK/data-a"
head -c 20000000 /dev/urandom >"$WORK/data-b"

start_daemon "$adapter,lun=0" "$WORK/a"
note_adapter "$STORE/adapter"
start_daemon "$adapter,lun=1" "$WORK/b"
start_daemon "emul:$STORE/adapter,lun=1" "$WORK/c"
copies=()
for name in a b c; do
	cp "$WORK/data-${name/c/a}" "$WORK/$name/file" &
	copies+=($!)
done
for copy in "${copies[@]}"; do
	wait "$copy"
done
sync "$WORK/a/file" "$WORK/b/file" "$WORK/c/file"
cmp "$WORK/data-a" "$WORK/a/file"
cmp "$WORK/data-b" "$WORK/b/file"
cmp "$WORK/data-a" "$WORK/c/file"

# The others go on when one ends.
stop_volume "$WORK/b"
cmp "$WORK/data-a" "$WORK/a/file"
cmp "$WORK/data-a" "$WORK/c/file"
cp "$WORK/data-b" "$WORK/a/more"
cmp "$WORK/data-b" "$WORK/a/more"
finish
