/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - the thread that does everything that sleeps in an ioctl.
 *
 * Jobs run one at a time, in the order in which they were queued. A job that finds too little
 * flash may be deferred until a file has released its own. Any thread may call these functions,
 * with a file's lock held or without, except where noted.
 */
#ifndef CXLFS_DATA_ALLOC_WORKER_H
#define CXLFS_DATA_ALLOC_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct worker_job {
	struct worker_job *next;
	void (*run)(struct worker_job *job);
};

struct worker_queue {
	struct worker_job *head, **tail;
};

/** Gives back what has been idle. Return: when to call again, by clock_now_ns(), or UINT64_MAX. */
typedef uint64_t worker_tidy_fn(void *arg);

struct worker {
	pthread_t thread; /* these three: set before the thread starts */
	worker_tidy_fn *tidy;
	void *tidy_arg;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* all protected by lock */
	struct worker_queue jobs, deferred;
	uint64_t nr_unreleased;        /* freed files that still hold flash */
	uint64_t nr_releases;          /* so far */
	uint64_t nr_possible;          /* possible releases: orphans, and files whose blocks move */
	uint64_t possible_deadline_ns; /* deferred jobs wait for possible releases until then */
	bool possible_given_up; /* the deadline has passed: do not wait for the same ones again */
	bool stopping;
	bool pausing; /* does not tidy */
	bool idle;    /* has no job to run, and waits */
	pthread_cond_t became_idle;
};

/**
 * worker_init() - start the thread
 * @tidy: called on the thread between jobs
 * Return: 0; -EAGAIN no thread.
 */
int worker_init(struct worker *worker, worker_tidy_fn *tidy, void *tidy_arg);

/** worker_fini() - run the jobs that are queued, then stop the thread. */
void worker_fini(struct worker *worker);

/**
 * worker_pause() - run the jobs that are queued, then do nothing until worker_resume()
 * Sleeps. It does not wait for deferred jobs. Until worker_resume() the caller may do what
 * otherwise only the worker does, if no thread queues a job.
 */
void worker_pause(struct worker *worker);
void worker_resume(struct worker *worker);

/** worker_queue() - queue a job; its memory belongs to the worker until it runs. */
void worker_queue(struct worker *worker, struct worker_job *job);

/**
 * worker_expect_release() - note that a freed file holds flash, or may take some until it is idle
 * worker_note_release() must follow, and must not depend on a deferred job.
 */
void worker_expect_release(struct worker *worker);

/** worker_note_release() - such a file has released its flash; deferred jobs run again. */
void worker_note_release(struct worker *worker);

/** worker_nr_releases() - return a count for worker_defer() */
uint64_t worker_nr_releases(struct worker *worker);

/**
 * worker_begin_possible_release() - note that a file may release flash soon
 * It has lost its last link but is in use; or its blocks are being copied to a slot, and use flash
 * twice until then. Deferred jobs wait for such files too, but not for long.
 */
void worker_begin_possible_release(struct worker *worker);

/** worker_end_possible_release() - the opposite: the file has a link again, was freed, or no longer
 * moves. */
void worker_end_possible_release(struct worker *worker);

bool worker_has_possible_releases(struct worker *worker);

enum worker_defer {
	WORKER_DEFERRED, /* the job runs again after the next release, or when none comes in time */
	WORKER_RETRY,    /* a file was released since @nr_releases was read: try again now */
	WORKER_FULL,     /* no release is to be expected */
};

/**
 * worker_defer() - wait for a release on behalf of a job that found too little flash
 * @nr_releases: worker_nr_releases() before the job looked for flash
 * Context: on the worker, from @job.
 */
enum worker_defer worker_defer(struct worker *worker, struct worker_job *job, uint64_t nr_releases);

#endif
