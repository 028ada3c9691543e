#!/bin/bash
# A million files of 1 to 16 KiB on a LUN of 64 GiB with 256 resource handles: created, compared and
# deleted.  FILES sets another number.  The adapter needs 10 GB of disk: CXLFS_LONG_DIR says where.
# timeout: 7200
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/long.sh
. "$(dirname "$0")/../lib/long.sh"
: "${FILES:=1000000}"

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }
nothing_used() { [ "$(used)" = 0 ]; }

start_long_volume size=64G,handles=256
"$BUILD/tests/bench/million" "$MNT" "$FILES" "${DAEMON[$MNT]}"
wait_until "everything is free" nothing_used
finish
