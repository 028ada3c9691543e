/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/uring.h"

#if FS_HAVE_IO_URING

#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>

#include "base/thread.h"
#include "fuse/transport/ring_internal.h"

/* ---- sending ---- */

void uring_open(struct uring *uring)
{
	pthread_mutex_lock(&uring->lock);
	uring->is_decided = true;
	atomic_store(&uring->is_open, true);
	pthread_cond_broadcast(&uring->changed);
	pthread_mutex_unlock(&uring->lock);
}

static ssize_t send_answer_to_init(struct uring *uring, int fd, struct iovec *iov, int count)
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
		uring_open(uring);
	return sent;
}

ssize_t uring_send(struct uring *uring, int fd, struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	struct ring_entry *entry = ring_entry_of(out->unique);
	int err;

	if (entry) {
		err = ring_send(entry, iov, count);
		errno = -err;
		return err ? -1 : (ssize_t)out->len;
	}
	/* The first answer is the one to INIT. Notifications have no unique. */
	if (uring && out->unique && !uring->is_open)
		return send_answer_to_init(uring, fd, iov, count);
	return writev(fd, iov, count);
}

/* ---- start and end ---- */

bool uring_ready(struct uring *uring, int err)
{
	bool is_open;

	pthread_mutex_lock(&uring->lock);
	uring->nr_ready++;
	if (err && !uring->error)
		uring->error = err;
	pthread_cond_broadcast(&uring->changed);
	while (!uring->is_decided)
		pthread_cond_wait(&uring->changed, &uring->lock);
	is_open = uring->is_open && !err;
	pthread_mutex_unlock(&uring->lock);
	return is_open;
}

static int wait_until_ready(struct uring *uring)
{
	int err;

	pthread_mutex_lock(&uring->lock);
	while (uring->nr_ready < uring->nr_rings)
		pthread_cond_wait(&uring->changed, &uring->lock);
	err = uring->error;
	pthread_mutex_unlock(&uring->lock);
	return err;
}

static int add_ring(struct uring *uring, unsigned queue, unsigned nr_entries)
{
	struct ring *ring;
	char name[16] = "cxlfs-ring-help";
	int err = ring_new(uring, queue, nr_entries, &ring);

	if (err)
		return err;
	if (nr_entries)
		snprintf(name, sizeof(name), "cxlfs-ring-%u", queue % 10000);
	err = thread_start(&ring->thread, ring_main, ring, name);
	if (err)
		ring_free(ring);
	else
		uring->rings[uring->nr_rings++] = ring;
	return err;
}

/* The kernel uses no ring before each processor that may ever be plugged in has one. That is what
 * get_nprocs_conf() counts since glibc 2.36; before, it left out those not plugged in yet. */
static unsigned count_queues(void)
{
	return (unsigned)get_nprocs_conf();
}

size_t uring_nr_slots(const struct transport *transport)
{
	return (size_t)count_queues() * transport->config.ring_depth;
}

int uring_new(struct transport *transport, struct uring **ret_uring)
{
	const unsigned nr_queues = count_queues();
	struct uring *uring = calloc(1, sizeof(*uring) + (nr_queues + 1) * sizeof(uring->rings[0]));
	int err = 0;

	if (!uring)
		return -ENOMEM;
	uring->transport = transport;
	pthread_mutex_init(&uring->lock, NULL);
	pthread_cond_init(&uring->changed, NULL);
	for (unsigned i = 0; i < nr_queues && !err; i++)
		err = add_ring(uring, i, transport->config.ring_depth);
	if (!err)
		err = add_ring(uring, nr_queues, 0);
	if (!err) {
		uring->helper = uring->rings[nr_queues];
		err = wait_until_ready(uring);
	}
	if (err) {
		uring_free(uring);
		return err;
	}
	*ret_uring = uring;
	return 0;
}

static void stop_all(struct uring *uring)
{
	pthread_mutex_lock(&uring->lock);
	uring->is_decided = true;
	pthread_cond_broadcast(&uring->changed);
	pthread_mutex_unlock(&uring->lock);
	for (unsigned i = 0; i < uring->nr_rings; i++)
		ring_stop(uring->rings[i]);
}

void uring_free(struct uring *uring)
{
	if (!uring)
		return;
	stop_all(uring);
	for (unsigned i = 0; i < uring->nr_rings; i++)
		pthread_join(uring->rings[i]->thread, NULL);
	for (unsigned i = 0; i < uring->nr_rings; i++)
		ring_free(uring->rings[i]);
	pthread_cond_destroy(&uring->changed);
	pthread_mutex_destroy(&uring->lock);
	free(uring);
}

#endif
