#!/bin/bash
# Lines in fstab and the example of a mount unit: order, a missing adapter, automount, a crash, a shutdown
# while the volumes are in use.
# timeout: 1200
# shellcheck source=boot.sh
. "$(dirname "$0")/boot.sh"

prepare() {
	mkdir -p /strict /scratch /auto /missing /mnt/cxlfs
	cat >>/etc/fstab <<-'END'
		emul:/var/lib/strict  /strict   fuse.cxlfs  noatime  0 0
		emul:/var/lib/scratch /scratch  fuse.cxlfs  nofail,noatime,mode=1777,x-systemd.mount-timeout=60  0 0
		emul:/var/lib/auto    /auto     fuse.cxlfs  noauto,nofail,x-systemd.automount  0 0
		/dev/disk/by-id/wwn-0x0 /missing fuse.cxlfs nofail,x-systemd.device-timeout=5  0 0
	END
	cp /usr/share/doc/cxlfs/examples/mnt-cxlfs.mount /etc/systemd/system/
	enable mnt-cxlfs.mount
}

crash() {
	kill -9 "$(daemon_of /scratch)"
	wait_until "the daemon is gone" eval '! daemon_of /scratch | grep -q .'
	must_be_dead /scratch
	systemctl restart scratch.mount
	use /scratch
}

check() {
	systemctl --no-pager list-units --failed
	before strict.mount local-fs.target
	use /strict
	wait_until "scratch.mount" state_is scratch.mount active
	use /scratch
	same "$(stat -c %a /scratch)" 1777 "the mode of /scratch"
	before mnt-cxlfs.mount multi-user.target
	use /mnt/cxlfs
	must_be missing.mount inactive
	same "$(property missing.mount Result)" success "the result of the missing adapter's mount"
	must_be auto.automount active
	must_be auto.mount inactive
	ls /auto >/dev/null
	must_be auto.mount active
	use /auto
	crash
	systemctl stop auto.mount
	! is_volume /auto || fail "/auto is still mounted"
	hold /strict
	hold /scratch
}

after() {
	grep -aq 'umount: /strict: target is busy' "$share/console" || fail "the volume was not in use"
}

boot_main "$@"
