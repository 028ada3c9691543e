/* SPDX-License-Identifier: Apache-2.0 */
/* Creates an adapter: media, the MMIO file, and last the state file, whose name completes it. */
#include "emul/store/opener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "emul/store/layout.h"
#include "emul/store/state.h"

/* ---- media ---- */

/** Size of a medium, which is a regular file or a block device. */
static int medium_bytes(int fd, bool *ret_is_device, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	*ret_is_device = S_ISBLK(st.st_mode);
	*ret_bytes = (uint64_t)st.st_size;
	if (S_ISREG(st.st_mode))
		return 0;
	if (!S_ISBLK(st.st_mode))
		return -EINVAL;
	return ioctl(fd, BLKGETSIZE64, ret_bytes) ? -errno : 0;
}

/** Extends a file to the size of its LUN; without size=, a block device sets that size. */
static int fit_medium(struct opener *o, int fd, unsigned lun, struct emul_geometry *geometry)
{
	uint64_t wanted = geometry->lun_blocks[lun] * geometry->block_bytes, bytes;
	bool is_device;
	int rc = medium_bytes(fd, &is_device, &bytes);

	if (rc)
		return explain_error(&o->to, rc, "%s/lun%u is neither a file nor a block device",
				     o->spec->path, lun);
	if (is_device && !(o->spec->given & EMUL_OPT_SIZE)) {
		geometry->lun_blocks[lun] = bytes / geometry->block_bytes;
		return 0;
	}
	if (bytes >= wanted)
		return 0;
	if (is_device)
		return explain_error(&o->to, -EINVAL,
				     "%s/lun%u is a block device smaller than the requested size",
				     o->spec->path, lun);
	if (ftruncate(fd, (off_t)wanted))
		return explain_error(&o->to, -errno, "cannot make %s/lun%u %llu bytes long: %s",
				     o->spec->path, lun, (unsigned long long)wanted,
				     strerror(errno));
	return 0;
}

/** Opens a file of the directory, and creates it if it is missing. Explains errors. */
static int open_or_create(struct opener *o, const char *name, bool *ret_made)
{
	int fd = openat(o->store->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*ret_made = fd >= 0;
	if (fd < 0 && errno == EEXIST) {
		fd = store_open_file(o, name, O_RDWR);
		return fd == -ENOENT
			       ? explain_error(&o->to, fd, "%s/%s is a dangling symbolic link",
					       o->spec->path, name)
			       : fd;
	}
	if (fd < 0)
		return explain_error(&o->to, -errno, "cannot make %s/%s: %s", o->spec->path, name,
				     strerror(errno));
	return fd;
}

static int make_medium(struct opener *o, unsigned lun, struct emul_geometry *geometry)
{
	char name[16];
	bool made;
	int fd, rc;

	store_lun_name(name, lun);
	fd = open_or_create(o, name, &made);
	if (made)
		o->made_luns |= 1ull << lun;
	if (fd < 0)
		return fd;
	rc = fit_medium(o, fd, lun, geometry);
	close(fd);
	return rc;
}

/* ---- creation ---- */

static bool is_expected_name(const char *name)
{
	const char *s = name + 3;

	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, STORE_NEW_NAME) ||
	    !strcmp(name, STORE_MMIO_NAME) || !strcmp(name, "lost+found"))
		return true;
	if (strncmp(name, "lun", 3) || !*s)
		return false;
	return strspn(s, "0123456789") == strlen(s);
}

/** Fails unless the directory holds nothing but parts of an adapter. */
static int check_empty(struct opener *o)
{
	int fd = openat(o->store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return explain_error(&o->to, rc, "cannot read directory %s: %s", o->spec->path,
				     strerror(-rc));
	}
	while (!rc && (entry = readdir(dir)))
		if (!is_expected_name(entry->d_name))
			rc = explain_error(&o->to, -EINVAL,
					   "%s is not empty and not an emulated adapter",
					   o->spec->path);
	closedir(dir);
	return rc;
}

