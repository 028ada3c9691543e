/* SPDX-License-Identifier: Apache-2.0 */
/*
 * superpipe - the LUNs of a volume on a CXL Flash adapter, and the virtual LUNs on them.
 *
 * A volume opens its devices (superpipe_open, before any fork), attaches after it has become a
 * daemon (superpipe_attach: a context belongs to the process that attached it), and then opens,
 * resizes and closes vLUNs and submits reads and writes to them. This layer handles adapter resets,
 * lost contexts, retries and the adapter fd. A caller sees only a delay, or -EIO once the context
 * of the LUN has failed permanently.
 *
 * Each LUN has a context of its own: the driver cannot clone a context with several LUNs without
 * corrupting its tables, and each context has its own resource handles and queues. A LUN that is
 * enabled on several ports needs only one of its paths: the tables of a vLUN name all the ports,
 * and the adapter takes another one when a link is down. The driver refuses a second path to the
 * same LUN in one context. A LUN used as a whole has only the port of its disk.
 *
 * Threads: every function may be called from any thread unless its comment says otherwise.
 * Completion callbacks run on whichever thread reaps: the submitter's own, another submitter's, or
 * the reaper's. No lock of this layer is held across a callback, and a callback may submit.
 * Errors: 0 or a count on success, -errno on failure.
 */
#ifndef CXLFS_SUPERPIPE_SUPERPIPE_H
#define CXLFS_SUPERPIPE_SUPERPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"
#include "devport/devport.h"

#define SUPERPIPE_LBA_BYTES       4096u
#define SUPERPIPE_MAX_LUNS        8
#define SUPERPIPE_MAX_QUEUE_DEPTH 8192u

struct superpipe;
struct superpipe_context;
struct superpipe_vlun;

/** Events for the log. */
enum superpipe_event {
	SUPERPIPE_RECOVERED, /* the adapter was reset, and the context is valid again */
	SUPERPIPE_TIMED_OUT, /* commands timed out, and the context was reset */
	SUPERPIPE_FAILED,    /* permanent: every request on this context now fails with -EIO */
	SUPERPIPE_LUN_GREW,  /* a physical LUN has more LBAs than before: see its lun_info */
};

/** All zeros gives the defaults. Everything from @ops on is for tests. */
struct superpipe_options {
	unsigned queue_depth; /* commands in flight of a context, rounded up to a power of two */
	bool physical;        /* USER_DIRECT: whole LUNs instead of vLUNs */

	/* Called on the reaper thread of the context, without locks. Must not open, resize or close
	 * handles. @lun: of the context. May be NULL. */
	void (*notify)(void *arg, enum superpipe_event event, unsigned lun, const char *why);
	void *notify_arg;

	/* Sends a context to another process: see dead_owner.h. May be NULL. */
	int (*send_context)(void *arg, unsigned lun, const struct superpipe_context *context);
	void *send_context_arg;

	const struct devport_ops *ops; /* overrides devport_find() */
	unsigned watchdog_ms;      /* age at which a command times out and the context is reset */
	unsigned retry_delay_ms;   /* before the first retry of a busy command */
	unsigned recover_pause_ms; /* before the first retry of a failed recovery */
};

/** A LUN of the volume; set by attach. A physical LUN may grow, so read nr_lbas with an acquire. */
struct superpipe_lun_info {
	uint32_t block_bytes;   /* 512 or 4096 */
	uint32_t chunk_lbas;    /* 4 KiB LBAs in a chunk: 65536 * block_bytes / 4096 */
	uint64_t nr_chunks;     /* whole chunks on the LUN */
	uint64_t nr_lbas;       /* 4 KiB LBAs on the LUN */
	uint32_t max_xfer_lbas; /* largest command on a physical handle */
};

/** Why a command was issued again. */
enum superpipe_retry {
	SUPERPIPE_RETRY_TRANSIENT, /* an error that may go away at once */
	SUPERPIPE_RETRY_BUSY,      /* the LUN or its port was busy */
	SUPERPIPE_RETRY_ATTENTION, /* unit attention: after the VERIFY ioctl */
	SUPERPIPE_RETRY_CONTEXT,   /* the AFU did not accept the context: after RECOVER_AFU */
	SUPERPIPE_RETRY_TIMEOUT,   /* it was not answered in time */
	SUPERPIPE_RETRY_RESET,     /* it was under way when the context was reset or replaced */
	SUPERPIPE_NR_RETRIES,
};

