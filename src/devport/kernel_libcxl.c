/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers and events through IBM's libcxl: struct cxl_afu_h, header <libcxl.h>. This is not the
 * library of the same name for Compute Express Link.
 *
 * Problems of libcxl, and how this file avoids them:
 *
 *   cxl_afu_free() closes the descriptor     it gets a duplicate of fd2; that holds the open file
 *                                            no longer than the mapping would
 *   a register that reads all ones raises    with its SIGBUS handler installed, the access returns
 *   SIGBUS                                   an error instead
 *   that handler leaves by longjmp, and      the handler of mmio_guard runs first and repairs the
 *   stays armed afterwards                   mapping, so libcxl's never does
 *   cxl_mmio_map() gets the size from sysfs  map() fails unless it equals the driver's size
 *   it keeps events in the handle, where     event_read() returns all of them
 *   poll(2) does not see them
 *
 * libcxl does not support OpenCAPI adapters: cxl_afu_fd_to_h() fails, and kernel_syscall.c is used.
 */
#include <libcxl.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devport/kernel_mmio.h"
#include "devport/mmio_guard.h"

/* The driver returns at most this much from one read, so no event is larger. */
#define BLOCK_BYTES 4096

#define ALL_ONES UINT64_MAX

union event {
	struct cxl_event event;
	char bytes[BLOCK_BYTES];
};

struct libcxl_mmio {
	struct kernel_mmio mmio;
	struct cxl_afu_h *afu;
	const volatile uint64_t *registers;

	pthread_mutex_t event_lock; /* for @next and the events in @afu */
	union event next;           /* read but not yet returned; size 0: none */
};

static struct libcxl_mmio *libcxl_of(struct kernel_mmio *mmio)
{
	return (struct libcxl_mmio *)mmio;
}

/* Some versions of libcxl do not set errno for every failure. */
static int error_of_libcxl(void)
{
	return errno > 0 ? -errno : -EIO;
}

/* ---- mapping ---- */

/* In this order, so that the handler of mmio_guard is called first. */
static int install_handlers(void)
{
	if (cxl_mmio_install_sigbus_handler())
		return error_of_libcxl();
	return mmio_guard_install();
}

static int open_handle(int adap_fd, struct cxl_afu_h **ret_afu)
{
	int fd = fcntl(adap_fd, F_DUPFD_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	errno = 0;
	*ret_afu = cxl_afu_fd_to_h(fd);
	if (*ret_afu)
		return 0;
	rc = error_of_libcxl();
	(void)close(fd);
	return rc;
}

static int map_registers(struct cxl_afu_h *afu, size_t bytes, void **ret_registers)
{
	long mmio_bytes = 0;

	errno = 0;
	if (cxl_get_mmio_size(afu, &mmio_bytes))
		return error_of_libcxl();
	if (mmio_bytes < 0 || (size_t)mmio_bytes != bytes)
		return -EINVAL;
	if (cxl_mmio_map(afu, CXL_MMIO_BIG_ENDIAN) || cxl_mmio_ptr(afu, ret_registers))
		return error_of_libcxl();
	(void)madvise(*ret_registers, bytes, MADV_DONTFORK);
	return 0;
}

static int libcxl_map(int adap_fd, size_t bytes, struct kernel_mmio **ret_mmio)
{
	struct libcxl_mmio *mine;
	void *registers;
	int rc = install_handlers();

	if (rc)
		return rc;
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	rc = open_handle(adap_fd, &mine->afu);
	if (rc)
		goto free_mine;
	rc = map_registers(mine->afu, bytes, &registers);
	if (rc)
		goto free_handle;
	mine->registers = registers;
	(void)pthread_mutex_init(&mine->event_lock, NULL);
	*ret_mmio = &mine->mmio;
	return 0;

free_handle:
	cxl_afu_free(mine->afu);
free_mine:
	free(mine);
	return rc;
}

/* A child leaks the handle, because libcxl cannot free it without unmapping. */
static void libcxl_unmap(struct kernel_mmio *mmio, bool inherited)
{
	struct libcxl_mmio *mine = libcxl_of(mmio);

	if (inherited)
		(void)close(cxl_afu_fd(mine->afu));
	else
		cxl_afu_free(mine->afu);
	(void)pthread_mutex_destroy(&mine->event_lock);
	free(mine);
}

/* ---- registers; libcxl does the barriers and the byte order ---- */

static uint64_t libcxl_read64(struct kernel_mmio *mmio, unsigned offset)
{
	struct libcxl_mmio *mine = libcxl_of(mmio);
	uint64_t value;

	mmio_guard_enter(&mine->registers[offset / sizeof(uint64_t)]);
	if (cxl_mmio_read64(mine->afu, offset, &value))
		value = ALL_ONES;
	mmio_guard_leave();
	return value;
}

/* A store fails only if the context is lost; such a store has no effect. */
static void libcxl_write64(struct kernel_mmio *mmio, unsigned offset, uint64_t value)
{
	struct libcxl_mmio *mine = libcxl_of(mmio);

	mmio_guard_enter(&mine->registers[offset / sizeof(uint64_t)]);
	(void)cxl_mmio_write64(mine->afu, offset, value);
	mmio_guard_leave();
}

/* ---- events ---- */

static int libcxl_event_fd(struct kernel_mmio *mmio)
{
	return cxl_afu_fd(libcxl_of(mmio)->afu);
}

/* An event with an impossible size is an error, because the rest cannot be parsed. */
static int take_next_locked(struct libcxl_mmio *mine)
{
	int rc = 0;

	if (mine->next.event.header.size)
		return 0;
	errno = 0;
	if (cxl_read_event(mine->afu, &mine->next.event))
		rc = error_of_libcxl();
	else if (mine->next.event.header.size < sizeof(mine->next.event.header) ||
		 mine->next.event.header.size > sizeof(mine->next))
		rc = -EIO;
	if (rc)
		mine->next.event.header.size = 0;
	return rc == -ENODATA ? -EAGAIN : rc;
}

/* An event that does not fit into @buf stays in @next. */
static ssize_t read_events_locked(struct libcxl_mmio *mine, char *buf, size_t bytes)
{
	size_t used = 0;

	while (!used || cxl_event_pending(mine->afu) > 0) {
		int rc = take_next_locked(mine);
		size_t size = mine->next.event.header.size;

		if (rc)
			return used ? (ssize_t)used : rc;
		if (size > bytes - used)
			return used ? (ssize_t)used : -EINVAL;
		memcpy(buf + used, mine->next.bytes, size);
		used += size;
		mine->next.event.header.size = 0;
	}
	return (ssize_t)used;
}

static ssize_t libcxl_event_read(struct kernel_mmio *mmio, void *buf, size_t bytes)
{
	struct libcxl_mmio *mine = libcxl_of(mmio);
	ssize_t rc;

	pthread_mutex_lock(&mine->event_lock);
	rc = read_events_locked(mine, buf, bytes);
	pthread_mutex_unlock(&mine->event_lock);
	return rc;
}

const struct kernel_access kernel_libcxl = {
	.name = "IBM libcxl",
	.map = libcxl_map,
	.unmap = libcxl_unmap,
	.read64 = libcxl_read64,
	.write64 = libcxl_write64,
	.event_fd = libcxl_event_fd,
	.event_read = libcxl_event_read,
};
