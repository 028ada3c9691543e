/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "emul/store/layout.h"
#include "emul/store/state.h"
#include "emul/store/safe_open.h"

#define FILE_NAME "adapter"
#define NEW_NAME  ".adapter.new"
#define MMIO_NAME "mmio"
#define ENDIAN_MARK 0x01020304u

struct opener {
	const struct emul_spec *spec;
	struct explainer to;
	struct emul_store *store;
	/* made by this opener, to be removed again if the adapter is not completed */
	uint64_t made_luns;
	bool made_mmio;
};

/** Open a file of the directory; or explain, and return -errno. */
static int open_file(const struct opener *o, const char *name, int flags)
{
	char why[EMUL_SAFE_OPEN_WHY];
	int fd = emul_safe_open(o->store->dir_fd, name, flags, why);

	if (fd == -ENOENT || fd >= 0)
		return fd;
	return explain_error(&o->to, fd, why[0] ? "%s/%s %s" : "cannot open %s/%s: %s",
			     o->spec->path, name, why[0] ? why : strerror(-fd));
}

int emul_store_reserve(int file_fd, uint64_t offset, uint64_t bytes)
{
	return posix_fallocate(file_fd, (off_t)offset, (off_t)bytes) ? -ENOMEM : 0;
}

int emul_store_identify(const char *path, uint64_t *ret_dev, uint64_t *ret_ino)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	return 0;
}

/* ---- media --------------------------------------------------------------------------------- */

static void lun_name(char name[16], unsigned lun)
{
	snprintf(name, 16, "lun%u", lun);
}

/** Size of what stands behind a medium's name: a regular file or a block device. */
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

/** Make medium @lun large enough, or its LUN as large as a block device that was put there. */
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
				     "%s/lun%u is a block device smaller than the size asked",
				     o->spec->path, lun);
	if (ftruncate(fd, (off_t)wanted))
		return explain_error(&o->to, -errno, "cannot make %s/lun%u %llu bytes long: %s",
				     o->spec->path, lun, (unsigned long long)wanted,
				     strerror(errno));
	return 0;
}

/** Open a file of the directory, making it if it is not there; or explain. */
static int open_or_create(struct opener *o, const char *name, bool *ret_made)
{
	int fd = openat(o->store->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	*ret_made = fd >= 0;
	if (fd < 0 && errno == EEXIST) {
		fd = open_file(o, name, O_RDWR);
		return fd == -ENOENT ? explain_error(&o->to, fd, "%s/%s leads to nothing",
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

	lun_name(name, lun);
	fd = open_or_create(o, name, &made);
	if (made)
		o->made_luns |= 1ull << lun;
	if (fd < 0)
		return fd;
	rc = fit_medium(o, fd, lun, geometry);
	close(fd);
	return rc;
}

/* ---- making -------------------------------------------------------------------------------- */

static bool may_be_there(const char *name)
{
	const char *s = name + 3;

	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, NEW_NAME) ||
	    !strcmp(name, MMIO_NAME) || !strcmp(name, "lost+found"))
		return true;
	if (strncmp(name, "lun", 3) || !*s)
		return false;
	return strspn(s, "0123456789") == strlen(s);
}

/** Is the directory one in which an adapter may be made? */
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
		if (!may_be_there(entry->d_name))
			rc = explain_error(&o->to, -EINVAL,
					   "%s is not an emulated adapter, and not empty",
					   o->spec->path);
	closedir(dir);
	return rc;
}

static void fill_head(struct emul_head *head, const struct emul_geometry *geometry)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(head->magic, EMUL_MAGIC, sizeof(head->magic));
	head->version = EMUL_VERSION;
	head->head_bytes = sizeof(*head);
	head->shm_bytes = sizeof(struct emul_shm);
	head->geometry = *geometry;
	head->endian = ENDIAN_MARK;
	/* Looks like bits 4 to 35 of a kernel address, and differs from adapter to adapter. */
	head->cookie_high = 0xc0000000u | ((uint32_t)now.tv_nsec & 0xffffu) << 12;
}

