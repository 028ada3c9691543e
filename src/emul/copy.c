/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/copy.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>

#include "base/fatal_signal.h"
#include "base/minmax.h"

/* Linux maps so much together where a file is read first, where it is written first only a page. */
#define FAULT_AROUND UINT64_C(65536)

#define ANY_ADDRESS __attribute__((noinline, no_sanitize("undefined")))

/* Where a signal handler finds it; a fault's signal comes to the thread that made it. */
static _Thread_local sigjmp_buf *volatile way_out;

static struct {
	pthread_once_t once;
	int rc;
	struct fatal_signal sigsegv, sigbus;
} faults = { .once = PTHREAD_ONCE_INIT };

static void on_fault(int number, siginfo_t *info, void *ucontext)
{
	sigjmp_buf *out = way_out;

	if (out && info->si_code > 0) { /* caused, not sent */
		way_out = NULL;
		/* As returning would do. To have sigsetjmp() save it would cost each copy a call.
		 */
		(void)pthread_sigmask(SIG_SETMASK, &((ucontext_t *)ucontext)->uc_sigmask, NULL);
		siglongjmp(*out, 1);
	}
	fatal_signal_hand_on(number == SIGBUS ? &faults.sigbus : &faults.sigsegv, info, ucontext);
}

static void install(void)
{
	faults.rc = fatal_signal_take(&faults.sigsegv, SIGSEGV, on_fault);
	if (!faults.rc)
		faults.rc = fatal_signal_take(&faults.sigbus, SIGBUS, on_fault);
}

int emul_copy_install(void)
{
	(void)pthread_once(&faults.once, install);
	return faults.rc;
}

/*
 * Out of line: what sigsetjmp() may bring back must not be in registers that change. An address
 * that cannot be right is as good as one that is only not there.
 */
static ANY_ADDRESS void copy_pieces(char *to, const char *from, size_t bytes)
{
	uint64_t piece;

	for (; bytes; bytes -= piece, to += piece, from += piece) {
		piece = min_u64(bytes, FAULT_AROUND);
		(void)*(const volatile char *)to;
		memcpy(to, from, piece);
	}
}

bool emul_copy(void *to, const void *from, size_t bytes)
{
	sigjmp_buf here;

	if (sigsetjmp(here, 0))
		return false;
	way_out = &here;
	atomic_signal_fence(memory_order_seq_cst);
	copy_pieces(to, from, bytes);
	atomic_signal_fence(memory_order_seq_cst);
	way_out = NULL;
	return true;
}
