#!/bin/bash
# Contents of files: offsets, holes, sizes, appending, mapping, times.
# matrix: full
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/content" "$MNT"
finish
