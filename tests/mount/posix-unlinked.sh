#!/bin/bash
# Files that lost their name or never had one.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/unlinked" "$MNT"
finish
