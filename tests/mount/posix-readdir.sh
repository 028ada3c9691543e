#!/bin/bash
# Reading directories while they change.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/readdir" "$MNT"
finish
