/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All rings of a session. libfuse has rings of its own, but answers of several threads to one queue
 * are beyond it; so it is given a function to send with, which knows the requests of our rings, and
 * tells the kernel in the answer to INIT that there are rings.
 */
#include "fuse/transport/ring.h"

#if FS_HAVE_IO_URING

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "fuse/internal.h"
#include "fuse/transport/place.h"
#include "fuse/transport/ring_internal.h"
#include "fuse/transport/ring_place.h"

/* More could not be fed: the memory is the limit. */
#define MAX_HELPERS 8
/* In a row: a single one may fall into a pause that another ring makes. */
#define ALONE_LOOKS 8

struct rings {
	struct fs *fs; /* this and the next two: set before the threads start */
	unsigned nr_queues, nr_helpers;
	unsigned nr_processors;

	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t changed;
	unsigned nr_ready; /* threads that can serve, or never will */
	int error;
	bool is_decided;	/* whether they are to serve */
	_Atomic bool is_open; /* they are; read without the lock */

	unsigned nr_threads;
	struct ring *ring[]; /* of queues, then helpers */
};

/* ---- what the rings have to do ---- */

static unsigned nr_busy(const struct rings *rings)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < rings->nr_queues; i++)
		nr += atomic_load_explicit(&rings->ring[i]->busy, memory_order_relaxed);
	return nr;
}

static bool is_alone(struct ring *ring)
{
	const struct rings *rings = ring->rings;

	if (nr_busy(rings) >= rings->nr_processors)
		ring->nr_alone = 0;
	else if (ring->nr_alone < ALONE_LOOKS)
		ring->nr_alone++;
	return ring->nr_alone == ALONE_LOOKS;
}

static unsigned load_of(const struct ring *ring)
{
	return atomic_load_explicit(&ring->load, memory_order_relaxed) +
	       atomic_load_explicit(&ring->busy, memory_order_relaxed);
}

static struct ring *idlest_helper(const struct rings *rings)
{
	struct ring *const *helpers = rings->ring + rings->nr_queues;
	struct ring *best = helpers[0];
	unsigned load = load_of(best);

	for (unsigned i = 1; i < rings->nr_helpers && load; i++)
		if (load_of(helpers[i]) < load) {
			best = helpers[i];
			load = load_of(best);
		}
	return best;
}

static unsigned nr_waiting_here(const struct ring *ring)
{
	return io_uring_cq_ready(&ring->uring) + ring_kernel_has_work(ring);
}

static void note_large(struct ring_entry *entry, unsigned nr_waiting)
{
	struct ring *home = entry->home;
	bool is_single = atomic_fetch_add(&home->nr_large, 1) == 0 && !nr_waiting;

	entry->is_large = true;
	atomic_store_explicit(&home->nr_singles, is_single ? home->nr_singles + 1 : 0,
			      memory_order_relaxed);
}

void rings_forget(struct ring_entry *entry)
{
	if (entry->is_large)
		atomic_fetch_sub(&entry->home->nr_large, 1);
	entry->is_large = false;
}

static struct ring *place_large(struct ring *ring, struct ring_entry *entry)
{
	const struct rings *rings = ring->rings;
	struct ring *home = entry->home;
	bool at_home = ring == home;
	struct ring *helper = at_home ? idlest_helper(rings) : ring;
	const struct ring_place_look look = {
		.at_home = at_home,
		.has_idle = at_home ? is_alone(ring) : nr_busy(rings) < rings->nr_processors,
		.nr_singles = atomic_load_explicit(&home->nr_singles, memory_order_relaxed),
		.nr_waiting = nr_waiting_here(ring),
		.home_load = load_of(home),
		.helper_load = load_of(helper),
	};

	note_large(entry, look.nr_waiting);
	return ring_place_judge(&look) == RING_PLACE_HOME ? home : helper;
}

struct ring *rings_place(struct ring *ring, struct ring_entry *entry, bool is_large)
{
	return is_large && ring->rings->nr_helpers ? place_large(ring, entry) : entry->home;
}

/* ---- sending in place of libfuse ---- */

static void open_rings(struct rings *rings)
{
	pthread_mutex_lock(&rings->lock);
	rings->is_decided = true;
	atomic_store(&rings->is_open, true);
	pthread_cond_broadcast(&rings->changed);
	pthread_mutex_unlock(&rings->lock);
}

static ssize_t send_answer_to_init(struct rings *rings, int fd, struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out *out = count > 1 ? iov[1].iov_base : NULL;
	ssize_t sent;

	if (header->error || !out || iov[1].iov_len < sizeof(*out))
		return writev(fd, iov, count);
	out->flags |= URING_ABI_INIT_EXTENDED;
	out->flags2 |= URING_ABI_INIT2_RING;
	sent = writev(fd, iov, count);
	if (sent > 0)
		open_rings(rings);
	return sent;
}

