#!/bin/bash
# cxlfsadm set and mount -o remount change the same options, all of them or none; status shows what is
# set, and an upgrade keeps it.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_tools python3 setpriv

chunk=$((32 << 20))
DEVICE=emul:$ADAPTER,bs=512,size=4G
set_options() { "$CXLFSADM" set "$MNT" "$@"; }
refused() { must_fail "$1" "$CXLFSADM" set "$MNT" "${@:2}"; }
remount() { "$CXLFS" "$DEVICE" "$MNT" -o "remount,$1"; }
shows() { df --output="$1" -B1 "$MNT" | tail -n 1 | tr -d ' '; }
as_user() { setpriv --reuid 12345 --regid 12345 --clear-groups "$@"; }

# is SIZE RESERVE MAX_INODES MAX_INODES_PER_USER BUSY_POLL DEBUG: what status shows.
is() {
	"$CXLFSADM" status --json "$MNT" >"$WORK/status" || fail "status"
	same "$(python3 -c '
import json, sys
print(*json.load(open(sys.argv[1]))["settings"].values())' "$WORK/status")" "$*" "settings"
}

expect_log '^cxlfs: (tree|data): '
start_volume bs=512,size=4G mode=1777,queue_depth=64,busy_poll=7
is 0 0 0 0 7 none

# ---- all of them at once, by both ways ----
set_options size=$((4 * chunk)) reserve=25% max_inodes=1000 max_inodes_per_user=50 busy_poll=0 debug=tree,data
is $((4 * chunk)) 25.0000% 1000 50 0 tree,data
same "$(shows size) $(shows avail)" "$((4 * chunk)) $((3 * chunk))" "size and available"
same "$(shows itotal)" 1000 "inodes"
set_options debug=none
remount size=1G,reserve=1M,max_inodes=2000,max_inodes_per_user=60,busy_poll=3
is $((1 << 30)) $((1 << 20)) 2000 60 3 none
same "$(shows size) $(shows itotal)" "$((1 << 30)) 2000" "size and inodes"
remount size=0,reserve=0,max_inodes=0,max_inodes_per_user=0,busy_poll=7
is 0 0 0 0 7 none
same "$(shows size)" $((4 << 30)) "size"

# ---- the limit of a user comes while there are files ----
for i in 1 2 3 4; do
	as_user touch "$MNT/$i"
done
set_options max_inodes_per_user=3
must_errno "Disk quota exceeded" as_user touch "$MNT/5"
touch "$MNT/root-$i"
as_user rm "$MNT/1" "$MNT/2"
wait_until "the kernel has forgotten a file" as_user touch "$MNT/5"
must_errno "Disk quota exceeded" as_user touch "$MNT/6"

# ---- all or nothing ----
refused "size is less than a chunk" max_inodes=77 busy_poll=1 size=1M
refused "max_inodes is too small: there are 5 " size=1G max_inodes=2
refused "option reserve=101% is not a percentage" size=1G reserve=101%
refused "option debug=fs,nonsense names an unknown category" size=1G debug=fs,nonsense
refused "option queue_depth=32: $MNT was mounted without it" size=1G queue_depth=32
refused "unknown option 'bogus=1'" size=1G bogus=1
refused "'--debug=all' is not a mount option" size=1G --debug=all
refused "'-o=ro' is not a mount option" -o=ro
must_fail "usage: cxlfsadm set" "$CXLFSADM" set "$MNT" ro
set_options queue_depth=64 max_inodes=99
is 0 0 99 3 7 none
as_user rm "$MNT/3"
must_fail "has no control socket for this user" setpriv --reuid 12345 --regid 12345 --clear-groups \
	"$CXLFS" "$DEVICE" "$MNT" -o remount,size=1G
must_errno "cannot change it to emul:/other" "$CXLFS" emul:/other "$MNT" -o remount,size=1G

# A remount whose flags the kernel refuses takes the options back.
exec 8>"$MNT/open"
must_fail "a file is open for writing" "$CXLFS" "$DEVICE" "$MNT" \
	-o remount,ro,size=1G,reserve=3%,max_inodes=98,max_inodes_per_user=2,busy_poll=8,debug=tree
exec 8>&-
is 0 0 99 3 7 none

# ---- while a command takes long ----
head -c 8M /dev/urandom >"$MNT/large"
mkfifo "$WORK/pipe"
exec 7<>"$WORK/pipe"
"$CXLFSADM" save "$MNT" - >"$WORK/pipe" 2>"$WORK/saved" 7<&- &
saver=$!
sleep 0.3
set_options size=2G busy_poll=5
is $((2 << 30)) 0 99 3 5 none
exec 7<&-
! wait $saver || fail "a volume was saved into a pipe that nobody reads"

# ---- an upgrade ----
set_options reserve=2.5%
generation() { "$CXLFSADM" status "$MNT" | sed -n 's/.*, generation \([0-9]*\),.*/\1/p'; }
same "$(generation)" 0 "generation"
expect_log '^cxlfs: .*: process [0-9]+ takes over; requests waited [0-9]+ ms$'
# counts: reads, writes, commands over the port, their latencies; creations.
counts() {
	"$CXLFSADM" metrics | grep -E "^cxlfs_(command_duration_seconds_(count|bucket)|port_commands_total|request_duration_seconds_count).*$MNT" |
		grep -E 'lun=|operation="(create|write|unlink)"'
}
counts >"$WORK/counts"
grep -q 'operation="write".* [1-9]' "$WORK/counts" || fail "nothing was counted"
for n in 1 2; do
	"$CXLFSADM" upgrade "$MNT" >/dev/null || fail "upgrade $n"
	follow_daemon
	same "$(generation)" $n "generation"
	is $((2 << 30)) 2.5000% 99 3 5 none
	counts | diff "$WORK/counts" - || fail "upgrade $n has changed counts"
done
must_errno "Disk quota exceeded" as_user sh -c "touch '$MNT/7' '$MNT/8' '$MNT/9'"
stop_volume

start_volume bs=512,size=4G physical
refused "whole LUNs have neither a size nor a reserve" size=1G
set_options max_inodes=50 busy_poll=1
is 0 0 50 0 1 none
stop_volume
finish
