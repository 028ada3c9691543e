#!/bin/bash
# File handles, as NFS servers and backup programs use them.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
[ -w /proc/sys/vm/drop_caches ] || skip "the caches cannot be dropped"

root_complaints() { dmesg 2>/dev/null | grep -c "root generation should be zero" || true; }

before=$(root_complaints)
start_volume
"$HELPERS/handles" "$MNT"
[ "$(root_complaints)" -le "$before" ] || fail "the kernel complains of the root's generation"
finish
