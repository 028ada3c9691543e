/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cxlflash driver's adapters as sysfs shows them:
 *
 *     class/scsi_host/hostN/{proc_name,port0..port3}
 *     class/scsi_device/H:C:T:L/device/{type,mode,vpd_pg83,wwid,block/,scsi_generic/}
 *
 * The channel C of a SCSI address is the port of the adapter.
 */
#include "adm/lun.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#define DRIVER       "cxlflash"
#define SECTOR_BYTES 512

static int real_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

const struct lun_host lun_this_host = {
	.sysfs = "/sys",
	.dev = "/dev",
	.proc = "/proc",
	.ioctl = real_ioctl,
};

struct address {
	unsigned host, channel, target;
	unsigned long long lun;
};

/* ---- attributes ---- */

static ssize_t __attribute__((format(printf, 3, 4)))
read_bytes(void *buf, size_t bytes, const char *format, ...)
{
	char path[PATH_MAX];
	ssize_t got;
	va_list ap;
	int fd;

	va_start(ap, format);
	vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	got = read(fd, buf, bytes);
	if (got < 0)
		got = -errno;
	close(fd);
	return got;
}

/* The first line of an attribute, without trailing blanks; empty when there is none. */
#define read_line(line, ...) \
	end_line(line, sizeof(line), read_bytes(line, sizeof(line) - 1, __VA_ARGS__))

static bool end_line(char *line, size_t bytes, ssize_t got)
{
	size_t length = got < 0 ? 0 : (size_t)got < bytes ? (size_t)got : bytes - 1;

	line[length] = '\0';
	length = strcspn(line, "\n");
	while (length && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	return got >= 0;
}

/* The name of the one entry of a device's directory such as block/. */
static void only_entry(char name[LUN_NAME_BYTES], const char *device, const char *directory)
{
	char path[PATH_MAX + LUN_NAME_BYTES];
	struct dirent *entry;
	DIR *dir;

	*name = '\0';
	snprintf(path, sizeof(path), "%s/%s", device, directory);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < LUN_NAME_BYTES)
			strcpy(name, entry->d_name);
	closedir(dir);
}

/* ---- the identity of a LUN ---- */

/* The NAA-6 designator of the LUN itself in the device identification page. */
static int wwid_of_page(const uint8_t *page, size_t bytes, uint8_t ret_wwid[DK_WWID_LEN])
{
	size_t end = bytes >= 4 ? 4 + (size_t)(page[2] << 8 | page[3]) : 0;

	if (end > bytes)
		end = bytes;
	for (size_t at = 4; at + 4 <= end; at += 4 + (size_t)page[at + 3]) {
		const uint8_t *designator = page + at;

		if ((designator[0] & 0x0f) != 1 || (designator[1] & 0x3f) != 3 ||
		    designator[3] != DK_WWID_LEN || at + 4 + DK_WWID_LEN > end ||
		    designator[4] >> 4 != 6)
			continue;
		memcpy(ret_wwid, designator + 4, DK_WWID_LEN);
		return 0;
	}
	return -ENOENT;
}

static int read_wwid(const char *device, uint8_t ret_wwid[DK_WWID_LEN])
{
	uint8_t page[4096];
	ssize_t got = read_bytes(page, sizeof(page), "%s/vpd_pg83", device);
	char line[128];

	if (got > 0 && !wwid_of_page(page, (size_t)got, ret_wwid))
		return 0;
	if (!read_line(line, "%s/wwid", device))
		return -ENOENT;
	return lun_wwid_parse(line, ret_wwid);
}

/* ---- one path ---- */

static void read_size(const struct lun_host *host, const char *disk, struct lun *lun)
{
	char line[32];

	if (read_line(line, "%s/block/%s/size", host->sysfs, disk))
		lun->bytes = strtoull(line, NULL, 10) * SECTOR_BYTES;
	if (read_line(line, "%s/block/%s/queue/logical_block_size", host->sysfs, disk))
		lun->block_bytes = (uint32_t)strtoul(line, NULL, 10);
}

static void name_node(const struct lun_host *host, char node[LUN_NAME_BYTES], const char *name)
{
	if (snprintf(node, LUN_NAME_BYTES, "%s/%s", host->dev, name) >= LUN_NAME_BYTES)
		*node = '\0';
}

static void name_nodes(const struct lun_host *host, const char *device, struct lun *lun,
		       struct lun_path *path)
{
	char name[LUN_NAME_BYTES];

	only_entry(name, device, "block");
	if (*name) {
		name_node(host, path->device, name);
		read_size(host, name, lun);
	}
	only_entry(name, device, "scsi_generic");
	if (*name)
		name_node(host, path->generic, name);
	if (!*path->device)
		strcpy(path->device, path->generic);
}

static int add_path(const struct lun_host *host, const struct address *at, struct lun_list *list)
{
	char device[PATH_MAX], line[32], adapter[LUN_NAME_BYTES];
	uint8_t wwid[DK_WWID_LEN];
	struct lun_path *path;
	struct lun *lun;

	snprintf(device, sizeof(device), "%s/class/scsi_device/%u:%u:%u:%llu/device", host->sysfs,
		 at->host, at->channel, at->target, at->lun);
	if (!read_line(line, "%s/type", device) || strcmp(line, "0"))
		return 0; /* not a disk */
	if (read_wwid(device, wwid)) {
		adm_say("%u:%u:%u:%llu: skipped: its VPD page 0x83 has no NAA-6 identifier",
			at->host, at->channel, at->target, at->lun);
		return 0;
	}
	snprintf(adapter, sizeof(adapter), "host%u", at->host);
	lun = lun_list_lun(list, wwid);
	path = lun ? lun_add_path(lun, adapter, at->channel) : NULL;
	if (!path)
		return -ENOMEM;
	path->superpipe = read_line(line, "%s/mode", device) && !strcmp(line, "superpipe");
	name_nodes(host, device, lun, path);
	return 0;
}

