#!/bin/bash
# Names, links, directories and special files, as POSIX defines them.
# matrix: diagonal
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/names" "$MNT"
finish
