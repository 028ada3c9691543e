/* SPDX-License-Identifier: Apache-2.0 */
/*
 * takeover_rig - real processes for tests of superpipe/dead_owner.h: owners that are killed,
 * proxies, successors. The test is the standby: it has one thread and no device open.
 *
 * The owner tells the standby what it has, as a file system tells its journal: growth after it is
 * done, a smaller or no vLUN before.
 */
#ifndef CXLFS_TESTS_SUPPORT_TAKEOVER_RIG_H
#define CXLFS_TESTS_SUPPORT_TAKEOVER_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "emul/fault/fault.h"
#include "superpipe/dead_owner.h"
#include "superpipe/superpipe.h"
#include "support/emul_host.h"

#define TAKEOVER_VLUNS 8
#define TAKEOVER_LUNS  2

/** What the standby knows of an owner. */
struct takeover_owner {
	pid_t pid;
	int socket; /* -1: it is dead */
	unsigned nr_sent;
	struct superpipe_context contexts[TAKEOVER_LUNS]; /* fd -1: not sent */
};

struct takeover_rig {
	struct emul_host host; /* closed except in takeover_open() ... takeover_close() */
	char options[64];
	unsigned nr_luns;
	pid_t bystander;    /* keeps the adapter open; 0: none */
	int bystander_pipe; /* closed: it ends */
	struct takeover_owner owner, dead;

	/* What an owner has told. */
	bool known[TAKEOVER_VLUNS];
	struct superpipe_vlun_source vluns[TAKEOVER_VLUNS];
	uint64_t progress;
	char explained[256]; /* the last failure of a proxy or a successor */
};

/** The side of an owner. */
struct takeover_self {
	struct takeover_rig *rig; /* its own copy: what was known at its start */
	int socket;
	struct superpipe *sp;
	struct superpipe_vlun *vluns[TAKEOVER_VLUNS];
};

/** What an owner does when it serves; returns to end orderly. A failure exits by TAKEOVER_CHECK. */
typedef void takeover_act(struct takeover_self *self);

/** takeover_check() - libcheck does not work in children: they end with a status that is not 0 */
#define TAKEOVER_CHECK(condition) takeover_check(condition, __FILE__, __LINE__, #condition)
void takeover_check(bool condition, const char *file, int line, const char *text);

/* ---- the standby ---- */

/** takeover_is_possible() - false, with a line on standard output: proxies cannot be made here */
bool takeover_is_possible(void);

/**
 * takeover_make() - a new adapter
 * @options: as emul_host_make()
 * @bystander: another process keeps the adapter open, so that a next one is not its first user
 */
void takeover_make(struct takeover_rig *rig, const char *options, unsigned nr_luns, bool bystander);

/** takeover_destroy() - requires that no process is left, no handle is open and no rule broken */
void takeover_destroy(struct takeover_rig *rig);

/** takeover_remove() - the same, whatever is left in the adapter */
void takeover_remove(struct takeover_rig *rig);

/** takeover_open(), takeover_close() - use of rig->host between them */
void takeover_open(struct takeover_rig *rig);
void takeover_close(struct takeover_rig *rig);

void takeover_fault(struct takeover_rig *rig, const char *rule);
void takeover_reset(struct takeover_rig *rig, enum emul_reset_kind kind);

/** takeover_start() - an owner, which has attached and sent its contexts when this returns */
void takeover_start(struct takeover_rig *rig, takeover_act *act);

/** takeover_await_progress() - until the owner has told this number */
void takeover_await_progress(struct takeover_rig *rig, uint64_t number);

/** takeover_await_contexts() - until the owner has sent so many contexts */
void takeover_await_contexts(struct takeover_rig *rig, unsigned nr);

/** takeover_await_recoveries() - until the driver has replaced so many contexts; reads nothing */
void takeover_await_recoveries(struct takeover_rig *rig, uint64_t nr);

/** takeover_kill() - kill the owner, read what it has told, wait for it */
void takeover_kill(struct takeover_rig *rig);

/** takeover_await_kill() - until the owner has died of SIGKILL by itself; the rest as above */
void takeover_await_kill(struct takeover_rig *rig);

/** takeover_request_end() - what takeover_await_end_request() waits for */
void takeover_request_end(struct takeover_rig *rig);

/** takeover_await_end() - until the owner has ended with status 0 */
void takeover_await_end(struct takeover_rig *rig);

/**
 * takeover_try() - a proxy of the dead owner, and a successor
 * Return: 0: the successor is the owner now, and the contexts of the dead one are detached; -errno
 * of the proxy or the successor, -ENOLINK one of them was killed: the dead owner's are as before,
 * but for what the proxy recovered or detached.
 */
int takeover_try(struct takeover_rig *rig, takeover_act *act);

/** takeover_retry() - the same until it succeeds, a few times */
void takeover_retry(struct takeover_rig *rig, takeover_act *act);

/** takeover_await_owner_noticed() - until the emulator knows that the owner of the contexts is dead
 *  @rig: with a bystander */
void takeover_await_owner_noticed(struct takeover_rig *rig);

/** takeover_clone_without_proxy() - in a child: what a proxy's child may. Return: as it. */
int takeover_clone_without_proxy(struct takeover_rig *rig);

/** takeover_give_up() - a proxy of the dead owner detaches its contexts */
void takeover_give_up(struct takeover_rig *rig);

/** takeover_close_fds() - what the standby must not do before its time: close the dead one's fd2s
 */
void takeover_close_fds(struct takeover_owner *owner);

/* ---- the owner ---- */

/** takeover_open_vlun() - a vLUN of @nr_chunks, told when done */
void takeover_open_vlun(struct takeover_self *self, unsigned i, unsigned lun, uint64_t nr_chunks);

/** takeover_resize_vlun() - told when done, or before it is smaller. Return: what it has. */
uint64_t takeover_resize_vlun(struct takeover_self *self, unsigned i, uint64_t nr_chunks);

/** takeover_close_vlun() - told before it is done */
void takeover_close_vlun(struct takeover_self *self, unsigned i);

void takeover_tell_progress(struct takeover_self *self, uint64_t number);
void takeover_await_end_request(struct takeover_self *self);

/** takeover_tell_vlun() - the vLUN as it is; NULL: it is gone */
void takeover_tell_vlun(struct takeover_self *self, unsigned i, const struct superpipe_vlun *vlun);

#endif
