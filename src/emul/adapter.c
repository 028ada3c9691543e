/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/adapter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "emul/driver/driver.h"
#include "emul/driver/fd2.h"
#include "emul/driver/process.h"
#include "emul/store/safe_open.h"
#include "emul/store/spec.h"
#include "emul/store/state.h"
#include "emul/store/store.h"

/* ---- registry ---- */

/*
 * The open adapters of this process. All paths to an adapter share one object, and fork handlers
 * must find all of them.
 */
static struct {
	pthread_mutex_t lock;
	struct emul_adapter *first; /* protected by lock */
	bool handlers_set;          /* protected by lock */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/*
 * Engines may hold the adapter lock's waiters up but never the other way round, so: registry,
 * engines, then each adapter's own lock.
 */
static void fork_prepare(void)
{
	pthread_mutex_lock(&registry.lock);
	for (struct emul_adapter *ad = registry.first; ad; ad = ad->next) {
		emul_afu_fork_prepare(ad->afu);
		pthread_mutex_lock(&ad->local_lock);
	}
}

static void fork_parent(void)
{
	for (struct emul_adapter *ad = registry.first; ad; ad = ad->next) {
		pthread_mutex_unlock(&ad->local_lock);
		emul_afu_fork_parent(ad->afu);
	}
	pthread_mutex_unlock(&registry.lock);
}

/** The child has copies of every fd2 and mapping, but no usable adapter. */
static void fork_child(void)
{
	struct emul_adapter *ad = registry.first;

	for (; ad; ad = ad->next) {
		pthread_mutex_unlock(&ad->local_lock);
		emul_afu_fork_child(ad->afu);
		ad->forked = true;
		emul_fd2_inherited(ad);
	}
	registry.first = NULL;
	pthread_mutex_unlock(&registry.lock);
}

static struct emul_adapter *find_locked(const char *path)
{
	uint64_t dev, ino;

	if (emul_store_identify(path, &dev, &ino))
		return NULL;
	for (struct emul_adapter *ad = registry.first; ad; ad = ad->next)
		if (ad->dev == dev && ad->ino == ino)
			return ad;
	return NULL;
}

static void destroy(struct emul_adapter *ad)
{
	struct emul_store store = { ad->dir_fd,    ad->file_fd, ad->mmio_fd, ad->shm,
				    ad->map_bytes, ad->dev,     ad->ino };

	emul_afu_free(ad->afu);
	emul_store_close(&store);
	pthread_mutex_destroy(&ad->local_lock);
	free(ad->path);
	free(ad);
}

static int create(const struct emul_spec *spec, const struct emul_store *store,
		  struct emul_adapter **ret_ad)
{
	struct emul_adapter *ad = calloc(1, sizeof(*ad));
	int rc = -ENOMEM;

	if (!ad)
		return rc;
	ad->path = strdup(spec->path);
	if (!ad->path)
		goto free_ad;
	ad->shm = store->shm;
	ad->map_bytes = store->map_bytes;
	ad->dir_fd = store->dir_fd;
	ad->file_fd = store->file_fd;
	ad->mmio_fd = store->mmio_fd;
	ad->dev = store->dev;
	ad->ino = store->ino;
	ad->pid = getpid();
	ad->start = process_start((uint32_t)ad->pid);
	ad->nr_refs = 1;
	pthread_mutex_init(&ad->local_lock, NULL);
	rc = emul_afu_new(ad, &ad->afu);
	if (rc)
		goto free_path;
	emul_forget_namesake(ad);
	*ret_ad = ad;
	return 0;

free_path:
	pthread_mutex_destroy(&ad->local_lock);
	free(ad->path);
free_ad:
	free(ad);
	return rc;
}

static int open_new_locked(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
			   struct emul_adapter **ret_ad)
{
	struct emul_store store;
	int rc = emul_store_open(spec, explain, explain_arg, &store);

	if (rc)
		return rc;
	if (!registry.handlers_set && pthread_atfork(fork_prepare, fork_parent, fork_child)) {
		emul_store_close(&store);
		return -ENOMEM;
	}
	registry.handlers_set = true;
	rc = create(spec, &store, ret_ad);
	if (rc) {
		emul_store_close(&store);
		return rc;
	}
	(*ret_ad)->next = registry.first;
	registry.first = *ret_ad;
	return 0;
}

int emul_adapter_open(const struct emul_spec *spec, explain_fn explain, void *explain_arg,
		      struct emul_adapter **ret_ad)
{
	struct emul_adapter *ad;
	int rc = 0;

