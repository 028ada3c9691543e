/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: the kernel allows only the system calls that are listed here. */
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/sandbox.h"
#include "daemon/sandbox_internal.h"

#define MAX_CALLS 1024

/* By number, for the handler; set once, before threads can need it. */
static char *names[MAX_CALLS];

static const char *const allowed[] = {
	/* requests, and messages */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"pwrite64",
	"preadv",
	"pwritev",
	"preadv2",
	"pwritev2",
	"poll",
	"ppoll",
	"select",
	"pselect6",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"eventfd2",
	"timerfd_create",
	"timerfd_settime",
	"signalfd4",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"ioctl",
	"pipe2",
	/* the log, the control socket, the helper */
	"connect",
	"bind",
	"listen",
	"accept",
	"accept4",
	"send",
	"recv",
	"sendto",
	"sendmsg",
	"recvfrom",
	"recvmsg",
	"shutdown",
	"getsockopt",
	"setsockopt",
	"getsockname",
	"getpeername",
	/* files that are open, or that Landlock allows to open */
	"open",
	"openat",
	"close",
	"close_range",
	"fcntl",
	"dup",
	"dup2",
	"dup3",
	"flock",
	"lseek",
	"stat",
	"fstat",
	"lstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"statfs",
	"fstatfs",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getcwd",
	"getdents64",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"copy_file_range",
	"unlink",
	"unlinkat",
	"memfd_create",
	/* the same on POWER */
	"_llseek",
	"statfs64",
	"fstatfs64",
	"_newselect",
	/* memory */
	"mmap",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"brk",
	"msync",
	"membarrier",
	"mincore",
	/* threads and the time */
	"clone",
	"clone3",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"set_tid_address",
	"futex",
	"futex_waitv",
	"sched_yield",
	"sched_getaffinity",
	"sched_setaffinity",
	"sched_setscheduler",
	"sched_getscheduler",
	"sched_getparam",
	"sched_getattr",
	"getpriority",
	"setpriority",
	"getcpu",
	"prctl",
	"exit",
	"exit_group",
	"nanosleep",
	"clock_nanosleep",
	"clock_gettime",
	"clock_getres",
	"gettimeofday",
	"time",
	"times",
	"getrusage",
	"restart_syscall",
	/* signals */
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"rt_sigtimedwait",
	"rt_sigpending",
	"rt_sigsuspend",
	"sigaltstack",
	"sigreturn",
	"tgkill",
	"tkill",
	"kill",
	"wait4",
	"waitid",
	/* about this process and the machine */
	"getpid",
	"gettid",
	"getppid",
	"getpgrp",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getresuid",
	"getresgid",
	"getgroups",
	"setsid",
	"chdir",
	"uname",
	"sysinfo",
	"getrlimit",
	"prlimit64",
	"getrandom",
};

static const char *name_of(int number)
{
	return number >= 0 && number < MAX_CALLS && names[number] ? names[number] : "unknown";
}

/* The call was one of this thread, in code that may hold no lock of the log in normal operation. */
static void on_violation(int number, siginfo_t *info, void *ucontext)
{
	struct sigaction fatal = { .sa_handler = SIG_DFL };

	(void)ucontext;
	(void)sigaction(number, &fatal, NULL);
	log_err("the system call %s (%d) is not allowed; this is a bug, or an attacker has taken "
		"control of this process, which ends now; see no_sandbox in cxlfs(8)",
		name_of(info->si_syscall), info->si_syscall);
	(void)raise(number);
}

static void name_calls(void)
{
	for (int number = 0; number < MAX_CALLS; number++)
		names[number] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
}

static void catch_violations(void)
{
	struct sigaction action = { .sa_sigaction = on_violation, .sa_flags = SA_SIGINFO };

	name_calls();
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGSYS, &action, NULL);
}

/* Ignores a call that this machine does not have. */
static int allow(scmp_filter_ctx filter, const char *call, unsigned nr_args,
		 const struct scmp_arg_cmp *args)
{
	int number = seccomp_syscall_resolve_name(call);

	if (number == __NR_SCMP_ERROR)
		return 0;
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, nr_args, args);
}

/* Only local sockets, and only the memory of this process, which the emulated adapter reads. */
static int allow_some(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp local = { .op = SCMP_CMP_EQ, .datum_a = AF_UNIX };
	const struct scmp_arg_cmp own = { .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid() };
	int err = allow(filter, "socket", 1, &local);

	if (!err)
		err = allow(filter, "socketpair", 1, &local);
	if (!err)
		err = allow(filter, "process_vm_readv", 1, &own);
	if (!err)
		err = allow(filter, "process_vm_writev", 1, &own);
	return err;
}

static int fill(scmp_filter_ctx filter)
{
	int err = allow_some(filter);

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !err; i++)
		err = allow(filter, allowed[i], 0, NULL);
	/* All threads. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/* Otherwise some kernels slow down the whole process. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	return err ? err : seccomp_load(filter);
}

void sandbox_limit_calls(void)
{
	scmp_filter_ctx filter;
	int err;

	if (SANDBOX_IS_OFF)
		return;
	filter = seccomp_init(SCMP_ACT_TRAP);
	err = filter ? 0 : -ENOMEM;
	if (!err) {
		catch_violations();
		err = fill(filter);
	}
	seccomp_release(filter);
	if (err)
		log_debug(LOGC_DAEMON, "sandbox: all system calls stay allowed: %s",
			  strerror(-err));
}
