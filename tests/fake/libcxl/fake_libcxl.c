/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_libcxl.h"

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libcxl.h"

struct cxl_afu_h {
	int fd;
	char *registers;
	size_t bytes;
	__u32 flags;
	_Alignas(8) char block[CXL_READ_MIN_SIZE];
	size_t next, end; /* of what is still to be given of the block */
};

static struct fake_libcxl fake;

struct fake_libcxl *fake_libcxl(void)
{
	return &fake;
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* ---- handles ---- */

struct cxl_afu_h *cxl_afu_fd_to_h(int fd)
{
	struct cxl_afu_h *afu;

	if (fake.refuse_fd) {
		errno = fake.refuse_fd;
		return NULL;
	}
	afu = calloc(1, sizeof(*afu));
	if (!afu)
		return NULL;
	afu->fd = fd;
	fake.nr_handles++;
	fake.newest = afu;
	return afu;
}

void cxl_afu_free(struct cxl_afu_h *afu)
{
	if (!afu)
		return;
	(void)cxl_mmio_unmap(afu);
	(void)close(afu->fd);
	if (fake.newest == afu)
		fake.newest = NULL;
	free(afu);
	fake.nr_handles--;
}

int cxl_afu_fd(struct cxl_afu_h *afu)
{
	return afu->fd;
}

/* ---- events ---- */

/* A wrong size is one of the things a test gives; the real one checks little of it. */
static int give_cached(struct cxl_afu_h *afu, struct cxl_event *event)
{
	const struct cxl_event *cached = (const struct cxl_event *)(afu->block + afu->next);

	memcpy(event, cached, cached->header.size < 8 ? 8 : cached->header.size);
	afu->next += cached->header.size;
	return 0;
}

static ssize_t read_block(struct cxl_afu_h *afu)
{
	ssize_t length = -EAGAIN;

	fake.nr_reads_done++;
	if (fake.next_read < fake.nr_reads) {
		length = fake.reads[fake.next_read].length;
		if (length > 0)
			memcpy(afu->block, fake.reads[fake.next_read].bytes, (size_t)length);
		fake.next_read++;
	}
	if (length < 0)
		return refuse((int)-length);
	return length;
}

int cxl_event_pending(struct cxl_afu_h *afu)
{
	return afu->next != afu->end || fake.next_read < fake.nr_reads;
}

int cxl_read_event(struct cxl_afu_h *afu, struct cxl_event *event)
{
	ssize_t length;

	if (afu->next != afu->end)
		return give_cached(afu, event);
	length = read_block(afu);
	if (length <= 0) {
		memset(event, 0xdb, sizeof(*event));
		event->header.type = CXL_EVENT_READ_FAIL;
		event->header.size = 0;
		return length < 0 ? -1 : refuse(ENODATA);
	}
	afu->next = 0;
	afu->end = (size_t)length;
	return give_cached(afu, event);
}

/* ---- mapping ---- */

int cxl_get_mmio_size(struct cxl_afu_h *afu, long *valp)
{
	(void)afu;
	if (fake.refuse_size)
		return refuse(fake.refuse_size);
	*valp = fake.mmio_bytes;
	return 0;
}

int cxl_mmio_map(struct cxl_afu_h *afu, __u32 flags)
{
	void *registers;

	if (fake.refuse_map)
		return refuse(fake.refuse_map);
	afu->bytes = (size_t)fake.mmio_bytes;
	registers = mmap(NULL, afu->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, afu->fd, 0);
	if (registers == MAP_FAILED)
		return -1;
	afu->registers = registers;
	afu->flags = flags;
	return 0;
}

int cxl_mmio_unmap(struct cxl_afu_h *afu)
{
	if (!afu->registers)
		return refuse(EINVAL);
	(void)munmap(afu->registers, afu->bytes);
	afu->registers = NULL;
	return 0;
}

int cxl_mmio_ptr(struct cxl_afu_h *afu, void **mmio_ptrp)
{
	if (!afu->registers)
		return refuse(EINVAL);
	*mmio_ptrp = afu->registers;
	return 0;
}

/* ---- accesses, and the handler that gives them up ---- */

static _Thread_local sigjmp_buf give_up;
static _Thread_local volatile bool armed;
static bool handler_installed;
static struct sigaction handler_before;

static void on_sigbus(int signal_number, siginfo_t *info, void *ucontext)
{
	if (armed && info->si_code == BUS_ADRERR) {
		fake.nr_jumps++;
		siglongjmp(give_up, 1);
	}
	if (handler_before.sa_handler == SIG_DFL) {
		(void)sigaction(SIGBUS, &handler_before, NULL);
		(void)raise(SIGBUS);
	} else if (handler_before.sa_handler != SIG_IGN) {
		handler_before.sa_sigaction(signal_number, info, ucontext);
	}
}

int cxl_mmio_install_sigbus_handler(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	if (handler_installed)
		return 0;
	handler_installed = true;
	return sigaction(SIGBUS, &action, &handler_before);
}

static int fail_access(void)
{
	if (!handler_installed)
		(void)raise(SIGBUS);
	return refuse(EIO);
}

static uint64_t swap_if(const struct cxl_afu_h *afu, uint64_t value)
{
	return afu->flags == CXL_MMIO_BIG_ENDIAN ? htobe64(value) : htole64(value);
}

static bool is_register(const struct cxl_afu_h *afu, uint64_t offset)
{
	return afu->registers && offset < afu->bytes && offset % sizeof(uint64_t) == 0;
}

int cxl_mmio_write64(struct cxl_afu_h *afu, uint64_t offset, uint64_t data)
{
	const volatile uint64_t wire = swap_if(afu, data); /* volatile: sigsetjmp() comes between */

	if (!is_register(afu, offset))
		return refuse(EINVAL);
	if (handler_installed && sigsetjmp(give_up, 1))
		return fail_access();
	armed = handler_installed;
	__sync_synchronize();
	*(volatile uint64_t *)(afu->registers + offset) = wire;
	armed = false;
	return 0;
}

int cxl_mmio_read64(struct cxl_afu_h *afu, uint64_t offset, uint64_t *data)
{
	*data = UINT64_MAX;
	if (!is_register(afu, offset))
		return refuse(EINVAL);
	if (handler_installed && sigsetjmp(give_up, 1))
		return fail_access();
	armed = handler_installed;
	*data = swap_if(afu, *(volatile uint64_t *)(afu->registers + offset));
	__sync_synchronize();
	armed = false;
	return *data == UINT64_MAX ? fail_access() : 0;
}