/* ---- adapters ---- */

static int is_numbered_host(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "host", 4) && entry->d_name[4] != '\0';
}

static bool is_ours(const struct lun_host *host, const char *name)
{
	char line[32];

	return read_line(line, "%s/class/scsi_host/%s/proc_name", host->sysfs, name) &&
	       !strcmp(line, DRIVER);
}

/* .../0006:00:00.0/host0/scsi_host/host0: the component before hostN is the PCI function. */
static void read_pci_address(const struct lun_host *host, struct lun_adapter *adapter)
{
	char link[PATH_MAX], target[PATH_MAX], needle[LUN_NAME_BYTES + 2], *end, *start;
	ssize_t length;

	snprintf(link, sizeof(link), "%s/class/scsi_host/%s", host->sysfs, adapter->name);
	length = readlink(link, target, sizeof(target) - 1);
	if (length < 0)
		return;
	target[length] = '\0';
	snprintf(needle, sizeof(needle), "/%s/", adapter->name);
	end = strstr(target, needle);
	if (!end)
		return;
	*end = '\0';
	start = strrchr(target, '/');
	snprintf(adapter->address, sizeof(adapter->address), "%.*s", LUN_NAME_BYTES - 1,
		 start ? start + 1 : target);
}

static int add_adapter(const struct lun_host *host, const char *name, struct lun_list *list)
{
	struct lun_adapter *adapter = lun_list_adapter(list, name);

	if (!adapter)
		return -ENOMEM;
	read_pci_address(host, adapter);
	return 0;
}

static void read_ports(const struct lun_host *host, struct lun_adapter *adapter)
{
	for (unsigned port = 0; port < LUN_MAX_PORTS; port++) {
		char *state = adapter->port_state[port];

		/* A port that the card does not have reads as nothing. */
		end_line(state, sizeof(adapter->port_state[port]),
			 read_bytes(state, sizeof(adapter->port_state[port]) - 1,
				    "%s/class/scsi_host/%s/port%u", host->sysfs, adapter->name,
				    port));
		if (*state)
			adapter->nr_ports = port + 1;
	}
}

void lun_sysfs_read_ports(const struct lun_host *host, struct lun_list *list)
{
	for (unsigned i = 0; i < list->nr_adapters; i++)
		read_ports(host, &list->adapters[i]);
}

static int add_adapters(const struct lun_host *host, struct lun_list *list)
{
	char directory[PATH_MAX];
	struct dirent **entries;
	int nr, err = 0;

	snprintf(directory, sizeof(directory), "%s/class/scsi_host", host->sysfs);
	nr = scandir(directory, &entries, is_numbered_host, versionsort);
	if (nr < 0)
		return 0;
	for (int i = 0; i < nr; i++) {
		if (!err && is_ours(host, entries[i]->d_name))
			err = add_adapter(host, entries[i]->d_name, list);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static bool on_listed_adapter(const struct lun_list *list, unsigned host)
{
	char name[LUN_NAME_BYTES];

	snprintf(name, sizeof(name), "host%u", host);
	for (unsigned i = 0; i < list->nr_adapters; i++)
		if (!strcmp(list->adapters[i].name, name))
			return true;
	return false;
}

static int is_address(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int add_paths(const struct lun_host *host, struct lun_list *list)
{
	char directory[PATH_MAX];
	struct dirent **entries;
	struct address at;
	int nr, err = 0;

	snprintf(directory, sizeof(directory), "%s/class/scsi_device", host->sysfs);
	nr = scandir(directory, &entries, is_address, versionsort);
	if (nr < 0)
		return 0;
	for (int i = 0; i < nr; i++) {
		if (!err &&
		    sscanf(entries[i]->d_name, "%u:%u:%u:%llu", &at.host, &at.channel, &at.target,
			   &at.lun) == 4 &&
		    on_listed_adapter(list, at.host))
			err = add_path(host, &at, list);
		free(entries[i]);
	}
	free(entries);
	return err;
}

/* ---- when there is none ---- */

static bool driver_is_there(const struct lun_host *host)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/" DRIVER, host->sysfs);
	if (!access(path, F_OK))
		return true;
	snprintf(path, sizeof(path), "%s/module/" DRIVER, host->sysfs);
	return !access(path, F_OK);
}

static void explain_absence(const struct lun_host *host)
{
	unsigned major = 0, minor = 0;
	struct utsname uts = { 0 };
	const char *release = host->release;

	if (!release && !uname(&uts))
		release = uts.release;
	if (driver_is_there(host)) {
		adm_say("the " DRIVER " driver has found no CXL Flash adapter");
		return;
	}
	if (release && sscanf(release, "%u.%u", &major, &minor) == 2 &&
	    (major > 6 || (major == 6 && minor >= 15)))
		adm_say("this kernel (%s) has no " DRIVER " driver: Linux 6.15 "
			"removed it",
			release);
	else
		adm_say("the " DRIVER " driver is not loaded; try: modprobe " DRIVER);
}

int lun_sysfs_scan(const struct lun_host *host, struct lun_list *list)
{
	int err = add_adapters(host, list);

	if (!err && !list->nr_adapters) {
		explain_absence(host);
		return -ENODEV;
	}
	if (!err)
		err = add_paths(host, list);
	if (err)
		adm_say("%s", strerror(-err));
	return err;
}
