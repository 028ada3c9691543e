/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/store/geometry.h"
#include "emul/store/layout.h"
#include "emul/store/opener.h"
#include "emul/store/safe_open.h"
#include "emul/store/state.h"

void store_lun_name(char name[16], unsigned lun)
{
	snprintf(name, 16, "lun%u", lun);
}

int store_open_file(const struct opener *o, const char *name, int flags)
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

/* ---- opening ---- */

static int check_head(const struct opener *o, const struct emul_head *head)
{
	struct emul_head expected = *head;
	const char *path = o->spec->path;

	if (memcmp(head->magic, EMUL_MAGIC, sizeof(head->magic)))
		return explain_error(&o->to, -EINVAL,
				     "%s is not the directory of an emulated adapter", path);
	if (head->endian == __builtin_bswap32(STORE_ENDIAN_MARK))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was created on a machine of the other "
				     "byte order",
				     path);
	if (head->version > EMUL_VERSION)
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s has version %u; this program knows "
				     "%u",
				     path, head->version, EMUL_VERSION);
	if (head->version != EMUL_VERSION || head->head_bytes != sizeof(*head) ||
	    head->endian != STORE_ENDIAN_MARK || head->crc != emul_layout_crc(head) ||
	    !emul_geometry_is_valid(&head->geometry) || !emul_layout_fill(&expected) ||
	    memcmp(&expected, head, sizeof(expected)))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s is damaged: the head of its state is "
				     "wrong",
				     path);
	if (head->shm_bytes != sizeof(struct emul_shm))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was created by another build of this "
				     "program",
				     path);
	return 0;
}

static int check_options(const struct opener *o, const struct emul_geometry *geometry)
{
	char option[64];

	if (!emul_geometry_matches(o->spec, geometry, option, sizeof(option)))
		return explain_error(&o->to, -EINVAL,
				     "the adapter in %s was created with another value of "
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
		return explain_error(&o->to, -errno, "cannot examine %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return explain_error(&o->to, -EINVAL,
				     "%s is not the directory of an emulated adapter",
				     o->spec->path);
	got = pread(fd, ret_head, sizeof(*ret_head), 0);
	if (got < 0)
		return explain_error(&o->to, -errno, "cannot read %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(errno));
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

		store_lun_name(name, i);
		fd = store_open_file(o, name, O_RDONLY);
		if (fd == -ENOENT)
			return explain_error(&o->to, fd, "cannot use %s/%s: %s", o->spec->path,
					     name, strerror(-fd));
		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

/** While the adapter had no users, anybody may have edited the state file: check it. */
static int be_first_user(const struct opener *o)
{
	const char *damaged = emul_state_check(o->store->shm);

	if (damaged)
		return explain_error(&o->to, -EUCLEAN,
				     "%s/%s is damaged: the record of %s is wrong; remove "
				     "this file to have it made again, with the same "
				     "options",
				     o->spec->path, STORE_STATE_NAME, damaged);
	emul_state_prepare(o->store->shm, o->store->file_fd);
	return 0;
}

/*
 * Each user holds a shared lock on the state file while it is open, so only the first user gets an
 * exclusive lock. The caller holds the lock of the directory, which keeps others away meanwhile.
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
		return explain_error(&o->to, rc, "cannot lock %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(-rc));
	return rc;
}

static int map_state(struct opener *o, const struct emul_head *head)
{
	struct emul_store *store = o->store;
	void *at =
		mmap(NULL, head->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, store->file_fd, 0);

	if (at == MAP_FAILED)
		return explain_error(&o->to, -errno, "cannot map %s/%s: %s", o->spec->path,
				     STORE_STATE_NAME, strerror(errno));
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
	o->store->mmio_fd = store_open_file(o, STORE_MMIO_NAME, O_RDWR);
	if (o->store->mmio_fd == -ENOENT)
		return explain_error(&o->to, -ENOENT, "the adapter in %s is damaged: it has no %s",
				     o->spec->path, STORE_MMIO_NAME);
	if (o->store->mmio_fd < 0)
		return o->store->mmio_fd;
	return map_state(o, &head);
}

static int open_or_make(struct opener *o)
{
	int fd = store_open_file(o, STORE_STATE_NAME, O_RDWR), rc;

	if (fd == -ENOENT) {
		/* Do not create an adapter that could not be opened with these options. */
		rc = check_options(o, &o->spec->geometry);
		if (!rc)
			rc = store_create(o);
		if (rc)
			return rc;
		fd = store_open_file(o, STORE_STATE_NAME, O_RDWR);
	}
	o->store->file_fd = fd;
	if (fd == -ENOENT)
		return explain_error(&o->to, fd, "%s/%s has disappeared", o->spec->path,
				     STORE_STATE_NAME);
	return fd < 0 ? fd : use_existing(o);
}

/** Opens the directory; creates it if it is missing. */
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
		return explain_error(&o->to, -errno, "cannot examine %s: %s", path,
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

/** Locks the directory through a separate descriptor; close it to unlock. */
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
	/* rmdir() fails if another process has created an adapter there. */
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
