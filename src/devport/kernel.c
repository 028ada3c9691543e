/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Linux cxlflash driver behind the devport table: plain system calls on a SCSI disk or sg node
 * (fd1) and on the adapter fd that ATTACH returns (fd2).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devport/devport.h"
#include "devport/mmio_guard.h"
#include "devport/scsi_sysfs.h"

#define RHT_ENTRY_BYTES 16

struct kernel_port {
	struct devport port;
	int fd;
};

struct kernel_mmio {
	struct devport_mmio mmio;
	volatile uint64_t *registers;
	size_t bytes;
	int adap_fd;
	pid_t owner; /* a forked child does not have the mapping, see kernel_map() */
};

static struct kernel_port *port_of(struct devport *dp)
{
	return (struct kernel_port *)dp;
}

static struct kernel_mmio *mmio_of(struct devport_mmio *mmio)
{
	return (struct kernel_mmio *)mmio;
}

/* ---- fd1 ---- */

static void tell(devport_explain_fn explain, void *arg, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(devport_explain_fn explain, void *arg, const char *format, ...)
{
	char text[512];
	va_list ap;

	if (!explain)
		return;
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	explain(arg, text);
}

static int check_node(const char *device, devport_explain_fn explain, void *explain_arg)
{
	struct stat node;
	char why[256];
	int rc;

	if (stat(device, &node)) {
		rc = -errno;
		tell(explain, explain_arg, "%s: %s", device, strerror(-rc));
		return rc;
	}
	rc = scsi_sysfs_check("/sys", node.st_mode, node.st_rdev, why, sizeof(why));
	if (rc == -EPERM)
		tell(explain, explain_arg, "%s: %s; to change that: cxlfsadm lun enable %s", device,
		     why, device);
	else if (rc)
		tell(explain, explain_arg, "%s: %s", device, why);
	return rc;
}

static int open_node(const char *device, devport_explain_fn explain, void *explain_arg)
{
	int fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int rc = -errno;

	if (fd >= 0)
		return fd;
	if (rc == -EACCES || rc == -EPERM)
		tell(explain, explain_arg, "%s: no permission to read and write the device",
		     device);
	else
		tell(explain, explain_arg, "%s: %s", device, strerror(-rc));
	return rc;
}

static int kernel_open(const char *device, devport_explain_fn explain, void *explain_arg,
		       struct devport **ret_dp)
{
	struct kernel_port *port;
	int rc;

	rc = check_node(device, explain, explain_arg);
	if (rc)
		return rc;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	rc = open_node(device, explain, explain_arg);
	if (rc < 0) {
		free(port);
		return rc;
	}
	port->port.ops = &devport_kernel_ops;
	port->fd = rc;
	*ret_dp = &port->port;
	return 0;
}

static void kernel_close(struct devport *dp)
{
	if (!dp)
		return;
	(void)close(port_of(dp)->fd);
	free(port_of(dp));
}

static int kernel_ioctl(struct devport *dp, unsigned long request, void *arg)
{
	return ioctl(port_of(dp)->fd, request, arg) < 0 ? -errno : 0;
}

/* ---- fd2 ---- */

/*
 * Children must not get the mapping: already populated pages of it would let them touch our
 * registers. The price is that unmapping in a child has to be left out, for something else may
 * have been mapped there.
 */
static int kernel_map(struct devport *dp, int adap_fd, size_t bytes,
		      struct devport_mmio **ret_mmio)
{
	struct kernel_mmio *mmio = calloc(1, sizeof(*mmio));
	void *registers;
	int rc;

	(void)dp;
	if (!mmio)
		return -ENOMEM;
	rc = mmio_guard_install();
	if (rc)
		goto free_mmio;
	if (fcntl(adap_fd, F_SETFL, O_RDWR | O_NONBLOCK)) {
		rc = -errno;
		goto free_mmio;
	}
	registers = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, adap_fd, 0);
	if (registers == MAP_FAILED) {
		rc = -errno;
		goto free_mmio;
	}
	(void)madvise(registers, bytes, MADV_DONTFORK);
	mmio->mmio.ops = &devport_kernel_ops;
	mmio->registers = registers;
	mmio->bytes = bytes;
	mmio->adap_fd = adap_fd;
	mmio->owner = getpid();
	*ret_mmio = &mmio->mmio;
	return 0;

free_mmio:
	free(mmio);
	return rc;
}

static void kernel_unmap(struct devport_mmio *mmio)
{
	struct kernel_mmio *mine = mmio_of(mmio);

	if (!mine)
		return;
	if (mine->owner == getpid())
		(void)munmap((void *)(uintptr_t)mine->registers, mine->bytes);
	free(mine);
}

static int kernel_close_adap_fd(struct devport *dp, int adap_fd)
{
	(void)dp;
	return close(adap_fd) ? -errno : 0;
}

/* ---- registers ---- */

/* Big-endian on the wire. What is read after a register was read after it. */
static uint64_t kernel_read64(struct devport_mmio *mmio, unsigned offset)
{
	uint64_t value = mmio_guard_read(&mmio_of(mmio)->registers[offset / sizeof(uint64_t)]);

	__sync_synchronize();
	return be64toh(value);
}

/* All stores to queues and data are visible to the device before it sees this one. */
static void kernel_write64(struct devport_mmio *mmio, unsigned offset, uint64_t value)
{
	__sync_synchronize();
	mmio_guard_write(&mmio_of(mmio)->registers[offset / sizeof(uint64_t)], htobe64(value));
}

static unsigned kernel_run(struct devport_mmio *mmio)
{
	(void)mmio;
	return 0;
}

/* ---- events ---- */

static int kernel_event_fd(struct devport_mmio *mmio)
{
	return mmio_of(mmio)->adap_fd;
}

static ssize_t kernel_event_read(struct devport_mmio *mmio, void *buf, size_t bytes)
{
	ssize_t nr_read = read(mmio_of(mmio)->adap_fd, buf, bytes);

	return nr_read < 0 ? -errno : nr_read;
}

/* The driver gives a context one page for its table. */
static unsigned kernel_max_handles(struct devport *dp)
{
	long page_bytes = sysconf(_SC_PAGESIZE);

	(void)dp;
	return (unsigned)(page_bytes > 0 ? page_bytes : 4096) / RHT_ENTRY_BYTES;
}

const struct devport_ops devport_kernel_ops = {
	.name = "kernel",
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.max_handles = kernel_max_handles,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.close_adap_fd = kernel_close_adap_fd,
	.read64 = kernel_read64,
	.write64 = kernel_write64,
	.run = kernel_run,
	.event_fd = kernel_event_fd,
	.event_read = kernel_event_read,
};
