#!/bin/bash
# POSIX ACLs grant and deny access, are inherited by new files, and follow chmod.
# matrix: transport
# sanitize: yes
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_root
need_tools setfacl getfacl setpriv

as() {
	local uid=$1
	shift
	setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
entries() { getfacl -c -E -n -p "$1" | grep -v '^$' | paste -sd' '; }

start_volume
echo text >"$MNT/file"
chmod 600 "$MNT/file"
must_errno "Permission denied" as 12001 cat "$MNT/file"
setfacl -m u:12001:r "$MNT/file"
same "$(as 12001 cat "$MNT/file")" text
must_errno "Permission denied" as 12001 sh -c "echo x >'$MNT/file'"
must_errno "Permission denied" as 12002 cat "$MNT/file"
same "$(entries "$MNT/file")" "user::rw- user:12001:r-- group::--- mask::r-- other::---"

# The mask limits permissions, and chmod changes the mask.
chmod 600 "$MNT/file"
must_errno "Permission denied" as 12001 cat "$MNT/file"
same "$(stat -c %a "$MNT/file")" 600
chmod 660 "$MNT/file"
same "$(as 12001 cat "$MNT/file")" text
setfacl -m g:12003:rw "$MNT/file"
as 12003 sh -c "echo group >'$MNT/file'"
same "$(cat "$MNT/file")" group

# New files get the default ACL instead of the umask; new directories also inherit it.
mkdir "$MNT/dir"
setfacl -d -m u:12001:rwx,g::rx,o::- "$MNT/dir"
umask 077
: >"$MNT/dir/new"
mkdir "$MNT/dir/sub"
same "$(entries "$MNT/dir/new")" \
	"user::rw- user:12001:rwx group::r-x mask::rw- other::---"
same "$(getfacl -c -n -p -d "$MNT/dir/sub" | grep -v '^$' | paste -sd' ')" \
	"user::rwx user:12001:rwx group::r-x mask::rwx other::---"
setfacl -b "$MNT/file"
same "$(entries "$MNT/file")" "user::rw- group::--- other::---"
finish
