/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three functions below stand in for those of liburing; what those promise is kept. libfuse calls
 * io_uring_queue_init_params() for a new ring, io_uring_submit() for each answer, and
 * io_uring_submit_and_wait() when a ring's thread has nothing more to do. A libfuse that was linked
 * in another way would not find them: then a thread has not been in here before its first request.
 */
#include "fs/ring.h"

#include "fs/internal.h"

#if FS_HAVE_IO_URING

#include <dlfcn.h>
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/give_way.h"
#include "fs/helpers.h"

/* In a row: a single one may fall into a pause that another ring makes. */
#define ALONE_LOOKS 8

struct fs_ring {
	/* own thread's */
	struct fs *fs;
	struct give_way_member *manners;
	struct io_uring *uring; /* libfuse's */
	unsigned nr_away;  /* requests that somebody else completes */
	unsigned nr_requests; /* since it last waited */
	unsigned nr_alone; /* looks, see fs_ring_is_alone() */
	bool answering;    /* answers are gathered */
	bool watching;     /* the volume, for completions */

	int wake_fd;
	_Atomic bool busy;   /* does not wait */
	_Atomic bool asleep; /* where only wake_fd wakes it for an answer */
	pthread_mutex_t lock;
	struct fs_io_queue answers; /* to be given; protected by lock */
	struct fs_ring *next;
};

static __thread struct fs_ring *ring_here;
static __thread bool waits_here; /* this thread comes to us to wait */

/* ---- answers ---- */

static struct fs_io *take_all(struct fs_ring *ring)
{
	struct fs_io *first;

	pthread_mutex_lock(&ring->lock);
	first = ring->answers.first;
	fs_io_queue_init(&ring->answers);
	pthread_mutex_unlock(&ring->lock);
	return first;
}

static bool has_answers(struct fs_ring *ring)
{
	bool has;

	pthread_mutex_lock(&ring->lock);
	has = ring->answers.first != NULL;
	pthread_mutex_unlock(&ring->lock);
	return has;
}

static void answer_all(struct fs_ring *ring)
{
	struct fs_io *io, *next;

	ring->answering = true;
	for (io = take_all(ring); io; io = next) {
		next = io->next;
		io->done(io);
	}
	ring->answering = false;
}

void fs_ring_answer(struct fs_ring *ring, struct fs_io *io)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&ring->lock);
	fs_io_queue_add(&ring->answers, io);
	/* Under the lock: with the last answer the ring may come to its end. */
	if (atomic_exchange(&ring->asleep, false))
		(void)!write(ring->wake_fd, &one, sizeof(one));
	pthread_mutex_unlock(&ring->lock);
}

/* ---- looking out ---- */

static void start_watching(struct fs_ring *ring)
{
	if (ring->watching || ring->fs->config.synchronous || !ring->fs->config.poll_us)
		return;
	ring->watching = true;
	data_volume_watch(ring->fs->config.volume);
}

static void stop_watching(struct fs_ring *ring)
{
	if (!ring->watching)
		return;
	ring->watching = false;
	data_volume_unwatch(ring->fs->config.volume);
}

static bool poll_volume(struct fs_ring *ring)
{
	bool any;

	ring->answering = true;
	any = data_volume_poll(ring->fs->config.volume);
	ring->answering = false;
	return any;
}

/* Whoever wants the processor goes first. Return: whether there is something to do. */
static bool look_out(struct fs_ring *ring, struct io_uring *uring)
{
	uint64_t until_us;

	if (!ring->watching)
		return false;
	until_us = clock_now_us() + ring->fs->config.poll_us;
	do {
		if (poll_volume(ring) || has_answers(ring) || io_uring_cq_ready(uring))
			return true;
		(void)sched_yield();
	} while (clock_now_us() < until_us);
	return false;
}

/* ---- waiting ---- */

static void set_busy(struct fs_ring *ring, bool busy)
{
	atomic_store_explicit(&ring->busy, busy, memory_order_relaxed);
}

static void clear_wake(struct fs_ring *ring)
{
	uint64_t count;

	(void)!read(ring->wake_fd, &count, sizeof(count));
}

/* Until there is a completion in the ring or something to answer. */
static void sleep_for_either(struct fs_ring *ring, struct io_uring *uring)
{
	struct pollfd fds[2] = { { .fd = uring->ring_fd, .events = POLLIN },
				 { .fd = ring->wake_fd, .events = POLLIN } };

	set_busy(ring, false);
	atomic_store(&ring->asleep, true);
	if (!has_answers(ring) && !io_uring_cq_ready(uring))
		(void)poll(fds, 2, -1);
	atomic_store(&ring->asleep, false);
	set_busy(ring, true);
	if (fds[1].revents)
		clear_wake(ring);
}

static int submit(struct io_uring *uring)
{
	int ret = io_uring_sq_ready(uring) ? io_uring_submit_and_get_events(uring) : 0;

	return ret == -EINTR || ret == -EAGAIN || ret == -EBUSY ? 0 : ret;
}

static int wait_for_requests(struct io_uring *uring, unsigned nr)
{
	struct io_uring_cqe *cqe;

	return io_uring_submit_and_wait_timeout(uring, &cqe, nr, NULL, NULL);
}

static int wait_for_either(struct fs_ring *ring, struct io_uring *uring)
{
	int ret;

	while (ring->nr_away) {
		answer_all(ring);
		ret = submit(uring);
		if (ret < 0 || io_uring_cq_ready(uring))
			return ret;
		if (look_out(ring, uring))
			continue;
		stop_watching(ring);
		give_way_note_leaning(ring->manners);
		sleep_for_either(ring, uring);
		start_watching(ring);
	}
	stop_watching(ring);
	set_busy(ring, false);
	ret = wait_for_requests(uring, 1);
	set_busy(ring, true);
	return ret;
}

