/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account - counts requests by kind, measures how long they take, and remembers the last ones.
 *
 * Each thread counts in memory of its own; readers add it up. So counts that belong together may
 * differ by the requests of a moment.
 */
#ifndef CXLFS_FUSE_TRANSPORT_ACCOUNT_H
#define CXLFS_FUSE_TRANSPORT_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "base/thread_blocks.h"

struct fuse_in_header;

#define ACCOUNT_NR_KINDS  64   /* opcodes of FUSE; others count as 0 */
#define ACCOUNT_NR_RECENT 128  /* requests that each thread remembers for a crash */
#define ACCOUNT_NR_TRACED 1024 /* requests of each thread that a tracer has not read yet */

/** A request that has ended. */
struct account_record {
	uint64_t end_ticks;  /* ticks_now() */
	uint64_t latency_ns; /* from its arrival in the daemon to the answer */
	uint64_t command_ns; /* from its first command to the answer; 0: it needed none */
	uint64_t inode;
	uint64_t offset, bytes; /* READ, WRITE: of the request */
	uint32_t kind;          /* opcode of FUSE */
	uint32_t pid;           /* of the program, in the daemon's pid namespace */
	int32_t error;          /* 0 or -errno */
};

/** The requests of one kind. All atomic, but only one thread writes. */
struct account_kind {
	uint64_t nr_started, nr_ended, nr_errors;
	uint64_t nr_bytes; /* read or written */
	struct histogram latency;
};

/** A request that is under way, in the memory of its slot. All zeros: there is none. */
struct account_request {
	struct account *account;
	uint64_t start_ticks;
	uint64_t command_ticks; /* of its first command; 0: none was issued */
	uint64_t inode, offset, bytes;
	uint64_t nr_moved; /* bytes read or written */
	uint32_t kind, pid;
	int32_t error;
	bool kept; /* it is answered later */
};

struct account {
	struct thread_blocks blocks;
	/* Requests that took at least so long are traced until then; ticks_now(). */
	_Atomic uint64_t trace_least_ns, trace_until_ticks;
};

void account_init(struct account *account);
void account_fini(struct account *account);

/** account_begin() - note that a request has arrived; on the thread that serves it */
void account_begin(struct account *account, struct account_request *request,
		   const struct fuse_in_header *header);

/** account_end() - note that it has been answered; on any thread. Does nothing if there is none. */
void account_end(struct account_request *request);

/** account_sum() - add up what all threads have counted. Any thread. */
void account_sum(struct account *account, struct account_kind ret_kinds[ACCOUNT_NR_KINDS]);

/** account_add() - count on from what another process has counted; before any request */
void account_add(struct account *account, const struct account_kind kinds[ACCOUNT_NR_KINDS]);

/** account_kind_name() - such as "read"; NULL for a kind that this program does not know */
const char *account_kind_name(unsigned kind);

/**
 * account_trace() - trace requests that take @least_ns or longer, for the next @for_ns
 * If another tracer is active, the smaller time counts.
 */
void account_trace(struct account *account, uint64_t least_ns, uint64_t for_ns);

/**
 * account_traced() - call @fn for each traced request that ended after @after_ticks
 * In no order. A thread that traces more than ACCOUNT_NR_TRACED between two calls loses the oldest.
 */
void account_traced(struct account *account, uint64_t after_ticks,
		    void (*fn)(void *arg, const struct account_record *record), void *arg);

/** account_recent() - the same for the last requests of each thread. Async-signal-safe. */
void account_recent(struct account *account,
		    void (*fn)(void *arg, const struct account_record *record), void *arg);

#endif
