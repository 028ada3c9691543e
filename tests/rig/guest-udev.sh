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
sed "s,@SBINDIR@/cxlfsadm,$CXLFSADM," "$ROOT/contrib/udev/60-cxlfs.rules.in" \
	>/run/udev/rules.d/60-cxlfs.rules
sed -n "2,\$s/^#\(ATTRS.*naa\.\)[0-9a-f]*/\1$wwid/p" "$ROOT/contrib/examples/59-cxlfs-luns.rules" |
	head -n 1 >/run/udev/rules.d/59-cxlfs-luns.rules
grep -q "$wwid" /run/udev/rules.d/59-cxlfs-luns.rules
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