static int write_state(struct opener *o, int fd, const struct emul_head *head)
{
	struct emul_shm *shm;
	int rc = 0;

	if (ftruncate(fd, (off_t)head->file_bytes))
		return explain_error(&o->to, -errno, "cannot make %s/%s: %s", o->spec->path,
				     FILE_NAME, strerror(errno));
	if (posix_fallocate(fd, 0, (off_t)head->rht_offset))
		return explain_error(&o->to, -ENOSPC, "no space for the state of an adapter in %s",
				     o->spec->path);
	shm = mmap(NULL, head->rht_offset, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shm == MAP_FAILED)
		return explain_error(&o->to, -errno, "cannot map %s/%s: %s", o->spec->path,
				     FILE_NAME, strerror(errno));
	shm->head = *head;
	emul_fault_seed(&shm->fault, head->geometry.seed);
	emul_state_init(shm);
	if (msync(shm, head->rht_offset, MS_SYNC))
		rc = explain_error(&o->to, -errno, "cannot write %s/%s: %s", o->spec->path,
				   FILE_NAME, strerror(errno));
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
	(void)unlinkat(dir_fd, NEW_NAME, 0);
	fd = openat(dir_fd, NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return explain_error(&o->to, -errno, "cannot make an adapter in %s: %s",
				     o->spec->path, strerror(errno));
	rc = write_state(o, fd, &head);
	if (!rc && renameat(dir_fd, NEW_NAME, dir_fd, FILE_NAME))
		rc = explain_error(&o->to, -errno, "cannot name %s/%s: %s", o->spec->path,
				   FILE_NAME, strerror(errno));
	if (rc)
		(void)unlinkat(dir_fd, NEW_NAME, 0);
	close(fd);
	return rc;
}

static int make_mmio(struct opener *o)
{
	int fd = open_or_create(o, MMIO_NAME, &o->made_mmio), rc = 0;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)EMUL_MAX_PES * SISL_MMIO_BYTES))
		rc = explain_error(&o->to, -errno, "cannot make %s/%s: %s", o->spec->path,
				   MMIO_NAME, strerror(errno));
	close(fd);
	return rc;
}

static void unmake(struct opener *o)
{
	char name[16];

	for (unsigned i = 0; i < EMUL_MAX_LUNS; i++) {
		lun_name(name, i);
		if (o->made_luns >> i & 1)
			(void)unlinkat(o->store->dir_fd, name, 0);
	}
	if (o->made_mmio)
		(void)unlinkat(o->store->dir_fd, MMIO_NAME, 0);
}

static int make(struct opener *o)
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
		unmake(o);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int check_head(const struct opener *o, const struct emul_head *head)
{
	struct emul_head expected = *head;
	const char *path = o->spec->path;

	if (memcmp(head->magic, EMUL_MAGIC, sizeof(head->magic)))
		return explain_error(&o->to, -EINVAL,
				     "%s is not the directory of an emulated adapter", path);
	if (head->endian == __builtin_bswap32(ENDIAN_MARK))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was made on a machine of the other "
				     "byte order",
				     path);
	if (head->version > EMUL_VERSION)
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s is of version %u; this program knows "
				     "%u",
				     path, head->version, EMUL_VERSION);
	if (head->version != EMUL_VERSION || head->head_bytes != sizeof(*head) ||
	    head->endian != ENDIAN_MARK || head->crc != emul_layout_crc(head) ||
	    !emul_spec_could_make(&head->geometry) || !emul_layout_fill(&expected) ||
	    memcmp(&expected, head, sizeof(expected)))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s is damaged: the head of its state is "
				     "wrong",
				     path);
	if (head->shm_bytes != sizeof(struct emul_shm))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was made by another build of this "
				     "program",
				     path);
	return 0;
}

static int check_options(const struct opener *o, const struct emul_geometry *geometry)
{
	char option[64];

	if (!emul_spec_agrees(o->spec, geometry, option, sizeof(option)))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was made with another value of "
				     "option '%s'",
				     o->spec->path, option);
	if (o->spec->lun >= geometry->nr_luns)
		return explain_error(&o->to, -ENODEV, "the adapter in %s has no LUN %u",
				     o->spec->path, o->spec->lun);
	if (o->spec->port >= geometry->nr_ports)
		return explain_error(&o->to, -ENODEV, "the adapter in %s has no port %u",
				     o->spec->path, o->spec->port);
	return 0;
}

