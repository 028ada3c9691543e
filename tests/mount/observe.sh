#!/bin/bash
# cxlfsadm file, set, top and trace on a volume in use; the log of a crash names the last requests.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts
need_tools python3 script

# json EXPRESSION: evaluates Python on standard input, which is j.
json() { python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"; }

start_volume size=8G pack=1M

# ---- file ----
head -c 8388608 /dev/urandom >"$MNT/large"
truncate -s 1G "$MNT/large"
echo small >"$MNT/small"
: >"$MNT/empty"
sync "$MNT/large" "$MNT/small"
"$CXLFSADM" file --json "$MNT/large" >"$WORK/json"
same "$(json 'j["size"], j["allocated_bytes"]' <"$WORK/json")" "1073741824 8388608" "size"
same "$(json 'sum(e["bytes"] for e in j["extents"] if e["kind"] != "hole")' <"$WORK/json")" 8388608 data
same "$(json 'j["extents"][-1]["kind"], j["extents"][-1]["bytes"]' <"$WORK/json")" \
	"hole $((1073741824 - 8388608))" "the hole"
same "$(json 'j["vluns"][0]["used_chunks"]' <"$WORK/json")" 1 "chunks"
same "$("$CXLFSADM" file --json "$MNT/small" | json '[e["kind"] for e in j["extents"]], j["vluns"]')" \
	"['packed'] []" "a small file"
same "$("$CXLFSADM" file --json "$MNT/empty" | json 'j["size"], j["extents"]')" "0 []" "an empty file"
"$CXLFSADM" file "$MNT/small" >"$WORK/text"
grep -Eq '^ +0 +4096 packed +0 +[0-9]+ +[0-9]+$' "$WORK/text" || fail "file says $(cat "$WORK/text")"
# More extents than one answer holds.
python3 - "$MNT/holes" <<'PYTHON'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for i in range(1000):
    os.pwrite(fd, b"x" * 4096, i * 8192)
PYTHON
same "$("$CXLFSADM" file --json "$MNT/holes" |
	json 'len(j["extents"]), sum(e["bytes"] for e in j["extents"]), "next" in j')" \
	"1999 $((999 * 8192 + 4096)) False" "a file with holes"
must_fail "inode 1 is not a regular file" "$CXLFSADM" file "$MNT"
must_fail "No such file" "$CXLFSADM" file "$MNT/none"

# ---- top: a second of real load ----
timeout 20 sh -c "while :; do dd if=/dev/zero of='$MNT/load' bs=64k count=10 oflag=direct conv=notrunc; done" \
	2>/dev/null &
load=$!
"$CXLFSADM" top "$MNT" -d 0.5 -n 2 >"$WORK/text"
same "$(grep -c '^REQUESTS ' "$WORK/text")" 2 reports
same "$(awk '{ if (length($0) > longest) longest = length($0) } END { print longest <= 120 }' "$WORK/text")" 1
grep -Eq '^write +[1-9][0-9]* +[0-9.]+[KMG] +0 +[0-9.]+ +[0-9.]+[mu]?s +[0-9.]+[mu]?s +[0-9.]+[mu]?s$' \
	"$WORK/text" || fail "top says $(cat "$WORK/text")"
grep -Eq '^LUN 0 writes +[1-9]' "$WORK/text" || fail "top shows no commands: $(cat "$WORK/text")"
# On a terminal of 24 lines it clears the screen and fits.
script -qec "stty rows 24 cols 80; '$CXLFSADM' top '$MNT' -d 0.3 -n 1" "$WORK/screen" >/dev/null </dev/null
grep -q $'\033\[H' "$WORK/screen" || fail "top does not clear the screen"
[ "$(wc -l <"$WORK/screen")" -le 26 ] || fail "top does not fit"
must_fail "usage: cxlfsadm top" "$CXLFSADM" top "$MNT" -d 0