/** Counters since attach. */
struct superpipe_stats {
	uint64_t commands, reads, writes, retries, recoveries, timeouts, errors, interrupts;
	uint64_t
		retries_by[SUPERPIPE_NR_RETRIES]; /* retries is their sum, without those of RESET */
};

/** How long commands had to wait for recoveries and context resets. */
struct superpipe_recovery {
	uint64_t last_ns;        /* when the last one ended, by clock_now_ns(); 0: there was none */
	uint64_t last_length_ns; /* how long it took */
	uint64_t total_ns;       /* all of them */
};

#define SUPERPIPE_MAX_PORTS 4 /* of an adapter */

/** Over which ports the LUN was reached. */
struct superpipe_ports {
	uint64_t nr_commands[SUPERPIPE_MAX_PORTS]; /* that succeeded, by port */
	uint64_t nr_changes;                       /* how often another port was used than before */
	uint32_t last; /* the port of the last command; meaningless if there was none */
};

/** A LUN, with its context. */
struct superpipe_lun_stats {
	bool failed;           /* permanently */
	bool sq_mode;          /* else IOARRIN */
	uint32_t nr_in_flight; /* commands that the adapter has */
	uint32_t queue_depth;
	unsigned nr_handles, max_handles; /* resource handles open, and at most */
	struct superpipe_stats counts;
	struct superpipe_recovery recovery;
	struct superpipe_ports ports;
	struct histogram latency[2]; /* reads, writes: from issue to completion, successful ones */
};

/**
 * superpipe_open() - open the devices of a volume; no context yet
 * @devices: @nr_devices names as devport.h describes them; borrowed
 * @explain: receives one sentence when a device cannot be used
 * Context: call it before forking, so that errors reach the shell; holds only fd1s.
 * Return: 0; -errno of devport open; -EINVAL more than SUPERPIPE_MAX_LUNS devices; -ENOMEM.
 */
int superpipe_open(const char *const devices[], unsigned nr_devices,
		   const struct superpipe_options *options, explain_fn explain, void *explain_arg,
		   struct superpipe **ret_sp);

/**
 * superpipe_attach() - make the contexts and start their reaper threads
 * Context: in the process that will do the I/O, after its last fork.
 * Return: 0; -errno after @explain has said why. Nothing stays attached on failure.
 */
int superpipe_attach(struct superpipe *sp);

/**
 * superpipe_close() - release what is left, detach every LUN, unmap, close fd2 and fd1
 * No command may be in flight and no other thread inside this layer. Accepts NULL and a
 * superpipe that was never attached.
 */
void superpipe_close(struct superpipe *sp);

/** superpipe_each_file() - see devport_ops.each_file. After superpipe_open(). */
void superpipe_each_file(struct superpipe *sp, devport_file_fn *fn, void *arg);

/**
 * superpipe_detach() - as superpipe_close(), but what is known stays readable
 * For a process whose child has cloned everything: see clone.h.
 */
void superpipe_detach(struct superpipe *sp);

unsigned superpipe_nr_luns(const struct superpipe *sp);
const struct superpipe_lun_info *superpipe_lun_info(const struct superpipe *sp, unsigned lun);

/**
 * superpipe_max_handles() - resource handles that the context of a LUN can hold
 * Starts with devport's max_handles(); the first EMFILE of the driver lowers it to the real limit.
 */
unsigned superpipe_max_handles(const struct superpipe *sp, unsigned lun);

/** superpipe_is_synchronous() - true if commands execute on the thread that submits them */
bool superpipe_is_synchronous(const struct superpipe *sp);

/** superpipe_failed() - true once every context has failed permanently: all requests get -EIO. */
bool superpipe_failed(const struct superpipe *sp);

/** superpipe_lun_failed() - true once the context of @lun has failed permanently. Any thread. */
bool superpipe_lun_failed(const struct superpipe *sp, unsigned lun);

void superpipe_get_stats(const struct superpipe *sp, struct superpipe_stats *ret_stats);

/** superpipe_get_lun_stats() - Waits for no ioctl and no command. */
void superpipe_get_lun_stats(const struct superpipe *sp, unsigned lun,
			     struct superpipe_lun_stats *ret_stats);

/**
 * superpipe_add_counts() - count on from what another process has counted
 * After superpipe_attach_clone(), before any io. @before: of superpipe_get_lun_stats(); all but
 * counts, recovery, ports and latency is ignored.
 */
void superpipe_add_counts(struct superpipe *sp, unsigned lun,
			  const struct superpipe_lun_stats *before);