static ssize_t send_message(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;
	const struct fuse_out_header *out = iov[0].iov_base;
	struct ring_entry *entry = ring_entry_of(out->unique);
	struct rings *rings;
	int err;

	if (entry) {
		err = ring_send(entry, iov, count);
		errno = -err;
		return err ? -1 : (ssize_t)out->len;
	}
	/* The first answer of all is that to INIT; what has no unique is none. */
	rings = out->unique ? atomic_load(&fs->rings) : NULL;
	if (rings && !rings->is_open)
		return send_answer_to_init(rings, fd, iov, count);
	return writev(fd, iov, count);
}

/* Lanes read themselves. */
static ssize_t receive_message(int fd, void *buf, size_t bytes, void *userdata)
{
	(void)userdata;
	return read(fd, buf, bytes);
}

int rings_hook(struct fs *fs)
{
	static const struct fuse_custom_io io = { .writev = send_message,
						  .read = receive_message };

	return fuse_session_custom_io(fs->session, &io, fuse_session_fd(fs->session));
}

/* ---- life ---- */

bool rings_ready(struct rings *rings, int err)
{
	bool is_open;

	pthread_mutex_lock(&rings->lock);
	rings->nr_ready++;
	if (err && !rings->error)
		rings->error = err;
	pthread_cond_broadcast(&rings->changed);
	while (!rings->is_decided)
		pthread_cond_wait(&rings->changed, &rings->lock);
	is_open = rings->is_open && !err;
	pthread_mutex_unlock(&rings->lock);
	return is_open;
}

static int wait_until_ready(struct rings *rings)
{
	int err;

	pthread_mutex_lock(&rings->lock);
	while (rings->nr_ready < rings->nr_threads)
		pthread_cond_wait(&rings->changed, &rings->lock);
	err = rings->error;
	pthread_mutex_unlock(&rings->lock);
	return err;
}

static int add_ring(struct rings *rings, unsigned queue, unsigned nr_entries)
{
	struct ring *ring;
	char name[16];
	int err = ring_new(rings, rings->fs, queue, nr_entries, &ring);

	if (err)
		return err;
	if (queue == RING_HELPER)
		strcpy(name, "cxlfs-helper");
	else
		snprintf(name, sizeof(name), "cxlfs-ring-%u", queue % 10000);
	err = thread_start(&ring->thread, ring_main, ring, name);
	if (err)
		ring_free(ring);
	else
		rings->ring[rings->nr_threads++] = ring;
	return err;
}

static int add_all(struct rings *rings)
{
	int err = 0;

	for (unsigned i = 0; i < rings->nr_queues && !err; i++)
		err = add_ring(rings, i, rings->fs->config.ring_depth);
	for (unsigned i = 0; i < rings->nr_helpers && !err; i++)
		err = add_ring(rings, RING_HELPER, 0);
	return err;
}

static unsigned nr_helpers_of_use(const struct fs *fs, unsigned nr_processors)
{
	unsigned nr = fs->config.synchronous ? nr_processors / 2 : 0;

	return nr < MAX_HELPERS ? nr : MAX_HELPERS;
}

int rings_new(struct fs *fs, struct rings **ret_rings)
{
	unsigned nr_queues = place_nr_possible();
	unsigned nr_processors = place_nr_processors();
	unsigned nr_helpers = nr_helpers_of_use(fs, nr_processors);
	struct rings *rings =
		calloc(1, sizeof(*rings) + (nr_queues + nr_helpers) * sizeof(rings->ring[0]));
	int err;

	if (!rings)
		return -ENOMEM;
	rings->fs = fs;
	rings->nr_queues = nr_queues;
	rings->nr_helpers = nr_helpers;
	rings->nr_processors = nr_processors;
	pthread_mutex_init(&rings->lock, NULL);
	pthread_cond_init(&rings->changed, NULL);
	err = add_all(rings);
	if (!err)
		err = wait_until_ready(rings);
	if (err) {
		rings_free(rings);
		return err;
	}
	*ret_rings = rings;
	return 0;
}

static void stop_all(struct rings *rings)
{
	pthread_mutex_lock(&rings->lock);
	rings->is_decided = true;
	pthread_cond_broadcast(&rings->changed);
	pthread_mutex_unlock(&rings->lock);
	for (unsigned i = 0; i < rings->nr_threads; i++) {
		atomic_store(&rings->ring[i]->stop, true);
		ring_wake(rings->ring[i]);
	}
}

void rings_free(struct rings *rings)
{
	if (!rings)
		return;
	stop_all(rings);
	for (unsigned i = 0; i < rings->nr_threads; i++)
		pthread_join(rings->ring[i]->thread, NULL);
	for (unsigned i = 0; i < rings->nr_threads; i++)
		ring_free(rings->ring[i]);
	pthread_cond_destroy(&rings->changed);
	pthread_mutex_destroy(&rings->lock);
	free(rings);
}

#endif