int emul_store_check(const struct emul_spec *spec, const struct emul_geometry *geometry,
		     explain_fn explain, void *explain_arg)
{
	const struct opener o = { .spec = spec, .to = { explain, explain_arg } };

	return check_options(&o, geometry);
}

static int check_file(struct opener *o, struct emul_head *ret_head)
{
	int fd = o->store->file_fd;
	struct stat st;
	ssize_t got;
	int rc;

	if (fstat(fd, &st))
		return explain_error(&o->to, -errno, "cannot look at %s/%s: %s", o->spec->path,
				     FILE_NAME, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return explain_error(&o->to, -EINVAL,
				     "%s is not the directory of an emulated adapter",
				     o->spec->path);
	got = pread(fd, ret_head, sizeof(*ret_head), 0);
	if (got < 0)
		return explain_error(&o->to, -errno, "cannot read %s/%s: %s", o->spec->path,
				     FILE_NAME, strerror(errno));
	if ((size_t)got >= sizeof(EMUL_MAGIC) - 1 && (size_t)got < sizeof(*ret_head) &&
	    !memcmp(ret_head->magic, EMUL_MAGIC, sizeof(ret_head->magic)))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s is damaged: its state is cut off",
				     o->spec->path);
	if ((size_t)got < sizeof(*ret_head))
		return explain_error(&o->to, -EINVAL,
				     "%s is not the directory of an emulated adapter",
				     o->spec->path);
	rc = check_head(o, ret_head);
	if (!rc && (uint64_t)st.st_size != ret_head->file_bytes)
		rc = explain_error(&o->to, -EINVAL,
				   "the adapter in %s is damaged: its state is cut off",
				   o->spec->path);
	return rc ? rc : check_options(o, &ret_head->geometry);
}

