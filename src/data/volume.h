/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume - what the files of a volume share: the worker thread, the pools of scratches and of vLUNs
 * that are ready, the counts.
 *
 * The worker does everything that sleeps in an ioctl, one job after the other in the order they
 * were queued. So a release that was queued before a growth is done before it.
 */
#ifndef CXLFS_DATA_VOLUME_H
#define CXLFS_DATA_VOLUME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "data/data.h"
#include "data/scratch.h"

struct data_job {
	struct data_job *next;
	void (*run)(struct data_volume *vol, struct data_job *job);
};

struct data_lun {
	_Atomic uint64_t nr_chunks; /* of a whole LUN it may grow */
	_Atomic uint64_t nr_used; /* counted for files: see space_account_locked() */
};

/* So many small files are written while the worker is woken and makes more. */
#define READY_MAX 32

/** See data/alloc/ready.h. */
struct ready_vlun {
	struct superpipe_vlun *vlun; /* of one chunk */
	unsigned lun;
};

struct ready_pool {
	pthread_mutex_t lock; /* protects all of it */
	struct ready_vlun vluns[READY_MAX];
	unsigned nr, target;
	uint64_t noted_ns; /* when the last new file came */
	bool filling;      /* job is queued or runs */
	struct data_job job;
};

TAILQ_HEAD(data_file_list, data_file);

/* Locks: a file's lock is taken before that of the ready ones, this before the volume's; the shards'
 * locks come last. */
struct data_volume {
	struct superpipe *sp;  /* these four: set before the worker starts */
	uint32_t chunk_blocks;
	unsigned nr_luns;
	pthread_t worker;
	struct data_lun luns[SUPERPIPE_MAX_LUNS];
	_Atomic uint64_t nr_vluns; /* files counted as having one */
	_Atomic uint64_t quiet_ns; /* see data_volume_set_quiet_ms() */

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct data_job *jobs, **jobs_tail;       /* protected by lock */
	struct data_job *stalled, **stalled_tail; /* protected by lock */
	uint64_t nr_unreleased; /* protected by lock; freed files that still hold flash */
	uint64_t nr_releases;   /* protected by lock; how often one of them let go */
	uint64_t nr_doomed;     /* protected by lock; files that are likely to be freed at once */
	uint64_t patience_ns;   /* protected by lock; until when stalled jobs wait for these */
	bool impatient;         /* protected by lock; they have waited in vain */
	bool stopping;          /* protected by lock */

	struct data_file_list spares; /* worker only: files that may hold slots beyond their tail */
	struct ready_pool ready;
	struct scratch_pool scratches;
};

/** volume_free_chunks() - of a LUN, those that no file of the volume uses. Any thread. */
uint64_t volume_free_chunks(struct data_volume *vol, unsigned lun);

/** volume_roomiest_lun() - the LUN with most free chunks of those not in @tried, or nr_luns */
unsigned volume_roomiest_lun(struct data_volume *vol, unsigned tried);

/** volume_queue() - hand a job to the worker; its memory stays the job's until it has run */
void volume_queue(struct data_volume *vol, struct data_job *job);

/**
 * volume_expect_release() - a freed file will let go of its flash some time later
 * That always comes: from now on its own growth never stalls, and what had stalled before waits
 * for a file that was freed earlier.
 */
void volume_expect_release(struct data_volume *vol);

/** volume_released() - it has; stalled jobs are run again */
void volume_released(struct data_volume *vol);

uint64_t volume_nr_releases(struct data_volume *vol);

/** volume_doom() - a file is likely to be freed in a moment, or not any more */
void volume_doom(struct data_volume *vol, bool doomed);

enum volume_stall {
	VOLUME_STALLED,  /* the job runs again after the next release */
	VOLUME_RETRY,    /* there was a release since @nr_releases was read: try again at once */
	VOLUME_HOPELESS, /* no release is to be expected */
};

/** volume_stall() - what a job that found too little flash can hope for */
enum volume_stall volume_stall(struct data_volume *vol, struct data_job *job, uint64_t nr_releases);

#endif