	pthread_mutex_lock(&registry.lock);
	ad = find_locked(spec->path);
	if (ad)
		rc = emul_store_check(spec, &ad->shm->head.geometry, explain, explain_arg);
	else
		rc = open_new_locked(spec, explain, explain_arg, ret_ad);
	if (ad && !rc) {
		ad->nr_refs++;
		*ret_ad = ad;
	}
	pthread_mutex_unlock(&registry.lock);
	return rc;
}

static void unlink_locked(struct emul_adapter *ad)
{
	struct emul_adapter **at = &registry.first;

	while (*at && *at != ad)
		at = &(*at)->next;
	if (*at)
		*at = ad->next;
}

void emul_adapter_get(struct emul_adapter *ad)
{
	pthread_mutex_lock(&registry.lock);
	ad->nr_refs++;
	pthread_mutex_unlock(&registry.lock);
}

void emul_adapter_put(struct emul_adapter *ad)
{
	bool last;

	if (!ad)
		return;
	pthread_mutex_lock(&registry.lock);
	last = !--ad->nr_refs;
	if (last && !ad->forked)
		unlink_locked(ad);
	pthread_mutex_unlock(&registry.lock);
	if (!last)
		return;
	if (!ad->forked)
		emul_fd2_end(ad);
	destroy(ad);
}

int emul_adapter_open_media(struct emul_adapter *ad, unsigned lun)
{
	char name[16], why[EMUL_SAFE_OPEN_WHY];
	int fd;

	snprintf(name, sizeof(name), "lun%u", lun);
	fd = emul_safe_open(ad->dir_fd, name, O_RDWR, why);
	if (fd == -EROFS || fd == -EACCES)
		fd = emul_safe_open(ad->dir_fd, name, O_RDONLY, why);
	return fd;
}

int emul_adapter_grow_lun(struct emul_adapter *ad, unsigned lun, uint64_t nr_blocks)
{
	uint64_t bytes;
	int fd, rc = 0;

	if (lun >= emul_geometry(ad)->nr_luns ||
	    nr_blocks < atomic_load(&ad->shm->disk[lun].nr_blocks) ||
	    __builtin_mul_overflow(nr_blocks, emul_geometry(ad)->block_bytes, &bytes) ||
	    bytes > INT64_MAX)
		return -EINVAL;
	fd = emul_adapter_open_media(ad, lun);
	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)bytes))
		rc = -errno;
	else
		atomic_store(&ad->shm->disk[lun].nr_blocks, nr_blocks);
	close(fd);
	return rc;
}

uint64_t emul_self_start(const struct emul_adapter *ad)
{
	return getpid() == ad->pid ? ad->start : process_start((uint32_t)getpid());
}

int emul_lun_of_id(const struct emul_adapter *ad, uint64_t lun_id)
{
	for (unsigned i = 0; i < ad->shm->head.geometry.nr_luns; i++)
		if (ad->shm->disk[i].lun_id == lun_id)
			return (int)i;
	return -1;
}

/* ---- the adapter lock ---- */

void emul_lock(struct emul_adapter *ad)
{
	if (pthread_mutex_lock(&ad->shm->lock) != EOWNERDEAD)
		return;
	emul_state_repair(ad->shm);
	pthread_mutex_consistent(&ad->shm->lock);
}

void emul_unlock(struct emul_adapter *ad)
{
	pthread_mutex_unlock(&ad->shm->lock);
}

void emul_wake(struct emul_adapter *ad)
{
	atomic_fetch_add(&ad->shm->wake_seq, 1);
	if (atomic_load(&ad->shm->nr_sleepers))
		syscall(SYS_futex, &ad->shm->wake_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int emul_wait_locked(struct emul_adapter *ad, unsigned timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
	uint32_t seen;
	int rc = 0;

	/* Count first, so that every emul_wake() after the load of wake_seq sees this sleeper. */
	atomic_fetch_add(&ad->shm->nr_sleepers, 1);
	seen = atomic_load(&ad->shm->wake_seq);
	emul_unlock(ad);
	if (syscall(SYS_futex, &ad->shm->wake_seq, FUTEX_WAIT, seen, &timeout, NULL, 0) &&
	    errno == EINTR)
		rc = -EINTR;
	atomic_fetch_sub(&ad->shm->nr_sleepers, 1);
	emul_lock(ad);
	return rc;
}
