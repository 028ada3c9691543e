#!/bin/bash
# A volume that nobody uses comes to rest: it ends moving blocks, and gives back what it does not need.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_tools python3

counts() {
	"$CXLFSADM" status --json "$MNT" | python3 -c '
import json, sys
j = json.load(sys.stdin)
print(sum(lun["commands"]["writes"] for lun in j["luns"]), j["space"]["empty_segments"])'
}

# rests: nothing is written for a second, and no segment is empty
rests() {
	local before
	before=$(counts)
	sleep 1
	[ "$(counts)" = "$before" ] && [ "${before#* }" = 0 ]
}

start_volume size=8G pack=1M
# Two vLUNs that are used for less than a quarter become segments. One is emptied into the other.
head -c 8M /dev/urandom >"$WORK/large"
cp "$WORK/large" "$MNT/large"
python3 - "$MNT/holes" <<'PYTHON'
import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for i in range(1000):
    os.pwrite(fd, b"x" * 4096, i * 8192)
PYTHON
one_segment() { [ "$("$CXLFSADM" status --json "$MNT" | python3 -c '
import json, sys
print(json.load(sys.stdin)["space"]["segments"])')" = 1 ]; }
wait_until "one segment holds all" one_segment
wait_until "the volume rests" rests
cmp "$WORK/large" "$MNT/large"
finish
