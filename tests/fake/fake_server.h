/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_server - a process that serves a volume, and what it writes to its journal.
 *
 * It has a tree and data on a fake of the superpipe layer. Random requests change them. Its journal
 * is a list of records that keeps all of them, so that a test can end it after each.
 */
#ifndef CXLFS_TESTS_FAKE_SERVER_H
#define CXLFS_TESTS_FAKE_SERVER_H

#include <pthread.h>
#include <stdbool.h>

#include "data/data.h"
#include "fake/fake_superpipe.h"
#include "replica/replica.h"
#include "support/memory_stream.h"
#include "tree/tree.h"

#define FAKE_SERVER_SLOTS 4u

struct fake_record {
	void *data;
	size_t bytes;
};

/** All zeros: empty. */
struct fake_journal {
	pthread_mutex_t lock; /* protects what follows; changes of data come from any thread */
	struct fake_record *records;
	size_t nr, max;
};

struct fake_server {
	struct superpipe *sp;
	struct tree *tree;
	struct data_volume *vol;
	struct fake_journal *journal;
	struct replica_limits limits;
	struct fake_record group; /* the record that is being made */
	struct data_file *freed;  /* by the request, when its record is written; NULL: none */
	uint64_t random, unique;
	struct data_file *left[3]; /* a thread had them when the process died */
	unsigned nr_left;
	bool is_dead; /* writes nothing; the journal's lock */
	bool is_quiesced;
};

/** fake_server_start() - an empty volume; @stripe_blocks and @pack_blocks may be 0 */
void fake_server_start(struct fake_server *server, struct superpipe *sp,
		       struct fake_journal *journal, uint64_t seed, unsigned pack_blocks,
		       unsigned stripe_blocks);

/** fake_server_load() - the volume that a snapshot says, quiesced
 *  Return: 0; the first error, and then only fake_server_stop() may follow. */
int fake_server_load(struct fake_server *server, struct superpipe *sp, struct fake_journal *journal,
		     unsigned pack_blocks, struct memory_stream *stream);

/** fake_server_resume() - serve and write records after fake_server_load() */
void fake_server_resume(struct fake_server *server, uint64_t seed);

/** fake_server_die() - write nothing any more */
void fake_server_die(struct fake_server *server);

/** fake_server_step() - serve a random request. The volume is not quiesced. */
void fake_server_step(struct fake_server *server);

/** fake_server_commit() - write the record of what has changed, if anything has */
void fake_server_commit(struct fake_server *server);

/** fake_server_leave() - a thread has @file, which no inode has, until fake_server_stop() */
void fake_server_leave(struct fake_server *server, struct data_file *file);

/** fake_server_quiesce() - stop all that the volume does by itself */
void fake_server_quiesce(struct fake_server *server);

/** fake_server_outcome() - add the outcome of a new request in @slot. Return: its number. */
uint64_t fake_server_outcome(struct fake_server *server, uint32_t slot,
			     enum replica_outcome_kind kind, uint64_t value);

/** fake_server_create() - make a file in the root directory, which gets data, and not commit it */
struct tree_inode *fake_server_create(struct fake_server *server, const char *name);

/** fake_server_save() - fills an empty stream, as fs_save() does; the volume is quiesced */
void fake_server_save(struct fake_server *server, struct memory_stream *stream);

/** fake_server_stop() - die, and free all */
void fake_server_stop(struct fake_server *server);

void fake_journal_fini(struct fake_journal *journal);

/** fake_journal_apply() - the records from number @from on, before @to */
int fake_journal_apply(struct fake_journal *journal, struct replica *replica, size_t from,
		       size_t to);

/** fake_save_replica() - what replica_save() writes, added to a stream; it must succeed */
void fake_save_replica(struct replica *replica, struct memory_stream *stream);

#endif
