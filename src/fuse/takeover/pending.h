/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending - the requests that were in progress when a process died.
 *
 * For the standby, which has the memory of the slots and the descriptor of /dev/fuse that the dead
 * process read from. Call these functions after the dead process has been reaped, and before the
 * next one starts: no process serves meanwhile.
 *
 * A request in a slot may have been answered already, because the process can die between the
 * answer and the note that the request is done. The kernel shows which: as long as it waits for the
 * answer to a request, it accepts, and ignores, an answer to an INTERRUPT of that request.
 *
 * Nothing in the memory is trusted. Errors: -errno.
 */
#ifndef CXLFS_FUSE_TAKEOVER_PENDING_H
#define CXLFS_FUSE_TAKEOVER_PENDING_H

#include "fuse/transport/slot_region.h"

struct replica;

struct pending {
	struct slot_region region;
	int fuse_fd; /* borrowed */
};

/** A request in a slot. */
struct pending_request {
	uint32_t slot;
	uint32_t opcode;
	uint64_t unique;
	uint64_t inode;
	uint32_t pid;    /* of the program; 0: the kernel itself */
	bool is_damaged; /* its length is impossible, so it cannot be executed */
};

/**
 * pending_open() - map the slots of another process
 * @slots_fd: transport_slots_fd() there; taken also after a failure
 * @fuse_fd: borrowed until pending_close()
 * Return: 0; -EINVAL it does not consist of slots; -errno.
 */
int pending_open(struct pending *pending, int slots_fd, int fuse_fd);
/** pending_close() - Accepts all zeros. */
void pending_close(struct pending *pending);

/**
 * pending_next() - find the next request, in the order of slots
 * @from: the first slot to look at; is set to the one after the request
 * Return: false: there are no more.
 */
bool pending_next(const struct pending *pending, uint32_t *from, struct pending_request *request);

/** pending_has_answer() - false for FORGET and the like, which the kernel never waits for */
bool pending_has_answer(const struct pending_request *request);

/** pending_is_awaited() - check whether the kernel waits for an answer
 *  Return: 1 it waits; 0 it has the answer, or the connection is aborted; -errno. */
int pending_is_awaited(const struct pending *pending, const struct pending_request *request);

/** pending_clear() - remove a request from its slot */
void pending_clear(struct pending *pending, const struct pending_request *request);

/** pending_answer() - answer a request with an error and remove it
 *  @error: a negative errno. Return: 0; -errno. */
int pending_answer(struct pending *pending, const struct pending_request *request, int error);

/**
 * pending_set_outcome() - make the next process answer a request instead of executing it
 * @outcome: copied; NULL: make it execute the request
 */
void pending_set_outcome(struct pending *pending, const struct pending_request *request,
			 const struct replica_outcome *outcome);

/**
 * pending_blame() - count how many processes a request has crashed
 * A process that takes over serves the requests that it finds one after the other, and notes which
 * one it is serving.
 * @is_guilty: count this death if the process was serving this request; false: the process did not
 *             crash
 * Call it once after each death. Return: the number of such deaths.
 */
uint64_t pending_blame(struct pending *pending, const struct pending_request *request,
		       bool is_guilty);

/** How to decide about requests. */
struct pending_rules {
	struct replica *replica; /* has all records of the dead process */
	bool has_agreed;         /* the dead process, with the kernel: INIT is not served again */
	uint64_t max_deaths;     /* a request that crashes this many processes is refused */
	bool is_guilty;          /* as for pending_blame() */
	/* Called for each request that is answered with EIO. */
	void (*refused)(void *arg, const struct pending_request *request);
	void *arg;
};

/** What has become of the requests in the slots. */
struct pending_counts {
	unsigned nr_answered; /* by the dead process */
	unsigned nr_known;    /* executed, but not answered: the next process answers */
	unsigned nr_left;     /* the next process executes them */
	unsigned nr_refused;  /* answered with EIO: damaged, or too many processes died of them */
};

/**
 * pending_settle() - decide about each request that was in progress
 * Undoes the references that unfinished directory listings have taken in the replica. Afterwards
 * the slots are ready for the next process. Call it once after each death.
 * Return: 0; -errno of the replica or of the device.
 */
int pending_settle(struct pending *pending, const struct pending_rules *rules,
		   struct pending_counts *ret_counts);

#endif
