#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Process 1 of the guest. The root file system is that of the host, through hostfs. The directory
# rig_scratch passes the command in, and its output and status out.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
scratch=$(sed -n 's/.*rig_scratch=\([^ ]*\).*/\1/p' /proc/cmdline)

# File systems that the guest must not share with the host.
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
[ ! -e "$scratch/private-tmp" ] || mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229
ln -sfn /proc/self/fd /dev/fd
ln -sfn fd/0 /dev/stdin
ln -sfn fd/1 /dev/stdout
ln -sfn fd/2 /dev/stderr
ip link set lo up 2>/dev/null
hostname cxlrig 2>/dev/null
echo 4 >/proc/sys/kernel/printk

# shellcheck disable=SC1091  # made by run
. "$scratch/env"
# shellcheck disable=SC2154  # set there
cd "$guest_directory" 2>/dev/null || cd /
export RIG_SCRATCH=$scratch
/bin/bash "$scratch/cmd" </dev/null >>"$scratch/stdout" 2>>"$scratch/stderr"
echo $? >"$scratch/rc.new"
dmesg >"$scratch/dmesg" 2>/dev/null
mv "$scratch/rc.new" "$scratch/rc"
sync
echo o >/proc/sysrq-trigger
sleep 10
