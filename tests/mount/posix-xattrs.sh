#!/bin/bash
# Extended attributes.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root

start_volume
"$HELPERS/xattrs" "$MNT"
finish
