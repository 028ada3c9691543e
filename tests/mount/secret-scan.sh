#!/bin/bash
# What was deleted never shows again, whatever shape of file is made in its place.
# matrix: adapter
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

start_volume size=1G
"$HELPERS/secret" "$MNT"
finish
