#!/bin/bash
# Modes, owners, sticky and set-id bits, seen by several users.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root

start_volume
"$HELPERS/modes" "$MNT"
finish
