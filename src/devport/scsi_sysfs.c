/* SPDX-License-Identifier: Apache-2.0 */
#include "devport/scsi_sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Reads the first line of a file, without its newline. Returns false if there is no such file. */
static bool read_line(const char *path, char *line, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, line, bytes - 1);
	(void)close(fd);
	if (length < 0)
		return false;
	line[length] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static bool exists(const char *sysfs, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", sysfs, name);
	return access(path, F_OK) == 0;
}

/* Finds the real path of the SCSI device of a node, .../hostN/targetN:C:T/N:C:T:L */
static bool find_scsi_device(const char *sysfs, mode_t mode, dev_t rdev, char path[PATH_MAX])
{
	char link[PATH_MAX];

	(void)snprintf(link, sizeof(link), "%s/dev/%s/%u:%u/device", sysfs,
		       S_ISBLK(mode) ? "block" : "char", major(rdev), minor(rdev));
	return realpath(link, path) != NULL;
}

/* Finds the name of the driver of the SCSI host of the device. */
static bool find_host_driver(const char *sysfs, const char *device, char *driver, size_t bytes)
{
	const char *host = strstr(device, "/host");
	char path[PATH_MAX];
	unsigned number;

	for (const char *next = host; next; next = strstr(next + 1, "/host"))
		host = next; /* the last one: a bus may have this name too */
	if (!host || sscanf(host, "/host%u", &number) != 1)
		return false;
	(void)snprintf(path, sizeof(path), "%s/class/scsi_host/host%u/proc_name", sysfs, number);
	return read_line(path, driver, bytes);
}

static int refuse(int rc, char *why, size_t why_bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(int rc, char *why, size_t why_bytes, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, why_bytes, format, ap);
	va_end(ap);
	return rc;
}

/* Linux 6.15 is the first without the driver. */
static bool kernel_lacks_driver(char *release, size_t bytes)
{
	struct utsname name;
	unsigned major_number = 0, minor_number = 0;

	if (uname(&name))
		return false;
	(void)snprintf(release, bytes, "%s", name.release);
	if (sscanf(name.release, "%u.%u", &major_number, &minor_number) != 2)
		return false;
	return major_number > 6 || (major_number == 6 && minor_number >= 15);
}

static bool has_driver(const char *sysfs)
{
	return exists(sysfs, "bus/pci/drivers/cxlflash") || exists(sysfs, "module/cxlflash");
}

static bool has_adapter(const char *sysfs)
{
	char path[PATH_MAX], driver[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/class/scsi_host", sysfs);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "%s/class/scsi_host/%s/proc_name", sysfs,
			       entry->d_name);
		found = read_line(path, driver, sizeof(driver)) && !strcmp(driver, "cxlflash");
	}
	(void)closedir(dir);
	return found;
}

/* Explains that the node is not a LUN of an adapter, and if the machine cannot have any, why. */
static int refuse_foreign(const char *sysfs, int rc, char *why, size_t why_bytes, const char *what)
{
	char release[sizeof(((struct utsname *)0)->release)];

	if (has_adapter(sysfs))
		return refuse(rc, why, why_bytes, "%s", what);
	if (has_driver(sysfs))
		return refuse(-ENODEV, why, why_bytes,
			      "%s; the cxlflash driver is there but has found no adapter", what);
	if (kernel_lacks_driver(release, sizeof(release)))
		return refuse(-ENODEV, why, why_bytes,
			      "%s; this kernel, %s, has no cxlflash driver (it left Linux with "
			      "6.15)",
			      what, release);
	return refuse(-ENODEV, why, why_bytes,
		      "%s; the cxlflash driver is not loaded (modprobe cxlflash)", what);
}

int scsi_sysfs_check(const char *sysfs, mode_t mode, dev_t rdev, char *why, size_t why_bytes)
{
	char device[PATH_MAX], path[PATH_MAX + 8], driver[64], what[128], lun_mode[32];

	if (!S_ISBLK(mode) && !S_ISCHR(mode))
		return refuse(-ENOTBLK, why, why_bytes, "is not a device node");
	if (!exists(sysfs, "dev"))
		return 0; /* sysfs is not mounted */
	if (!find_scsi_device(sysfs, mode, rdev, device) ||
	    !find_host_driver(sysfs, device, driver, sizeof(driver)))
		return refuse_foreign(sysfs, -ENOTBLK, why, why_bytes, "is not a SCSI disk");
	if (strcmp(driver, "cxlflash") != 0) {
		(void)snprintf(what, sizeof(what),
			       "belongs to driver '%s', not to a CXL Flash adapter", driver);
		return refuse_foreign(sysfs, -ENODEV, why, why_bytes, what);
	}
	(void)snprintf(path, sizeof(path), "%s/mode", device);
	if (read_line(path, lun_mode, sizeof(lun_mode)) && strcmp(lun_mode, "legacy") == 0)
		return refuse(-EPERM, why, why_bytes, "is in legacy mode");
	return 0;
}
