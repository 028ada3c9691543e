/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/help.h"

#include <stdio.h>

#include "devport/devport.h"
#include "fuse/transport/libfuse.h"

static const char usage[] =
	"usage: cxlfs DEVICE MOUNTPOINT [-f] [-d] [-o OPTION[,OPTION...]]\n"
	"\n"
	"Mounts the virtual LUNs of an IBM CXL Flash adapter as a file system.\n"
	"DEVICE is emul:PATH[,OPTION...] for the emulated adapter in directory PATH,\n"
	"or a disk of the adapter such as /dev/sdc. Separate several LUNs of one adapter\n"
	"by commas.\n"
	"\n"
	"  -f                  stay in the foreground and log to standard error\n"
	"  -d                  as -f, and print every FUSE request\n"
	"  -h, --help          print this help\n"
	"  -V, --version       print the versions and what cxlfs was built with\n";

static const char mount_options[] =
	"\n"
	"Options for -o:\n"
	"  allow_other         let other users access the volume (default for root)\n"
	"  no_allow_other      let only the mounting user access it\n"
	"  uid=N gid=N mode=M  owner and permission bits of the root directory\n"
	"  size=SIZE           use at most this much of the LUNs (default: all)\n"
	"  reserve=SIZE|N%     reserve this much of that for root (default 0)\n"
	"  max_inodes=N        maximum of files and directories (default: what half of\n"
	"                      the memory can hold)\n"
	"  max_inodes_per_user=N\n"
	"                      the same for each user except root (default: no limit)\n"
	"  pack=SIZE           keep up to SIZE of each chunk of a file in chunks that\n"
	"                      files share (default 16M; 0: each chunk belongs to one\n"
	"                      file)\n"
	"  stripe=SIZE         spread files larger than a chunk over the LUNs in pieces\n"
	"                      of SIZE (default 256K; 0: fill one LUN after the other)\n"
	"  load=FILE           fill the volume from a file that 'cxlfsadm save' has\n"
	"                      written; -: from standard input\n"
	"  survive=no|upgrade|crash\n"
	"                      what the volume survives: replacing the daemon by\n"
	"                      'cxlfsadm upgrade' (default), or also its death; crash\n"
	"                      serves over /dev/fuse\n"
	"  watchdog=SECONDS    with survive=crash, replace a daemon that does not answer\n"
	"                      for this time (default 30; 0: never)\n"
	"  ro, nosuid, nodev, noexec, nosymfollow, sync, dirsync\n"
	"                      as in mount(8)\n"
	"  fsname=NAME         name in the mount table instead of DEVICE\n"
	"  remount             change the mount(8) options, relatime, noatime, size,\n"
	"                      reserve, max_inodes, max_inodes_per_user, busy_poll and\n"
	"                      debug of a mounted volume\n"
	"  sandbox             drop privileges that serving requests does not need\n"
	"                      (default)\n"
	"  no_sandbox          keep all privileges, for debugging\n"
	"  dump_contents       put contents of files into core dumps\n"
	"  debug=LIST          debug messages: fs, tree, data, superpipe, emul, daemon,\n"
	"                      all, none\n";

static const char cache_options[] =
	"\n"
	"Cache options for -o:\n"
	"  writeback           let the kernel collect small writes; fsync and close then\n"
	"                      report their errors\n"
	"  no_writeback        send every write to the flash at once (default)\n"
	"  relatime            update access times as mount(8) describes (default)\n"
	"  noatime             never update access times; opens are faster\n"
	"  strictatime         update access times at every access\n";

static const char adapter_options[] =
	"\n"
	"Adapter options for -o:\n"
	"  physical            show each whole LUN as one file lunN, with its contents\n"
	"  queue_depth=N       maximum of commands in flight on the adapter\n";

static const char tuning_options[] =
	"\n"
	"Tuning options for -o:\n"
	"  io_uring            fail if the kernel does not offer FUSE over io_uring\n"
	"  no_io_uring         do not use io_uring (default: use it if the kernel offers\n"
	"                      it)\n"
	"  idle_sched          run the threads of io_uring with SCHED_IDLE (default)\n"
	"  no_idle_sched       run them with the normal policy\n"
	"  threads=N           maximum of threads that serve /dev/fuse (default: one for\n"
	"                      each processor, up to 16)\n"
	"  ring_depth=N        requests at a time on each processor with io_uring\n"
	"  busy_poll=US        microseconds to poll for a completion before sleeping\n"
	"                      (default 100)\n"
	"\n"
	"Options of fstab(5) such as nofail, _netdev, user and x-* are accepted and\n"
	"ignored.\n";

void help_print(void)
{
	fputs(usage, stdout);
	fputs(mount_options, stdout);
	fputs(cache_options, stdout);
	fputs(adapter_options, stdout);
	fputs(tuning_options, stdout);
}

void help_print_version(void)
{
	printf("cxlfs %s (libfuse %s; %s io_uring; cards through %s)\n", CXLFS_VERSION,
	       fuse_pkgversion(), FS_HAVE_IO_URING ? "with" : "without", devport_kernel_access());
}
