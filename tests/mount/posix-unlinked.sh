#!/bin/bash
# Files that have lost their name or never had one.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"

# Older versions of libfuse do not support O_TMPFILE.
[ "$CXLFS_TEST_FS" != cxlfs ] || has_libfuse 3.17.0 || export CLAIM_LEAVE_OUT=tmpfile
start_volume
"$HELPERS/unlinked" "$MNT"
finish
