#!/bin/bash
# The options ro, noexec, nosuid and nodev work.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs

options_of() { awk -v m="$MNT" '$5 == m { print "," $6 "," }' /proc/self/mountinfo; }

start_volume "" ro
must_errno "Read-only" touch "$MNT/file"
must_errno "Read-only" mkdir "$MNT/directory"
ls -la "$MNT"
df "$MNT"
stop_volume

start_volume "" noexec,nosuid,nodev
for option in nosuid nodev noexec; do
	options_of | grep -q ",$option," || fail "$option is not set"
done
cp /bin/true "$MNT/true"
must_errno "Permission denied" "$MNT/true"
stop_volume

start_volume
cp /bin/true "$MNT/true"
"$MNT/true"
finish
