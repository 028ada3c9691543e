/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/help.h"

#include <stdio.h>

#include "devport/devport.h"
#include "fuse/fuse.h"

void help_print(void)
{
	fputs("usage: cxlfs DEVICE MOUNTPOINT [-f] [-d] [-o OPTION[,OPTION...]]\n"
	      "\n"
	      "Mounts the virtual LUNs of an IBM CXL Flash adapter as a file system.\n"
	      "DEVICE is emul:PATH[,OPTION...] for the emulated adapter in directory PATH,\n"
	      "or a disk of the adapter such as /dev/sdc; several LUNs of one adapter are\n"
	      "separated by commas.\n"
	      "\n"
	      "  -f                  stay in the foreground, messages to standard error\n"
	      "  -d                  as -f, and print every FUSE request\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       versions, and what the program was built with\n"
	      "\n"
	      "Options for -o:\n"
	      "  io_uring            do not start where the kernel has no FUSE over io_uring\n"
	      "  no_io_uring         do without it; otherwise it is used where the kernel has it\n"
	      "  physical            show each LUN as one file lunN, with what it holds\n"
	      "  writeback           let the kernel collect small writes; errors then come\n"
	      "                      from fsync and close\n"
	      "  no_writeback        send every write to the flash at once (default)\n"
	      "  idle_sched          run the threads of io_uring with SCHED_IDLE (default)\n"
	      "  no_idle_sched       do not\n"
	      "  threads=N           most threads that serve /dev/fuse (default one for each\n"
	      "                      processor, but 16 at most)\n"
	      "  ring_depth=N        requests at a time on each core with io_uring\n"
	      "  queue_depth=N       commands in flight on the adapter\n"
	      "  busy_poll=US        look out for a completion so long before sleeping (default 100)\n"
	      "  max_inodes=N        most files and directories (default: half of the memory)\n"
	      "  allow_other         let other users in (default for root)\n"
	      "  no_allow_other      do not\n"
	      "  uid=N gid=N mode=M  owner and permission bits of the root directory\n"
	      "  relatime            update access times as mount(8) describes (default)\n"
	      "  noatime             never; opens are faster\n"
	      "  strictatime         at every access\n"
	      "  debug=LIST          debug messages: fs, tree, data, superpipe, emul, daemon, all\n"
	      "  fsname=NAME         name in the mount table instead of DEVICE\n"
	      "  ro, nosuid, nodev, noexec, nosymfollow, sync, dirsync\n"
	      "                      as in mount(8)\n"
	      "  remount             change these, and relatime and noatime, of a mounted volume\n"
	      "Options of fstab(5) such as nofail, _netdev, user and x-* are accepted and ignored.\n",
	      stdout);
}

void help_print_version(void)
{
	printf("cxlfs %s (libfuse %s; %s io_uring; cards through %s)\n", CXLFS_VERSION,
	       fuse_pkgversion(), FS_HAVE_IO_URING ? "with" : "without", devport_kernel_access());
}
