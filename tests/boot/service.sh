#!/bin/bash
# Instances of cxlfs@.service: a missing adapter, a crash, a restart, a shutdown while the volume is in use.
# timeout: 1200
# shellcheck source=boot.sh
. "$(dirname "$0")/boot.sh"

prepare() {
	mkdir -p /scratch /missing
	sed 's,^DEVICE=.*,DEVICE=emul:/var/lib/scratch,' /usr/share/doc/cxlfs/examples/scratch.conf \
		>/etc/cxlfs/scratch.conf
	printf 'DEVICE=/dev/missing\nMOUNTPOINT=/missing\n' >/etc/cxlfs/missing.conf
	enable cxlfs@scratch cxlfs@missing
}

crash() {
	kill -9 "$(property cxlfs@scratch MainPID)"
	wait_until "the service has failed" state_is cxlfs@scratch failed
	same "$(property cxlfs@scratch Result)" signal "the result of the killed service"
	must_be_dead /scratch
	systemctl restart cxlfs@scratch
	must_be cxlfs@scratch active
	use /scratch
}

check() {
	before local-fs.target cxlfs@scratch.service
	before cxlfs@scratch.service multi-user.target
	use /scratch
	cxlfsadm status /scratch
	must_be cxlfs@missing failed
	journalctl -u cxlfs@missing --no-pager -o cat | grep -q '/dev/missing.*No such file' ||
		fail "no message about the missing adapter: $(journalctl -u cxlfs@missing -o cat)"
	crash
	systemctl stop cxlfs@scratch
	! is_volume /scratch || fail "/scratch is still mounted"
	must_be cxlfs@scratch inactive
	systemctl start cxlfs@scratch
	hold /scratch
}

boot_main "$@"
