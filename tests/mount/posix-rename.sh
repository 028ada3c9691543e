#!/bin/bash
# rename(2) with and without flags.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/rename" "$MNT"
finish
