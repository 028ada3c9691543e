#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# If a device cannot be used, cxlfs prints one line and leaves nothing attached.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"

refused() { must_fail "$1" "$CXLFS" -f "$2" "$MNT"; }

"$CXLFSADM" lun disable all >/dev/null
refused 'legacy.*lun enable' /dev/sda
refused 'legacy.*lun enable' /dev/sg0
"$CXLFSADM" lun enable all >/dev/null
refused 'not a SCSI disk' /dev/null
truncate -s 1M "$WORK/file"
refused 'not a device node' "$WORK/file"
refused 'No such file' /dev/sdz
mkdir /dev/disk/ /dev/disk/by-id
ln -s ../../sda /dev/disk/by-id/scsi-3600507680ca91f1a5000000000005100
ln -s ../../sg1 /dev/disk/by-id/lun-b
for device in /dev/disk/by-id/*; do
	mount_lun "$device"
	echo content >"$MNT/file"
	same "$(cat "$MNT/file")" content
	stop_volume
done

say "nobody may take a LUN away from a volume"
mount_lun
echo content >"$MNT/file"
must_fail "cxlfs \(pid ${DAEMON[$MNT]}\)" "$CXLFSADM" lun disable /dev/sda
stop_volume

say "no rights"
chmod 755 "$WORK"
install -m 755 "$CXLFS" "$WORK/cxlfs"
must_fail 'permission' setpriv --reuid=65534 --clear-groups "$WORK/cxlfs" -f /dev/sda "$MNT"
finish_lun
