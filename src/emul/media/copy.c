/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/media/copy.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "base/fatal_signal.h"
#include "base/minmax.h"

/*
 * The first read of a file page makes all pages in an aligned block of this size accessible; the
 * first write makes only one page accessible.
 */
#define FAULT_AROUND UINT64_C(65536)

/* Invalid addresses are handled like unmapped ones, so the sanitizer must not check them. */
#define ANY_ADDRESS __attribute__((noinline, no_sanitize("undefined")))

struct attempt {
	sigjmp_buf way_out;
	uintptr_t to, from;
	size_t bytes;
};

/* For the signal handler, which runs in the thread that caused the fault. */
static _Thread_local struct attempt *volatile current_attempt;

static struct {
	pthread_once_t once;
	int rc;
	struct fatal_signal sigsegv, sigbus;
} faults = { .once = PTHREAD_ONCE_INIT };

static bool is_of(const struct attempt *attempt, const siginfo_t *info)
{
	uintptr_t address = (uintptr_t)info->si_addr;

	/* The kernel does not report a non-canonical address. */
	if (info->si_code == SI_KERNEL)
		return true;
	return info->si_code > 0 &&
	       (address - attempt->to < attempt->bytes || address - attempt->from < attempt->bytes);
}

static void on_fault(int number, siginfo_t *info, void *ucontext)
{
	struct attempt *attempt = current_attempt;

	if (attempt && is_of(attempt, info)) {
		current_attempt = NULL;
		/* As a return would. If sigsetjmp() saved it, each copy would need a system call.
		 */
		(void)pthread_sigmask(SIG_SETMASK, &((ucontext_t *)ucontext)->uc_sigmask, NULL);
		siglongjmp(attempt->way_out, 1);
	}
	fatal_signal_pass_on(number == SIGBUS ? &faults.sigbus : &faults.sigsegv, info, ucontext);
}

static void install(void)
{
	faults.rc = fatal_signal_install(&faults.sigsegv, SIGSEGV, on_fault);
	if (!faults.rc)
		faults.rc = fatal_signal_install(&faults.sigbus, SIGBUS, on_fault);
}

int emul_copy_install(void)
{
	(void)pthread_once(&faults.once, install);
	return faults.rc;
}

static ANY_ADDRESS void copy_whole(char *to, const char *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

static ANY_ADDRESS void copy_by_windows(char *to, const char *from, size_t bytes)
{
	uint64_t piece;

	for (; bytes; bytes -= piece, to += piece, from += piece) {
		piece = min_u64(bytes, FAULT_AROUND - (uintptr_t)to % FAULT_AROUND);
		(void)*(const volatile char *)to;
		memcpy(to, from, piece);
	}
}

/* @copy is never inlined: siglongjmp() does not restore changed registers. */
static bool guarded(void (*copy)(char *, const char *, size_t), void *to, const void *from,
		    size_t bytes)
{
	struct attempt here = { .to = (uintptr_t)to, .from = (uintptr_t)from, .bytes = bytes };

	if (sigsetjmp(here.way_out, 0))
		return false;
	current_attempt = &here;
	atomic_signal_fence(memory_order_seq_cst);
	copy(to, from, bytes);
	atomic_signal_fence(memory_order_seq_cst);
	current_attempt = NULL;
	return true;
}

bool emul_copy(void *to, const void *from, size_t bytes)
{
	return guarded(copy_whole, to, from, bytes);
}

bool emul_copy_to_file(void *to, const void *from, size_t bytes)
{
	return guarded(copy_by_windows, to, from, bytes);
}
