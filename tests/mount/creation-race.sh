#!/bin/bash
# Daemons that create the same adapter at the same time end up with one adapter.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_mounts

mkdir "$WORK"/{0,1,2,3}
note_adapter "$STORE/adapter"
for lun in 0 1 2 3; do
	launch_daemon "emul:$STORE/adapter,luns=4,size=4G,lun=$lun" "$WORK/$lun"
done
for lun in 0 1 2 3; do
	wait_for_mount "$WORK/$lun"
	echo "$lun" >"$WORK/$lun/file"
done
for lun in 0 1 2 3; do
	same "$(cat "$WORK/$lun/file")" "$lun"
done
finish