# ---- trace ----
timeout 20 "$CXLFSADM" trace "$MNT" --json -n 20 >"$WORK/trace"
same "$(wc -l <"$WORK/trace")" 20 "traced requests"
python3 - "$WORK/trace" <<'PYTHON'
import json, sys, time
for line in open(sys.argv[1]):
    r = json.loads(line)
    assert abs(r["ended_ns"] / 1e9 - time.time()) < 60, r
    assert 0 <= r["command_ns"] <= r["latency_ns"], r
    assert r["operation"] != "write" or r["bytes"] == 65536, r
PYTHON
kill $load
wait $load 2>/dev/null || true
"$CXLFSADM" emul fault "$ADAPTER" 'at=write action=late ms=300'
timeout 20 "$CXLFSADM" trace "$MNT" --slow 100ms -n 1 >"$WORK/trace" &
tracer=$!
sleep 1
dd if=/dev/zero of="$MNT/load" bs=4k count=1 oflag=direct conv=notrunc status=none
wait $tracer || fail "no slow request was traced"
"$CXLFSADM" emul fault "$ADAPTER" clear
grep -Eq '^[0-9:.]+ write +inode [0-9]+ +pid [0-9]+ +([3-9]|[0-9]{2})[0-9]{2}\.[0-9]{3} ms, commands ([3-9]|[0-9]{2})[0-9]{2}\.[0-9]{3} ms, 4096 bytes at [0-9]+$' \
	"$WORK/trace" || fail "trace says $(cat "$WORK/trace")"

# ---- set, and a remount that does the same ----
expect_log '^cxlfs: (data|superpipe|fs|daemon): '
"$CXLFSADM" set "$MNT" busy_poll=0 debug=data
rm "$MNT/holes"
echo x >"$MNT/new"
has_debug() { grep -q '^cxlfs: data: ' "${DAEMON_LOG[$MNT]}"; }
wait_until "debug messages" has_debug
"$CXLFSADM" set "$MNT" debug=none
must_fail "option debug=nonsense names an unknown category" "$CXLFSADM" set "$MNT" debug=nonsense
must_fail "option busy_poll=-1 is too small" "$CXLFSADM" set "$MNT" busy_poll=-1
must_fail "option threads=3: $MNT was mounted without it" "$CXLFSADM" set "$MNT" threads=3
must_fail "usage: cxlfsadm set" "$CXLFSADM" set "$MNT" debug
device=emul:$(join "$ADAPTER" size=8G)
"$CXLFS" "$device" "$MNT" -o remount,busy_poll=50,debug=superpipe
must_fail "option busy_poll=x" "$CXLFS" "$device" "$MNT" -o remount,busy_poll=x
"$CXLFS" "$device" "$MNT" -o remount,busy_poll=0
"$CXLFSADM" set "$MNT" debug=none
echo y >"$MNT/new"

# ---- a crash ----
expect_log '^cxlfs: SIG(SEGV|ABRT): the daemon has crashed'
expect_log '^cxlfs: [0-9]+ us ago: '
# crash SIGNAL: what the log says when the daemon dies of it.
crash() {
	local inode status=0
	dd if=/dev/zero of="$MNT/last" bs=4k count=3 oflag=direct status=none
	inode=$(stat -c %i "$MNT/last")
	kill "-$1" "${DAEMON[$MNT]}"
	wait_until "the daemon ends" is_gone "${DAEMON[$MNT]}"
	wait "${DAEMON[$MNT]}" || status=$?
	unset "DAEMON[$MNT]"
	same $status $((128 + $(kill -l "$1"))) "exit status of a crash"
	same "$(grep -c "SIG$1: the daemon has crashed and ends" "${DAEMON_LOG[$MNT]}")" 1 "a line with the signal"
	same "$(grep -c "us ago: write of inode $inode, pid .* 4096 bytes at" "${DAEMON_LOG[$MNT]}")" 3 \
		"last writes in the log"
	check_log "${DAEMON_LOG[$MNT]}"
	umount -l "$MNT"
}
crash SEGV
start_volume size=8G
crash ABRT
finish
