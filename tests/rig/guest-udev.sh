#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The udev rule in contrib/udev switches the LUNs that it names, and no others.
# timeout: 3600
# shellcheck source=guest.sh
. "$(dirname "$0")/guest.sh"
udevd=/lib/systemd/systemd-udevd
[ -x $udevd ] || skip "udev is not installed"
need_tools udevadm

"$CXLFSADM" lun disable all >/dev/null
wwid=$("$CXLFSADM" lun list --json | sed -n 's/.*"wwid": "\(.*\)".*/\1/p' | tail -n 1)
mkdir -p /run/udev/rules.d
sed -e "s,^# The LUNs.*,ATTRS{wwid}==\"naa.$wwid\"\, ENV{CXLFS_SUPERPIPE}=\"1\"," \
	-e "s,/usr/local/sbin/cxlfsadm,$CXLFSADM," "$ROOT/contrib/udev/60-cxlfs.rules" \
	>/run/udev/rules.d/60-cxlfs.rules
grep -q "$wwid" /run/udev/rules.d/60-cxlfs.rules
mount -t tmpfs tmpfs /lib/udev/rules.d
$udevd --daemon
udevadm trigger --action=add --subsystem-match=block
udevadm settle --timeout=30
udevadm control --exit
umount /lib/udev/rules.d

"$CXLFSADM" lun list >"$WORK/list"
same "$(grep -c superpipe "$WORK/list")" 1 "LUNs in superpipe mode"
grep superpipe "$WORK/list" | grep -q "$wwid" || fail "not the LUN that the rule names"
finish_lun