static int check_media(struct opener *o, const struct emul_head *head)
{
	char name[16];

	for (unsigned i = 0; i < head->geometry.nr_luns; i++) {
		int fd;

		lun_name(name, i);
		fd = open_file(o, name, O_RDONLY);
		if (fd == -ENOENT)
			return explain_error(&o->to, fd, "cannot use %s/%s: %s", o->spec->path,
					     name, strerror(-fd));
		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

/** Nobody else uses the adapter: its state is only a file, and may have been changed as one. */
static int be_first_user(const struct opener *o)
{
	const char *damaged = emul_state_check(o->store->shm);

	if (damaged)
		return explain_error(&o->to, -EUCLEAN,
				     "%s/%s is damaged: the record of %s is wrong; remove "
				     "this file to have it made again, with the same "
				     "options",
				     o->spec->path, FILE_NAME, damaged);
	emul_state_settle(o->store->shm);
	return 0;
}

/*
 * A user holds a shared lock on the state file as long as it is open. The caller holds the lock of
 * the directory, so that nobody else comes while the lock is exclusive.
 */
static int join_users(const struct opener *o)
{
	int fd = o->store->file_fd, rc = 0;

	if (!flock(fd, LOCK_EX | LOCK_NB))
		rc = be_first_user(o);
	else if (errno != EWOULDBLOCK)
		rc = -errno;
	if (!rc && flock(fd, LOCK_SH))
		rc = -errno;
	if (rc && rc != -EUCLEAN)
		return explain_error(&o->to, rc, "cannot lock %s/%s: %s", o->spec->path, FILE_NAME,
				     strerror(-rc));
	return rc;
}

static int map_state(struct opener *o, const struct emul_head *head)
{
	struct emul_store *store = o->store;
	void *at = mmap(NULL, head->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			store->file_fd, 0);

	if (at == MAP_FAILED)
		return explain_error(&o->to, -errno, "cannot map %s/%s: %s", o->spec->path,
				     FILE_NAME, strerror(errno));
	store->shm = at;
	store->map_bytes = head->file_bytes;
	return join_users(o);
}

static int use_existing(struct opener *o)
{
	struct emul_head head;
	int rc = check_file(o, &head);

	if (!rc)
		rc = check_media(o, &head);
	if (rc)
		return rc;
	o->store->mmio_fd = open_file(o, MMIO_NAME, O_RDWR);
	if (o->store->mmio_fd == -ENOENT)
		return explain_error(&o->to, -ENOENT, "the adapter in %s is damaged: it has no %s",
				     o->spec->path, MMIO_NAME);
	if (o->store->mmio_fd < 0)
		return o->store->mmio_fd;
	return map_state(o, &head);
}

static int open_or_make(struct opener *o)
{
	int fd = open_file(o, FILE_NAME, O_RDWR), rc;

	if (fd == -ENOENT) {
		/* One that could not be opened as asked is not worth making. */
		rc = check_options(o, &o->spec->geometry);
		if (!rc)
			rc = make(o);
		if (rc)
			return rc;
		fd = open_file(o, FILE_NAME, O_RDWR);
	}
	o->store->file_fd = fd;
	if (fd == -ENOENT)
		return explain_error(&o->to, fd, "%s/%s leads to nothing", o->spec->path,
				     FILE_NAME);
	return fd < 0 ? fd : use_existing(o);
}

/** The directory itself, made if it is missing. */
static int open_dir_in(struct opener *o, int parent_fd, const char *name, bool *ret_made)
{
	const char *path = o->spec->path;
	char why[EMUL_SAFE_OPEN_WHY];
	struct stat st;
	int fd;

	*ret_made = !mkdirat(parent_fd, name, 0700);
	if (!*ret_made && errno != EEXIST)
		return explain_error(&o->to, -errno, "cannot make directory %s: %s", path,
				     strerror(errno));
	fd = emul_safe_open(parent_fd, name, O_RDONLY | O_DIRECTORY, why);
	if (fd < 0)
		return explain_error(&o->to, fd,
				     why[0] ? "directory %s %s" : "cannot open directory %s: %s",
				     path, why[0] ? why : strerror(-fd));
	o->store->dir_fd = fd;
	if (fstat(fd, &st))
		return explain_error(&o->to, -errno, "cannot look at %s: %s", path,
				     strerror(errno));
	o->store->dev = st.st_dev;
	o->store->ino = st.st_ino;
	return 0;
}

static int open_dir(struct opener *o, bool *ret_made)
{
	char *name;
	int fd = emul_safe_open_parent(o->spec->path, &name), rc;

	if (fd < 0)
		return explain_error(&o->to, fd, "cannot make directory %s: %s", o->spec->path,
				     strerror(-fd));
	rc = open_dir_in(o, fd, name, ret_made);
	close(fd);
	free(name);
	return rc;
}

/** Take the directory's lock; on a descriptor of its own, so that closing it gives it back. */
static int lock_dir(struct opener *o)
{
	int fd = openat(o->store->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX))
		return fd;
	if (fd >= 0)
		close(fd);
	return explain_error(&o->to, -errno, "cannot lock directory %s: %s", o->spec->path,
			     strerror(errno));
}

int emul_store_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		    struct emul_store *ret_store)
{
	struct emul_store store = { .dir_fd = -1, .file_fd = -1, .mmio_fd = -1 };
	struct opener o = { .spec = spec, .to = { explain, explain_arg }, .store = &store };
	bool made_dir = false;
	int lock_fd, rc = open_dir(&o, &made_dir);

	if (rc)
		goto close_store;
	lock_fd = lock_dir(&o);
	if (lock_fd < 0) {
		rc = lock_fd;
		goto close_store;
	}
	rc = open_or_make(&o);
	if (!rc) {
		close(lock_fd);
		*ret_store = store;
		return 0;
	}
	/* Only an empty directory goes, so an adapter somebody else is making is safe. */
	if (made_dir)
		(void)rmdir(spec->path);
	close(lock_fd);
close_store:
	emul_store_close(&store);
	return rc;
}

void emul_store_close(struct emul_store *store)
{
	if (store->shm)
		munmap(store->shm, store->map_bytes);
	if (store->mmio_fd >= 0)
		close(store->mmio_fd);
	if (store->file_fd >= 0)
		close(store->file_fd);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	*store = (struct emul_store){ .dir_fd = -1, .file_fd = -1, .mmio_fd = -1 };
}
