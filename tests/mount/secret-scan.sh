#!/bin/bash
# Deleted data never shows up again in a new file of any shape.
# matrix: adapter
# sanitize: yes
# timeout: 240
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

start_volume size=1G
"$HELPERS/secret" "$MNT"
finish
