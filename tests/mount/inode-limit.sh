#!/bin/bash
# df -i says how many more files memory allows: a control group of the daemon counts, and a standby.
# shellcheck source=../lib/harness.sh
. "$(dirname "$0")/../lib/harness.sh"
need_cxlfs
need_root
need_mounts

inodes() { df --output="$1" "$MNT" | tail -n 1 | tr -d ' '; }

# make_group: makes $group with a limit on memory, in the hierarchy of version 1 or 2.
make_group() {
	local root=/sys/fs/cgroup/memory file=memory.limit_in_bytes path
	path=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
	if [ -z "$path" ]; then
		root=/sys/fs/cgroup file=memory.max
		path=$(sed -n 's/^0:://p' /proc/self/cgroup)
	fi
	group=$root$path/cxlfs-test-$$
	mkdir "$group" 2>/dev/null && echo $((512 << 20)) >"$group/$file" 2>/dev/null
}

group=
remove_group() { [ -z "$group" ] || rmdir "$group" 2>/dev/null; }
at_exit+=(remove_group)

# Half of the memory, at 512 bytes each.
start_volume size=4G
total=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
[ "$(inodes itotal)" -gt 1000 ] || fail "only $(inodes itotal) inodes"
[ "$(inodes itotal)" -le $((total + 1024)) ] || fail "$(inodes itotal) inodes in $total KiB"
same "$(inodes itotal)" $(($(inodes iused) + $(inodes iavail))) "inodes in all"
before=$(inodes iavail)
for ((i = 0; i < 500; i++)); do
	echo $i >"$MNT/file-$i"
done
same $((before - $(inodes iavail))) 500 "inodes that 500 files need"
stop_volume

make_group || skip "no control group can be made here"
sh -c "echo \$\$ >'$group/cgroup.procs' && exec '$CXLFS' 'emul:$ADAPTER' '$MNT'"
same "$(inodes itotal)" $(((512 << 20) / 2 / 512)) "inodes in half of 512 MiB"
umount "$MNT"
wait_until "the daemon ends" no_background_daemon
# A standby has the names, too.
sh -c "echo \$\$ >'$group/cgroup.procs' && exec '$CXLFS' 'emul:$ADAPTER' '$MNT' -o survive=crash"
same "$(inodes itotal)" $(((512 << 20) / 2 / 1024)) "inodes of two processes in half of 512 MiB"
umount "$MNT"
wait_until "the daemon ends" no_background_daemon
finish