/* ---- in place of liburing ---- */

typedef int queue_init_fn(unsigned entries, struct io_uring *uring, struct io_uring_params *params);

/*
 * Without the flag each request interrupts the ring's thread, which costs the processor of whoever
 * sends it as much as the request itself. The thread enters the kernel often enough all the same:
 * to answer, to wait, and when it looks out.
 */
int io_uring_queue_init_params(unsigned entries, struct io_uring *uring,
			       struct io_uring_params *params)
{
	queue_init_fn *next;

	*(void **)&next = dlsym(RTLD_NEXT, "io_uring_queue_init_params");
	params->flags |= IORING_SETUP_COOP_TASKRUN;
	return next ? next(entries, uring, params) : -ENOSYS;
}

int io_uring_submit(struct io_uring *uring)
{
	if (ring_here && ring_here->answering)
		return 0; /* all together when all are there */
	return io_uring_submit_and_get_events(uring);
}

int io_uring_submit_and_wait(struct io_uring *uring, unsigned nr)
{
	struct fs_ring *ring = ring_here;
	int ret;

	waits_here = true;
	if (!ring)
		return wait_for_requests(uring, nr);
	ring->uring = uring;
	give_way_note(ring->manners, ring->nr_requests);
	ring->nr_requests = 0;
	ret = wait_for_either(ring, uring);
	start_watching(ring);
	return ret;
}

/* ---- life ---- */

static void ring_free(struct fs_ring *ring)
{
	close(ring->wake_fd);
	pthread_mutex_destroy(&ring->lock);
	free(ring);
}

static struct fs_ring *ring_new(void)
{
	struct fs_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (ring->wake_fd < 0) {
		free(ring);
		return NULL;
	}
	pthread_mutex_init(&ring->lock, NULL);
	fs_io_queue_init(&ring->answers);
	return ring;
}

/* However the thread ends, libfuse frees the buffers of its requests only then. */
static void end_ring(void *arg)
{
	struct fs_ring *ring = arg;
	struct pollfd fd = { .fd = ring->wake_fd, .events = POLLIN };

	stop_watching(ring);
	atomic_store(&ring->asleep, true);
	for (answer_all(ring); ring->nr_away; answer_all(ring)) {
		(void)poll(&fd, 1, -1);
		clear_wake(ring);
		atomic_store(&ring->asleep, true);
	}
}

int fs_rings_init(struct fs *fs)
{
	return -pthread_key_create(&fs->ring_key, end_ring);
}

static void make_ring_here(struct fs *fs)
{
	struct fs_ring *ring = ring_new();

	if (!ring)
		return;
	if (pthread_setspecific(fs->ring_key, ring)) {
		ring_free(ring);
		return;
	}
	ring_here = ring;
	ring_here->fs = fs;
	ring_here->manners = give_way_join(fs->give_way, NULL, NULL);
	ring_here->next = atomic_load(&fs->rings);
	while (!atomic_compare_exchange_weak(&fs->rings, &ring_here->next, ring_here))
		;
}

bool fs_ring_enter(struct fs *fs, fuse_req_t req)
{
	if (ring_here)
		ring_here->nr_requests++;
	if (ring_here || !fuse_req_is_uring(req))
		return true;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (waits_here)
		make_ring_here(fs);
	else
		log_err("this libfuse does not call our io_uring_submit_and_wait()");
	return ring_here != NULL;
}

void fs_rings_free(struct fs *fs)
{
	struct fs_ring *ring = atomic_load(&fs->rings), *next;

	for (; ring; ring = next) {
		next = ring->next;
		ring_free(ring);
	}
	(void)pthread_key_delete(fs->ring_key);
}

void fs_ring_away(struct fs_ring *ring, int nr)
{
	ring->nr_away += (unsigned)nr;
}

/* libfuse lets go of the completions that it has been told of when it has served them all. */
bool fs_ring_has_more(const struct fs_ring *ring)
{
	return ring->nr_away > 1 ||
	       (ring->uring && io_uring_cq_ready(ring->uring) > ring->nr_requests);
}

static unsigned nr_busy(struct fs *fs)
{
	const struct fs_ring *ring = atomic_load(&fs->rings);
	unsigned nr = 0;

	for (; ring; ring = ring->next)
		nr += atomic_load_explicit(&ring->busy, memory_order_relaxed);
	return nr;
}

bool fs_ring_is_alone(struct fs_ring *ring)
{
	if (!helpers_are_of_use(ring->fs->helpers, nr_busy(ring->fs)))
		ring->nr_alone = 0;
	else if (ring->nr_alone < ALONE_LOOKS)
		ring->nr_alone++;
	return ring->nr_alone == ALONE_LOOKS;
}

#else

static struct fs_ring *const ring_here = NULL;

int fs_rings_init(struct fs *fs)
{
	(void)fs;
	return 0;
}

bool fs_ring_enter(struct fs *fs, fuse_req_t req)
{
	(void)fs;
	(void)req;
	return true;
}

void fs_rings_free(struct fs *fs)
{
	(void)fs;
}

void fs_ring_away(struct fs_ring *ring, int nr)
{
	(void)ring;
	(void)nr;
}

bool fs_ring_has_more(const struct fs_ring *ring)
{
	(void)ring;
	return false;
}

bool fs_ring_is_alone(struct fs_ring *ring)
{
	(void)ring;
	return true;
}

void fs_ring_answer(struct fs_ring *ring, struct fs_io *io)
{
	(void)ring;
	(void)io;
}

#endif

struct fs_ring *fs_ring_here(void)
{
	return ring_here;
}
