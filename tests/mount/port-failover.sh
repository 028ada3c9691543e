#!/bin/bash
# A LUN that is enabled on two ports needs only one of them: the adapter takes the other when a link
# goes down, also with commands in flight.  A whole LUN uses one port.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

fault() { "$CXLFSADM" emul fault "$STORE/adapter" add "at=command $*" >/dev/null; }

# read_ms FILE: read and compare it, and set $took to the milliseconds.
read_ms() {
	local start=${EPOCHREALTIME/./}
	dd if="$1" bs=1M count=40 iflag=direct status=none | cmp "$WORK/data"
	took=$(((${EPOCHREALTIME/./} - start) / 1000))
}

start_volume ports=2
head -c 40M /dev/urandom >"$WORK/data"
for down in 0 1; do
	fault "n=3000 action=link-down port=$down"
	dd if="$WORK/data" of="$MNT/file" bs=1M iflag=fullblock oflag=direct status=none
	read_ms "$MNT/file"
	fault "n=1 action=link-up port=$down"
	read_ms "$MNT/file"
done

# With no link at all requests wait until there is one.
fault "n=1 action=link-down port=0"
read_ms "$MNT/file"
fault "n=100 action=link-down port=1 ms=700"
read_ms "$MNT/file"
[ "$took" -ge 650 ] || fail "reading took $took ms while all links were down for 700"
fault "n=1 action=link-up port=0"
read_ms "$MNT/file"
"$CXLFSADM" status "$MNT" >"$WORK/status"
grep -Eq '^  LUN 0 ports: 0 (\(in use\) )?[1-9][0-9]* commands, 1 (\(in use\) )?[1-9][0-9]* commands, [2-9] changes$' \
	"$WORK/status" || fail "status does not show the ports: $(cat "$WORK/status")"
"$CXLFSADM" metrics >"$WORK/metrics"
grep -q "^cxlfs_port_commands_total{mountpoint=\"$MNT\",lun=\"0\",port=\"1\"} [1-9]" "$WORK/metrics" ||
	fail "metrics do not show the ports"
stop_volume

# The port of a whole LUN is that of its disk, here the first.
start_volume ports=2 physical
dd if="$WORK/data" of="$MNT/lun0" bs=1M oflag=direct conv=notrunc status=none
fault "n=10 action=link-down port=0 ms=700"
read_ms "$MNT/lun0"
[ "$took" -ge 650 ] || fail "reading a whole LUN took $took ms while its link was down for 700"
fault "n=1 action=link-down port=1"
read_ms "$MNT/lun0"
finish
