#!/bin/bash
# A file's bytes: offsets, holes, sizes, appending, mapping, times.
# matrix: full
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

# Where the kernel collects writes nobody can see holes.
start_volume
[ "$CXLFS_TEST_FS" != cxlfs ] || export CLAIM_LEAVE_OUT=holes_are_found
"$HELPERS/content" "$MNT"
finish
