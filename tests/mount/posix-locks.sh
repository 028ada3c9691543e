#!/bin/bash
# Locks between processes.
# matrix: transport
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

start_volume
"$HELPERS/locks" "$MNT"
finish
