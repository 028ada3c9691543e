/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_world - a standby and processes that serve, one after the other, for check_commit.c.
 *
 * Such a process is a file system with its volume, over a fake of the adapter. When it dies, the
 * thread that writes a record stops there until the end of the world.
 */
#ifndef CXLFS_TESTS_UNIT_COMMIT_WORLD_H
#define CXLFS_TESTS_UNIT_COMMIT_WORLD_H

#include <pthread.h>
#include <semaphore.h>

#include "fuse/takeover/internal.h"
#include "unit/commit_steps.h"

struct life {
	struct data_volume *vol;
	struct journal *journal;
	struct fs *fs;
	struct fuse_session *session;
	struct slot *slot; /* of its last request */
	pthread_t thread;  /* that serves it */
	bool is_serving;   /* the thread exists */
	_Atomic bool is_dead;
};

struct answer {
	size_t bytes; /* 0: there is none */
	char *data;
};

enum { WORLD_MAX_LIVES = 3 };
#define WORLD_OTHERS (UINT64_C(1) << 32)

struct world {
	struct superpipe *sp;
	struct journal *reader;
	struct replica *replica;
	struct life lives[WORLD_MAX_LIVES];
	_Atomic unsigned nr_lives;
	struct slot_region region;
	struct slot_pool *slots;
	struct slot *slot, *init_slot;
	pthread_mutex_t lock;  /* of is_dead and served */
	sem_t served;          /* the request is answered, or the process is dead */
	sem_t burial;          /* the dead may go on */
	_Atomic int nr_to_die; /* records that the present life may still write; below 0: all */
	struct answer answer;  /* to the last request */
	unsigned at;           /* number of the request; also the time */
	bool is_late;          /* the time is a little later */
	bool no_memory;        /* threads get none for their records */
};

/** All functions use this one. */
extern struct world world;

/**
 * world_begin() - with an empty volume and a process that serves it
 * @journal_bytes: so many that no thread which dies waits for room
 */
void world_begin(size_t journal_bytes);
/** world_bury() - end the process that serves; then threads of dead ones run to their end */
void world_bury(void);
/** world_end() - after world_bury() */
void world_end(void);

/** world_now() - the process that serves, or has just died */
struct life *world_now(void);

/** world_make_request() - write a request into the slot */
void world_make_request(const struct step *step);

/** world_make_request_in(), world_serve_in() - for another thread, with a slot of its own
 *  @unique: the number of the request, from WORLD_OTHERS on: its answer is dropped */
void world_make_request_in(struct slot *slot, const struct step *step, uint64_t unique);
void world_serve_in(struct life *life, struct slot *slot);

/** world_serve() - serve the request in the slot. Return: whether the process has died. */
bool world_serve(void);

/** world_do() - make and serve a request; the standby follows */
void world_do(const struct step *step);

/** world_follow() - let the standby follow */
void world_follow(void);

/** world_kill() - the process that serves dies, if it has not */
void world_kill(void);

/**
 * world_take_over() - the next process takes the place of a dead one
 * @is_awaited: the kernel waits for the answer to the request in the slot
 */
void world_take_over(bool is_awaited);

/** world_is_answered() - does the kernel expect an answer? */
bool world_is_answered(uint32_t opcode);

#endif
