/* SPDX-License-Identifier: Apache-2.0 */
#include "devport/mmio_guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fatal_signal.h"

/*
 * Global, because a signal handler gets no argument. The address is per thread: the kernel sends
 * SIGBUS to the thread that made the access. @guard is set once, before the first access.
 */
static _Thread_local const volatile uint64_t *volatile guarded_address;

static struct {
	pthread_once_t once;
	int rc;
	int ones_fd; /* memfd with a page of all ones */
	uintptr_t page_bytes;
	struct fatal_signal sigbus;
} guard = { .once = PTHREAD_ONCE_INIT };

/* MAP_FIXED replaces the page atomically: other threads never read zeros. */
static bool replace_page(const volatile uint64_t *address)
{
	uintptr_t page = (uintptr_t)address & ~(guard.page_bytes - 1);

	return mmap((void *)page, guard.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
		    guard.ones_fd, 0) != MAP_FAILED;
}

static void on_sigbus(int number, siginfo_t *info, void *ucontext)
{
	const volatile uint64_t *address = guarded_address;
	int saved_errno = errno;
	bool handled;

	(void)number;
	handled = address && info->si_code > 0 &&
		  (uintptr_t)info->si_addr - (uintptr_t)address < sizeof(*address) &&
		  replace_page(address);
	errno = saved_errno;
	if (!handled)
		fatal_signal_pass_on(&guard.sigbus, info, ucontext);
}

static int make_ones(void)
{
	void *ones;
	int fd = memfd_create("cxlfs-lost-context", MFD_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	ones = malloc(guard.page_bytes);
	if (!ones) {
		(void)close(fd);
		return -ENOMEM;
	}
	memset(ones, 0xff, guard.page_bytes);
	if (pwrite(fd, ones, guard.page_bytes, 0) != (ssize_t)guard.page_bytes)
		rc = -EIO;
	free(ones);
	guard.ones_fd = fd;
	return rc;
}

static void install(void)
{
	guard.page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	guard.rc = make_ones();
	if (!guard.rc)
		guard.rc = fatal_signal_install(&guard.sigbus, SIGBUS, on_sigbus);
}

int mmio_guard_install(void)
{
	(void)pthread_once(&guard.once, install);
	return guard.rc;
}

void mmio_guard_enter(const volatile uint64_t *address)
{
	guarded_address = address;
}

void mmio_guard_leave(void)
{
	guarded_address = NULL;
}

uint64_t mmio_guard_read(const volatile uint64_t *address)
{
	uint64_t value;

	mmio_guard_enter(address);
	value = *address;
	mmio_guard_leave();
	return value;
}

void mmio_guard_write(volatile uint64_t *address, uint64_t value)
{
	mmio_guard_enter(address);
	*address = value;
	mmio_guard_leave();
}
