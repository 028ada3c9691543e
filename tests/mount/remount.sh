#!/bin/bash
# mount -o remount of a live volume, through mount(8) and its helper, changes flags and limits, and nothing else.
# Other changes are refused with one line of error.
# sanitize: yes

# mount(8) looks for the program where it is installed: put it there, in a private namespace.
# shellcheck source=../lib/namespace.sh
. "$(dirname "$0")/../lib/namespace.sh"

# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
# shellcheck source=../lib/tree.sh
. "$(dirname "$0")/../lib/tree.sh"
need_cxlfs
need_root
need_mounts
need_namespace
[ -x /sbin/mount.fuse ] || skip "/sbin/mount.fuse is missing"

mount -t tmpfs tmpfs /usr/local/sbin
cp "$CXLFS" /usr/local/sbin/cxlfs

# Prints the options of the mount and the file system, as in the mount table.
options() { awk -v m="$MNT" '$5 == m { print "," $6 "," $NF "," }' /proc/self/mountinfo; }

# remounted WANTED UNWANTED MOUNT-ARGUMENT...: only the flags of the volume change.
remounted() {
	local wanted=$1 unwanted=$2 word
	shift 2
	mount -o "$@" "$MNT" || fail "mount -o $*"
	for word in $wanted; do
		grep -q ",$word," <<<"$(options)" || fail "no $word after $*: $(options)"
	done
	for word in $unwanted; do
		! grep -q ",$word," <<<"$(options)" || fail "$word after $*: $(options)"
	done
	same "$(cat "$MNT/file")" text
	same "$(grep -c " $MNT " /proc/self/mountinfo)" 1 "mounts on $MNT"
}

device=emul:$STORE/adapter,size=4G
note_adapter "$STORE/adapter"
mount -t fuse.cxlfs "$device" "$MNT" -o queue_depth=64
echo text >"$MNT/file"

remounted "ro" "rw" remount,ro
must_errno "Read-only" touch "$MNT/new"
remounted "rw" "ro" remount,rw
touch "$MNT/new"
remounted "sync noexec nodev nosuid" "" remount,sync,noexec,nodev,nosuid
echo more >"$MNT/more"
remounted "noexec" "sync" remount,async
remounted "" "noexec nodev nosuid" remount,exec,dev,suid
remounted "nosymfollow" "" remount,nosymfollow
remounted "" "nosymfollow" remount,symfollow

# The daemon updates access times: it follows the flags.
wait_until "access times move" atime_moves
remounted "noatime" "relatime" remount,noatime
wait_until "access times stay" atime_stays
remounted "relatime" "noatime" remount,relatime
wait_until "access times move" atime_moves
mount -i -o remount,noatime "$MNT" # without the helper
wait_until "access times stay" atime_stays
remounted "relatime" "noatime" remount,relatime

# Usual lines of fstab.
echo "$device $MNT fuse.cxlfs noauto,user,nofail,_netdev,x-foo=bar,queue_depth=64,exec 0 0" >"$WORK/fstab"
remounted "ro" "" remount,ro --fstab "$WORK/fstab"
remounted "rw" "" remount,rw --fstab "$WORK/fstab"
remounted "rw" "" remount,"$(awk -v m="$MNT" '$2 == m { print $4 }' /proc/mounts)"

cxlfs "$device" "$MNT" -o remount,rw || fail "a remount with flags alone"
# What the volume may use changes as well, but only together with the flags.
size() { df --output=size -B1M "$MNT" | tail -n 1 | tr -d ' '; }
remounted "noexec" "" remount,noexec,size=1G,reserve=50%
same "$(size) $(df --output=avail -B1M "$MNT" | tail -n 1 | tr -d ' ')" "1024 512" "size and available"
must_errno "a file is open for writing" \
	sh -c "exec 8>'$MNT/file2'; mount -o remount,ro,size=2G,max_inodes=1000 '$MNT'"
same "$(size)" 1024 "size after a refusal"
[ "$(df --output=itotal "$MNT" | tail -n 1)" -gt 1000 ] || fail "max_inodes has changed"
remounted "" "noexec" remount,exec,size=0,reserve=0
same "$(size)" 4096 "size"
must_errno "size is less than a chunk" mount -o remount,size=1M "$MNT"

must_errno "a file is open for writing" sh -c "exec 8>'$MNT/file2'; mount -o remount,ro '$MNT'"
must_errno "option queue_depth=32: " mount -o remount,queue_depth=32 "$MNT"
must_errno "option dirsync: " mount -o remount,dirsync "$MNT"
must_errno "option writeback: " mount -o remount,writeback "$MNT"
must_errno "option strictatime: " mount -o remount,strictatime "$MNT"
must_errno "[Uu]nknown option" mount -o remount,bogus "$MNT"
must_errno "cannot change it to $STORE/other" mount -t fuse.cxlfs -o remount "$STORE/other" "$MNT"
must_errno "nothing is mounted" cxlfs "$device" "$WORK" -o remount,ro
must_errno "is not a cxlfs volume" cxlfs "$device" /proc -o remount,ro
grep -q ",rw," <<<"$(options)" || fail "a refused remount has changed something"
same "$(cat "$MNT/file")" text
umount "$MNT"
wait_until "the daemon ends" no_background_daemon

mount -t fuse.cxlfs "$device" "$MNT" -o strictatime
! grep -q "relatime" <<<"$(options)" || fail "strictatime is not shown"
echo text >"$MNT/file"
remounted "noatime" "" remount,noatime
remounted "" "relatime noatime" remount,strictatime
remounted "ro" "relatime noatime" remount,ro
umount "$MNT"
wait_until "the daemon ends" no_background_daemon
finish
