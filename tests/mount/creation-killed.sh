#!/bin/bash
# If cxlfs is killed while it creates an adapter, the next try succeeds or reports why not.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

for i in $(seq 0 40); do
	timeout -s KILL "0.$(printf %04d $((i * 5)))" \
		"$CXLFSADM" emul create "$STORE/adapter,luns=4,size=64G" >/dev/null 2>&1 || true
	start_volume luns=4,size=64G
	echo "$i" >"$MNT/file"
	same "$(cat "$MNT/file")" "$i"
	stop_volume
	rm -r "$STORE/adapter"
done
finish
