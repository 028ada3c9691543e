/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devport for the Linux cxlflash driver: ioctls on a SCSI disk or sg node (fd1), and kernel_mmio.h
 * for the adapter fd that ATTACH returns (fd2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/explain.h"
#include "base/log.h"
#include "devport/devport.h"
#include "devport/kernel_mmio.h"
#include "devport/scsi_sysfs.h"

#define RHT_ENTRY_BYTES 16

struct kernel_port {
	struct devport port;
	int fd;
};

/* In the order in which they are tried. */
static const struct kernel_access *const access_methods[] = {
#ifdef HAVE_LIBCXL
	&kernel_libcxl,
#endif
	&kernel_syscall,
};

#define NR_ACCESS_METHODS (sizeof(access_methods) / sizeof(access_methods[0]))

static struct kernel_port *port_of(struct devport *dp)
{
	return (struct kernel_port *)dp;
}

static struct kernel_mmio *mmio_of(struct devport_mmio *mmio)
{
	return (struct kernel_mmio *)mmio;
}

/* ---- fd1 ---- */

static int check_node(const char *device, const struct explainer *to)
{
	struct stat node;
	char why[256];
	int rc;

	if (stat(device, &node))
		return explain_error(to, -errno, "%s: %s", device, strerror(errno));
	rc = scsi_sysfs_check("/sys", node.st_mode, node.st_rdev, why, sizeof(why));
	if (rc == -EPERM)
		return explain_error(to, rc, "%s %s; to change that: cxlfsadm lun enable %s",
				     device, why, device);
	return rc ? explain_error(to, rc, "%s %s", device, why) : 0;
}

static int open_node(const char *device, const struct explainer *to)
{
	int fd = open(device, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	int rc = -errno;

	if (fd >= 0)
		return fd;
	if (rc == -EACCES || rc == -EPERM)
		return explain_error(to, rc, "%s: no permission to read and write the device",
				     device);
	return explain_error(to, rc, "%s: %s", device, strerror(-rc));
}

static int kernel_open(const char *device, explain_fn explain, void *explain_arg,
		       struct devport **ret_dp)
{
	const struct explainer to = { explain, explain_arg };
	struct kernel_port *port;
	int rc;

	rc = check_node(device, &to);
	if (rc)
		return rc;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	rc = open_node(device, &to);
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

static void kernel_each_file(struct devport *dp, devport_file_fn *fn, void *arg)
{
	fn(arg, port_of(dp)->fd);
}

static int kernel_ioctl(struct devport *dp, unsigned long request, void *arg)
{
	return ioctl(port_of(dp)->fd, request, arg) < 0 ? -errno : 0;
}

/* ---- fd2 ---- */

/* Returns the error of the last method if all of them fail. */
static int map_registers(int adap_fd, size_t bytes, struct kernel_mmio **ret_mmio)
{
	int rc = -EINVAL;

	for (size_t i = 0; i < NR_ACCESS_METHODS; i++) {
		rc = access_methods[i]->map(adap_fd, bytes, ret_mmio);
		if (!rc) {
			(*ret_mmio)->access = access_methods[i];
			return 0;
		}
		log_debug(LOGC_SUPERPIPE, "registers through %s: %s", access_methods[i]->name,
			  strerror(-rc));
	}
	return rc;
}

static int kernel_map(struct devport *dp, int adap_fd, size_t bytes, struct devport_mmio **ret_mmio)
{
	struct kernel_mmio *mmio;
	int rc;

	(void)dp;
	if (fcntl(adap_fd, F_SETFL, O_RDWR | O_NONBLOCK))
		return -errno;
	rc = map_registers(adap_fd, bytes, &mmio);
	if (rc)
		return rc;
	mmio->mmio.ops = &devport_kernel_ops;
	mmio->owner = getpid();
	*ret_mmio = &mmio->mmio;
	return 0;
}

static void kernel_unmap(struct devport_mmio *mmio)
{
	if (mmio)
		mmio_of(mmio)->access->unmap(mmio_of(mmio), mmio_of(mmio)->owner != getpid());
}

static int kernel_close_adap_fd(struct devport *dp, int adap_fd)
{
	(void)dp;
	return close(adap_fd) ? -errno : 0;
}

static uint64_t kernel_read64(struct devport_mmio *mmio, unsigned offset)
{
	return mmio_of(mmio)->access->read64(mmio_of(mmio), offset);
}

static void kernel_write64(struct devport_mmio *mmio, unsigned offset, uint64_t value)
{
	mmio_of(mmio)->access->write64(mmio_of(mmio), offset, value);
}

static unsigned kernel_run(struct devport_mmio *mmio)
{
	(void)mmio;
	return 0;
}

static void kernel_add_pollers(struct devport *dp, int nr)
{
	(void)dp;
	(void)nr;
}

static int kernel_event_fd(struct devport_mmio *mmio)
{
	return mmio_of(mmio)->access->event_fd(mmio_of(mmio));
}

static ssize_t kernel_event_read(struct devport_mmio *mmio, void *buf, size_t bytes)
{
	return mmio_of(mmio)->access->event_read(mmio_of(mmio), buf, bytes);
}

const char *devport_kernel_access(void)
{
	return access_methods[0]->name;
}

static bool kernel_is_synchronous(struct devport *dp)
{
	(void)dp;
	return false;
}

/* The driver allocates one page for the handle table of a context. */
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
	.each_file = kernel_each_file,
	.ioctl = kernel_ioctl,
	.max_handles = kernel_max_handles,
	.is_synchronous = kernel_is_synchronous,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.close_adap_fd = kernel_close_adap_fd,
	.read64 = kernel_read64,
	.write64 = kernel_write64,
	.run = kernel_run,
	.add_pollers = kernel_add_pollers,
	.event_fd = kernel_event_fd,
	.event_read = kernel_event_read,
};
