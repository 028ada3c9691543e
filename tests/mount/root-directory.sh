#!/bin/bash
# uid=, gid= and mode= of the root directory, fsname=, and access for other users.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root

start_volume "" uid=12001,gid=12002,mode=750,fsname=scratch
same "$(stat -c '%u %g %a' "$MNT")" "12001 12002 750"
grep -q " $MNT .* - fuse.cxlfs scratch " /proc/self/mountinfo || fail "fsname is lost"
stop_volume

start_volume "" mode=1777
setpriv --reuid=12001 --regid=12001 --clear-groups sh -c "echo mine >'$MNT/file'"
same "$(stat -c '%u %g' "$MNT/file")" "12001 12001" "owner"
must_errno "Permission denied" \
	setpriv --reuid=12002 --regid=12002 --clear-groups sh -c "echo x >'$MNT/file'"
stop_volume

start_volume "" mode=1777,no_allow_other
must_errno "Permission denied" setpriv --reuid=12001 --regid=12001 --clear-groups ls "$MNT"
finish
