#!/bin/bash
# A volume that was loaded survives a death of its daemon like one that was made: its standby has
# the names and the contents.
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
# shellcheck source=../lib/survive.sh
. "$(dirname "$0")/../lib/survive.sh"
need_root
need_mounts
need_cxlfs

everything() { list_tree "$MNT" && checksums "$MNT"; }

start_volume
cp -a /usr/share/doc/bash "$MNT/tree"
ln "$MNT/tree/copyright" "$MNT/hard"
truncate -s 64M "$MNT/sparse"
head -c 20M "$CXLFS" >"$MNT/large"
"$CXLFSADM" save "$MNT" "$WORK/saved"
stop_volume

start_survivor "" "noatime,load=$WORK/saved"
everything >"$WORK/before"
kill_daemon
everything | diff "$WORK/before" - || fail "the death changed the volume"

# Loaded files change, and go.
echo more >>"$MNT/large"
mv "$MNT/tree" "$MNT/moved"
rm "$MNT/hard" "$MNT/sparse"
mkdir "$MNT/new"
everything >"$WORK/before"
kill_daemon
everything | diff "$WORK/before" - || fail "the second death changed the volume"
stop_volume
finish
