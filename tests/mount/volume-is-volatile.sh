#!/bin/bash
# As the manual says under DURABILITY, an unmounted volume is lost; it leaves no chunk in use.
# matrix: adapter
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

used() { df --output=used -B1 "$MNT" | tail -n 1 | tr -d ' '; }

start_volume size=4G
mkdir "$MNT/directory"
head -c 1000000 /dev/urandom >"$MNT/directory/file"
sync
stop_volume
"$CXLFSADM" emul status "$STORE/adapter"
start_volume
same "$(ls -A "$MNT")" "" "contents"
same "$(used)" 0 "bytes in use"
finish
