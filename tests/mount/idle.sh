#!/bin/bash
# A volume that nobody uses comes to rest: it ends moving blocks, and gives back what it does not need.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_tools python3

# json EXPRESSION: evaluates Python on standard input, which is j.
json() { python3 -c "import json, sys; j = json.load(sys.stdin); print($1)"; }
status() { "$CXLFSADM" status --json "$MNT" | json "$1"; }
is_shared() { [ "$("$CXLFSADM" file --json "$MNT/large" | json 'j["vluns"]')" = '[]' ]; }
one_segment() { [ "$(status 'j["space"]["segments"]')" = 1 ]; }

start_volume size=8G pack=1M
head -c 8M /dev/urandom >"$WORK/large"
cp "$WORK/large" "$MNT/large"
echo small >"$MNT/small"
# Then there are two segments, each nearly empty.
wait_until "the large file has given up its vLUN" is_shared
wait_until "one segment was emptied into the other, and closed" one_segment
before=$(status 'j["luns"][0]["commands"]["writes"]')
sleep 3
same "$(status 'j["luns"][0]["commands"]["writes"]')" "$before" "writes of a volume that nobody uses"
cmp "$WORK/large" "$MNT/large"
same "$(cat "$MNT/small")" small "the small file"
finish