/**
 * superpipe_vlun_open() - make a vLUN of size 0
 * @lun: index of the device it lives on
 * May sleep in ioctls for seconds. Return: 0; -ENOSPC no handle free on the context of the LUN
 * (the driver's EMFILE) or the LUN table is full; -EBUSY the LUN is in use as a whole; -ENOMEM;
 * -EIO the adapter has failed.
 */
int superpipe_vlun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun);

/* Do not call a function on handles from a completion callback: it may wait for the reaper. */

/**
 * superpipe_vlun_resize() - change the size of a vLUN
 * @nr_chunks:     wanted
 * @ret_nr_chunks: what the vLUN has now; also written when growth was only partly granted
 *
 * Growing keeps data and positions; it may grant fewer chunks than asked and still return 0, so
 * compare. Contents of new chunks are undefined. Shrinking gives chunks back at once: no command
 * on them may be in flight or be submitted while it runs.
 * Context: may sleep; one call at a time for a vLUN. EAGAIN and EINTR are retried inside.
 * Return: 0; -ENOSPC not one chunk free (growing); -ENOMEM; -EIO the adapter has failed.
 */
int superpipe_vlun_resize(struct superpipe_vlun *vlun, uint64_t nr_chunks, uint64_t *ret_nr_chunks);

/** superpipe_vlun_close() - release a vLUN with all its chunks. No command may be in flight. */
int superpipe_vlun_close(struct superpipe_vlun *vlun);

/** superpipe_vlun_lun() / superpipe_vlun_handle() - the LUN of a vLUN, and its resource handle in
 * the context of that LUN */
unsigned superpipe_vlun_lun(const struct superpipe_vlun *vlun);
uint32_t superpipe_vlun_handle(const struct superpipe_vlun *vlun);

/** superpipe_plun_open() - open a handle on a whole LUN (physical mode); closed like a vLUN. */
int superpipe_plun_open(struct superpipe *sp, unsigned lun, struct superpipe_vlun **ret_vlun);

/**
 * struct superpipe_io - one read or write of consecutive LBAs of a vLUN
 *
 * The caller owns the memory. It must not touch the io or its buffer between submit and @done: the
 * device may access both, even after an error. The engine splits the io into commands.
 */
struct superpipe_io {
	/* set by the caller */
	struct superpipe_vlun *vlun;
	uint64_t lba;     /* first, 4 KiB units */
	uint32_t nr_lbas; /* at least 1 */
	bool write;
	void *buf; /* nr_lbas * 4096 bytes, 16-byte aligned */
	void (*done)(struct superpipe_io *io);
	struct superpipe_io *next; /* further ios of the same batch, or NULL */

	/* result, valid in @done */
	int status;            /* 0, or the -errno of the lowest failing LBA */
	uint32_t nr_lbas_done; /* LBAs before the lowest failing one */

	/* used by the engine */
	uint32_t nr_issued;  /* LBAs already issued; protected by the queue's submit_lock */
	uint32_t nr_pending; /* commands not completed, including those not yet issued; atomic */
	uint64_t failure;    /* lowest failing LBA << 32 | errno, all ones for none; atomic */
	struct superpipe_io *queue_next;
};

/**
 * superpipe_submit() - start a batch of ios
 * @first: chain linked through ->next; the links are read before the first callback can run
 *
 * Never sleeps and never fails: errors arrive in @done. The ios may be on different LUNs. In SQ
 * mode a batch rings the doorbell of each context once. Ios that do not fit into the queues wait in
 * a FIFO. The callback of an io may run before the call returns, on this or another thread. The ios
 * of a chain complete in any order.
 */
void superpipe_submit(struct superpipe *sp, struct superpipe_io *first);

/**
 * superpipe_start_polling() - promise that the calling thread will poll for completions
 * While a thread polls, completions do not wake the reaper. The caller must call superpipe_poll()
 * repeatedly, and superpipe_stop_polling() before it sleeps. If it loses the processor, the reaper
 * takes over within two milliseconds.
 */
void superpipe_start_polling(struct superpipe *sp);
void superpipe_stop_polling(struct superpipe *sp);

/**
 * superpipe_poll() - reap completed commands and run their callbacks
 * Context: not from a callback. Return: true if it reaped anything.
 */
bool superpipe_poll(struct superpipe *sp);

/** superpipe_is_busy() - true while commands are in flight or not yet reaped */
bool superpipe_is_busy(struct superpipe *sp);

#endif
