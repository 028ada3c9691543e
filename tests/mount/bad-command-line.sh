#!/bin/bash
# A wrong command line gives one line of error and a non-zero status; nothing is mounted or created.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

device=emul:$STORE/adapter

refused() {
	local regex=$1
	shift
	must_fail "$regex" "$CXLFS" "$@"
	! is_mounted "$MNT" || fail "mounted: $*"
	[ ! -e "$STORE/adapter" ] || fail "an adapter was made: $*"
}

refused 'device'
refused 'no device' '' "$MNT"
refused 'mountpoint' "$device"
refused 'unexpected.*extra' "$device" "$MNT" extra
refused 'unknown.*-x' -x "$device" "$MNT"
refused 'unknown.*--no-such' --no-such "$device" "$MNT"
for option in bogus threads=x threads=0 threads=-1 threads=99999999999999999999 threads= \
	ring_depth=none queue_depth=0 busy_poll=1s max_inodes=many uid=root uid=-1 gid=4294967296 pack=much pack=-1 \
	stripe=4K stripe=96K \
	mode=999 mode= debug=nonsense debug=; do
	refused "$option" "$device" "$MNT" -o "$option"
	refused "$option" -f "$device" "$MNT" -o "nosuid,$option"
done

for option in bogus luns=0 luns=x luns=65 luns= size=0 size=4 size=-1G size=1X size=1GG \
	size=99999999999999999999 size=99999999P size= bs=1000 bs=0 mode=fast handles=0 \
	handles=15 handles=4097 handles=1e3 ports=0 ports=5 ctx=0 ctx=100000 lun=1 lun=-1 \
	lun=99999999999 seed=x latency=soon riops=-5 irq=never; do
	refused "${option%%=*}" "$device,$option" "$MNT"
	refused "${option%%=*}" -f "$device,$option" "$MNT"
done
refused '' "emul:" "$MNT"
refused '' "emul:$STORE/missing/parent" "$MNT"
refused '' "nonsense" "$MNT"

refused 'No such file' "$device" "$WORK/missing"
: >"$WORK/file"
refused 'not a directory' "$device" "$WORK/file"
refused '' "$device" ""
refused 'No such file' /dev/no-such-device "$MNT"
refused '' /dev/null "$MNT"
refused '' "$WORK/file" "$MNT"
refused '' "$WORK" "$MNT"

must_fail "^cxlfsadm: unknown command 'nonsense'" "$CXLFSADM" nonsense
must_fail "^cxlfsadm: unknown command 'emul nonsense'" "$CXLFSADM" emul nonsense x
must_fail "^cxlfsadm: unknown command 'nonsense'" "$CXLFSADM" nonsense x
finish
