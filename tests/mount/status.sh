#!/bin/bash
# cxlfsadm status shows every mount, as text and as JSON, also while the adapter resets; the socket is
# only its owner's, and a dead daemon is recognised.
# timeout: 180
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3 setpriv

socket_of() { stat -c '/run/cxlfs/%Hd:%Ld' "$1"; }

# status MOUNTPOINT EXPRESSION: evaluates Python on the JSON, which is s.
status() {
	timeout 10 "$CXLFSADM" status --json "$1" >"$WORK/status.json" || fail "status of $1"
	python3 -c "import json; s = json.load(open('$WORK/status.json')); print($2)"
}

start_daemon "emul:$(join "$ADAPTER" size=4G luns=2 lun=0),emul:$ADAPTER,lun=1" "$MNT"
note_adapter "$ADAPTER"
second=$WORK/second
mkdir "$second"
start_daemon "emul:$STORE/other,size=2G" "$second" queue_depth=64,writeback
note_adapter "$STORE/other"

# ---- what it says ----
head -c 3000000 /dev/urandom >"$MNT/file"
mkdir "$MNT/dir"
same "$(status "$MNT" 's["version"], s["command"], s["mount"]["mountpoint"]')" "1 status $MNT"
same "$(status "$MNT" 's["daemon"]["pid"]')" "${DAEMON[$MNT]}" pid
same "$(status "$MNT" 's["inodes"]["used"]')" 3 inodes
same "$(status "$MNT" 'len(s["luns"]), s["space"]["chunks"], s["mount"]["mode"]')" "2 32 virtual"
# More when blocks have moved from a segment.
same "$(status "$MNT" 'sum(l["commands"]["writes"] for l in s["luns"]) >= 3000000 / 4096')" True writes
transport=io_uring
[ "$CXLFS_TEST_TRANSPORT" = io_uring ] || transport=/dev/fuse
same "$(status "$MNT" 's["requests"]["transport"]')" $transport transport
same "$(status "$second" 's["luns"][0]["commands"]["queue_depth"], s["mount"]["cache"]')" "64 writeback"
"$CXLFSADM" status "$MNT/dir" >"$WORK/text"
grep -q "^$MNT on emul:" "$WORK/text" || fail "no mount: $(cat "$WORK/text")"
grep -Eq '^ +1 +4G attached (sq|ioarrin) ' "$WORK/text" || fail "no LUN 1: $(cat "$WORK/text")"

# ---- all mounts, other views of one mount ----
"$CXLFSADM" status >"$WORK/text"
for mnt in "$MNT" "$second"; do
	grep -q "^$mnt on " "$WORK/text" || fail "$mnt is not among all mounts"
done
"$CXLFSADM" status --json | python3 -c "
import json, sys
assert {'$MNT', '$second'} <= {s['mount']['mountpoint'] for s in json.load(sys.stdin)}"
mkdir "$WORK/bind"
mount --bind "$MNT/dir" "$WORK/bind"
same "$(status "$WORK/bind" 's["mount"]["mountpoint"]')" "$MNT" "a bind mount"
umount "$WORK/bind"
unshare --mount sh -c "mount --move '$MNT' '$WORK/bind' && '$CXLFSADM' status '$WORK/bind'" >"$WORK/text" ||
	fail "no status from another mount namespace"
grep -q "^$MNT on " "$WORK/text" || fail "another mount namespace: $(cat "$WORK/text")"

# ---- only root ----
same "$(stat -c %u:%a /run/cxlfs "$(socket_of "$MNT")" | tr '\n' ' ')" "0:700 0:600 " "rights"
install -m 755 "$CXLFSADM" "$WORK/cxlfsadm"
must_fail "no cxlfs volume with a control socket for this user" \
	setpriv --reuid=12003 --regid=12003 --clear-groups "$WORK/cxlfsadm" status "$MNT"
must_fail "no cxlfs volume" "$CXLFSADM" status /proc
must_fail "No such file" "$CXLFSADM" status "$WORK/none"
must_fail "usage: cxlfsadm status" "$CXLFSADM" status "$MNT" "$MNT"

# ---- while the adapter resets all the time ----
"$CXLFSADM" emul fault "$ADAPTER" 'every=20ms action=reset kind=eeh'
timeout 100 sh -c "while :; do dd if=/dev/zero of='$MNT/file' bs=1M count=4 oflag=direct; done" 2>/dev/null &
load=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
	status "$MNT" 's["luns"][0]["context"]["recoveries"]' >/dev/null
	sleep 0.1
done
kill $load 2>/dev/null || true
wait $load 2>/dev/null || true
"$CXLFSADM" emul fault "$ADAPTER" clear
expect_log 'the context was recovered, no data is lost$'
recoveries=$(status "$MNT" 'sum(l["context"]["recoveries"] for l in s["luns"])')
[ "$recoveries" -gt 2 ] || fail "$recoveries recoveries"

# ---- a daemon that is gone ----
kill -STOP "${DAEMON[$second]}"
# On a busy machine its threads go on for a moment.
is_stopped() { ! cut -d ')' -f 2 "/proc/${DAEMON[$second]}/task/"*/stat | grep -qv '^ T'; }
wait_until "all threads are stopped" is_stopped
must_fail "the daemon does not answer" "$CXLFSADM" status "$second"
kill -CONT "${DAEMON[$second]}"
stop_volume "$second"
kill -KILL "${DAEMON[$MNT]}"
forget_daemon "$MNT"
must_fail "the daemon has ended" "$CXLFSADM" status "$MNT"
! "$CXLFSADM" status | grep "^$WORK" || fail "a dead volume is listed"
expect_log '^cxlfs: removed a dead mount on '
start_daemon "emul:$ADAPTER" "$MNT"
same "$(status "$MNT" 's["inodes"]["used"]')" 1 "inodes after a new start"
# Afterwards the socket of another volume may have the same name.
socket=$(socket_of "$MNT")
identity() { stat -c '%i %y' "$socket" 2>/dev/null; }
before=$(identity)
stop_volume
[ "$(identity)" != "$before" ] || fail "$socket was left behind"
finish
