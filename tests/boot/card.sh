#!/bin/bash
# The real driver: udev switches the LUNs to superpipe mode before a line in fstab and the service mount
# them, however late they appear.
# timeout: 1200
# shellcheck source=boot.sh
. "$(dirname "$0")/boot.sh"

# /dev/sda, sdb and sdc are LUNs 0 to 2 through the first port.  Here udev needs 5 seconds for a disk.
prepare() {
	mkdir -p /fstab /service /etc/udev/rules.d
	mount -t sysfs sysfs /sys
	cat /sys/block/sd*/device/wwid
	echo "/dev/sda  /fstab  fuse.cxlfs  nofail,noatime  0 0" >>/etc/fstab
	printf 'DEVICE=/dev/sdb,/dev/sdc\nMOUNTPOINT=/service\n' >/etc/cxlfs/service.conf
	sed -n '1,/^$/p' /usr/share/doc/cxlfs/examples/59-cxlfs-luns.rules >/etc/udev/rules.d/59-cxlfs-luns.rules
	cat /sys/block/sd*/device/wwid | sort -u |
		sed 's/.*/ATTRS{wwid}=="&", ENV{CXLFS_SUPERPIPE}="1"/' >>/etc/udev/rules.d/59-cxlfs-luns.rules
	echo 'KERNEL=="sd*", PROGRAM="/bin/sleep 5"' >/etc/udev/rules.d/10-slow.rules
	umount /sys
	enable cxlfs@service
}

check() {
	cxlfsadm lun list
	wait_until "fstab.mount" state_is fstab.mount active
	before dev-sda.device fstab.mount
	use /fstab
	must_be cxlfs@service active
	before dev-sdb.device cxlfs@service.service
	before dev-sdc.device cxlfs@service.service
	use /service
	hold /fstab
}

boot_main "$@"
