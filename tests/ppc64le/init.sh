#!/bin/bash
# Process 1 of the guest: runs the command, prints its status and powers off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /mnt /var/tmp /dev/shm /dev/pts
mount -t tmpfs -o size=8G tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mkdir -p /tmp && chmod 1777 /tmp # a tmpfs has no FALLOC_FL_ZERO_RANGE
mount -t fusectl fusectl /sys/fs/fuse/connections 2>/dev/null
ln -sfn /proc/self/fd /dev/fd
ip link set lo up 2>/dev/null
hostname guest
# shellcheck disable=SC1091  # made by guest.sh
. /modules/load
[ ! -e /sys/module/fuse/parameters/enable_uring ] || echo Y >/sys/module/fuse/parameters/enable_uring
echo "guest: $(uname -rm), pages of $(getconf PAGESIZE) bytes, $(nproc) processors"
cd /cxlfs || exit
bash ./command </dev/null
echo "guest-status: $?"
sync
# busybox: there is no systemd.
busybox poweroff -f
