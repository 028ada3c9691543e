/* SPDX-License-Identifier: Apache-2.0 */
#include "data/alloc/worker.h"

#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/thread.h"

/* An orphan is freed when the kernel forgets its inode, a little after the last close. */
#define POSSIBLE_RELEASE_WAIT_NS 200000000ull

static void queue_init(struct worker_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

static void queue_append(struct worker_queue *queue, struct worker_job *job)
{
	job->next = NULL;
	*queue->tail = job;
	queue->tail = &job->next;
}

static struct worker_job *queue_pop(struct worker_queue *queue)
{
	struct worker_job *job = queue->head;

	if (job) {
		queue->head = job->next;
		if (!queue->head)
			queue->tail = &queue->head;
	}
	return job;
}

/** Deferred jobs go before all others, because they have waited longest. */
static void resume_deferred_locked(struct worker *worker)
{
	if (!worker->deferred.head)
		return;
	*worker->deferred.tail = worker->jobs.head;
	if (!worker->jobs.head)
		worker->jobs.tail = worker->deferred.tail;
	worker->jobs.head = worker->deferred.head;
	queue_init(&worker->deferred);
	(void)pthread_cond_signal(&worker->wake);
}

/** Return: false: it was not woken until @until_ns. */
static bool wait_until_locked(struct worker *worker, uint64_t until_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000),
					.tv_nsec = (long)(until_ns % 1000000000) };

	if (until_ns == UINT64_MAX)
		return pthread_cond_wait(&worker->wake, &worker->lock) == 0;
	return pthread_cond_timedwait(&worker->wake, &worker->lock, &until) != ETIMEDOUT;
}

/** A release that is expected always comes. One that is only possible may never come. */
static void wait_locked(struct worker *worker, uint64_t tidy_at)
{
	bool for_possible = worker->deferred.head && !worker->nr_unreleased;

	if (!for_possible || tidy_at < worker->possible_deadline_ns) {
		(void)wait_until_locked(worker, tidy_at);
	} else if (!wait_until_locked(worker, worker->possible_deadline_ns)) {
		worker->possible_given_up = true;
		resume_deferred_locked(worker);
	}
}

static bool may_wait_locked(const struct worker *worker, uint64_t tidy_at)
{
	return worker->pausing || clock_now_ns() < tidy_at;
}

static uint64_t tidy(struct worker *worker)
{
	bool pausing;

	(void)pthread_mutex_lock(&worker->lock);
	pausing = worker->pausing;
	(void)pthread_mutex_unlock(&worker->lock);
	return pausing ? 0 : worker->tidy(worker->tidy_arg);
}

/** Return: NULL: it is time to tidy, or to stop. */
static struct worker_job *next_job(struct worker *worker, uint64_t tidy_at, bool *ret_stop)
{
	struct worker_job *job;

	(void)pthread_mutex_lock(&worker->lock);
	while (!worker->jobs.head && !worker->stopping && may_wait_locked(worker, tidy_at)) {
		worker->idle = true;
		(void)pthread_cond_broadcast(&worker->became_idle);
		wait_locked(worker, worker->pausing ? UINT64_MAX : tidy_at);
	}
	worker->idle = false;
	job = queue_pop(&worker->jobs);
	*ret_stop = !job && worker->stopping;
	(void)pthread_mutex_unlock(&worker->lock);
	return job;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct worker_job *job;
	bool stop = false;

	while (!stop) {
		job = next_job(worker, tidy(worker), &stop);
		if (job)
			job->run(job);
	}
	return NULL;
}

static void wake_init(pthread_cond_t *wake)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(wake, &attr);
	(void)pthread_condattr_destroy(&attr);
}

static void sync_fini(struct worker *worker)
{
	(void)pthread_cond_destroy(&worker->became_idle);
	(void)pthread_cond_destroy(&worker->wake);
	(void)pthread_mutex_destroy(&worker->lock);
}

int worker_init(struct worker *worker, worker_tidy_fn *tidy, void *tidy_arg)
{
	int err;

	*worker = (struct worker){ .tidy = tidy, .tidy_arg = tidy_arg };
	queue_init(&worker->jobs);
	queue_init(&worker->deferred);
	(void)pthread_mutex_init(&worker->lock, NULL);
	wake_init(&worker->wake);
	(void)pthread_cond_init(&worker->became_idle, NULL);
	err = thread_start(&worker->thread, work, worker, "cxlfs-space");
	if (err)
		sync_fini(worker);
	return err;
}

void worker_fini(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->stopping = true;
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_join(worker->thread, NULL);
	sync_fini(worker);
}

void worker_pause(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->pausing = true;
	(void)pthread_cond_signal(&worker->wake);
	while (worker->jobs.head || !worker->idle)
		(void)pthread_cond_wait(&worker->became_idle, &worker->lock);
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_resume(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->pausing = false;
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_queue(struct worker *worker, struct worker_job *job)
{
	(void)pthread_mutex_lock(&worker->lock);
	queue_append(&worker->jobs, job);
	(void)pthread_cond_signal(&worker->wake);
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_expect_release(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->nr_unreleased++;
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_note_release(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->nr_unreleased--;
	worker->nr_releases++;
	resume_deferred_locked(worker);
	(void)pthread_mutex_unlock(&worker->lock);
}

uint64_t worker_nr_releases(struct worker *worker)
{
	uint64_t nr;

	(void)pthread_mutex_lock(&worker->lock);
	nr = worker->nr_releases;
	(void)pthread_mutex_unlock(&worker->lock);
	return nr;
}

static void add_possible(struct worker *worker, int nr)
{
	(void)pthread_mutex_lock(&worker->lock);
	worker->nr_possible += nr;
	worker->possible_given_up = false;
	resume_deferred_locked(worker);
	(void)pthread_mutex_unlock(&worker->lock);
}

void worker_begin_possible_release(struct worker *worker)
{
	add_possible(worker, 1);
}

void worker_end_possible_release(struct worker *worker)
{
	add_possible(worker, -1);
}

bool worker_has_possible_releases(struct worker *worker)
{
	bool has;

	(void)pthread_mutex_lock(&worker->lock);
	has = worker->nr_possible > 0;
	(void)pthread_mutex_unlock(&worker->lock);
	return has;
}

enum worker_defer worker_defer(struct worker *worker, struct worker_job *job, uint64_t nr_releases)
{
	enum worker_defer result = WORKER_FULL;

	(void)pthread_mutex_lock(&worker->lock);
	if (worker->nr_releases != nr_releases) {
		result = WORKER_RETRY;
	} else if (worker->nr_unreleased || (worker->nr_possible && !worker->possible_given_up)) {
		if (!worker->deferred.head)
			worker->possible_deadline_ns = clock_now_ns() + POSSIBLE_RELEASE_WAIT_NS;
		queue_append(&worker->deferred, job);
		result = WORKER_DEFERRED;
	}
	(void)pthread_mutex_unlock(&worker->lock);
	return result;
}