static void fill_head(struct emul_head *head, const struct emul_geometry *geometry)
{
	memcpy(head->magic, EMUL_MAGIC, sizeof(head->magic));
	head->version = EMUL_VERSION;
	head->head_bytes = sizeof(*head);
	head->shm_bytes = sizeof(struct emul_shm);
	head->geometry = *geometry;
	head->endian = STORE_ENDIAN_MARK;
	/* Resembles bits 4 to 35 of a kernel address, and differs between adapters. */
	head->cookie_high = 0xc0000000u | ((uint32_t)clock_read_ns(CLOCK_REALTIME) & 0xffffu) << 12;
}

static int write_state(struct opener *o, int fd, const struct emul_head *head)
{
	struct emul_shm *shm;
	int rc = 0;

	if (ftruncate(fd, (off_t)head->file_bytes))
		return explain_error(&o->to, -errno, "cannot make %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(errno));
	if (posix_fallocate(fd, 0, (off_t)head->rht_offset))
		return explain_error(&o->to, -ENOSPC, "no space for the state of an adapter in %s",
				     o->spec->path);
	shm = mmap(NULL, head->rht_offset, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shm == MAP_FAILED)
		return explain_error(&o->to, -errno, "cannot map %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(errno));
	shm->head = *head;
	emul_fault_seed(&shm->fault, head->geometry.seed);
	emul_state_init(shm);
	if (msync(shm, head->rht_offset, MS_SYNC))
		rc = explain_error(&o->to, -errno, "cannot write %s/%s: %s", o->spec->path,
				   STORE_STATE_NAME, strerror(errno));
	munmap(shm, head->rht_offset);
	return rc;
}

static int make_state(struct opener *o, const struct emul_geometry *geometry)
{
	struct emul_head head = { 0 };
	int dir_fd = o->store->dir_fd, fd, rc;

	fill_head(&head, geometry);
	if (!emul_layout_fill(&head))
		return explain_error(&o->to, -EINVAL,
				     "an adapter with LUNs of that size cannot be emulated");
	head.crc = emul_layout_crc(&head);
	(void)unlinkat(dir_fd, STORE_NEW_NAME, 0);
	fd = openat(dir_fd, STORE_NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return explain_error(&o->to, -errno, "cannot make an adapter in %s: %s",
				     o->spec->path, strerror(errno));
	rc = write_state(o, fd, &head);
	if (!rc && renameat(dir_fd, STORE_NEW_NAME, dir_fd, STORE_STATE_NAME))
		rc = explain_error(&o->to, -errno, "cannot name %s/%s: %s", o->spec->path,
				   STORE_STATE_NAME, strerror(errno));
	if (rc)
		(void)unlinkat(dir_fd, STORE_NEW_NAME, 0);
	close(fd);
	return rc;
}

static int make_mmio(struct opener *o)
{
	int fd = open_or_create(o, STORE_MMIO_NAME, &o->made_mmio), rc = 0;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)EMUL_MAX_PES * SISL_MMIO_BYTES))
		rc = explain_error(&o->to, -errno, "cannot make %s/%s: %s", o->spec->path,
				   STORE_MMIO_NAME, strerror(errno));
	close(fd);
	return rc;
}

static void remove_created(struct opener *o)
{
	char name[16];

	for (unsigned i = 0; i < EMUL_MAX_LUNS; i++) {
		store_lun_name(name, i);
		if (o->made_luns >> i & 1)
			(void)unlinkat(o->store->dir_fd, name, 0);
	}
	if (o->made_mmio)
		(void)unlinkat(o->store->dir_fd, STORE_MMIO_NAME, 0);
}

int store_create(struct opener *o)
{
	struct emul_geometry geometry = o->spec->geometry;
	int rc = check_empty(o);

	for (unsigned i = 0; !rc && i < geometry.nr_luns; i++)
		rc = make_medium(o, i, &geometry);
	if (!rc)
		rc = make_mmio(o);
	if (!rc)
		rc = make_state(o, &geometry);
	if (rc)
		remove_created(o);
	return rc;
}
