/* SPDX-License-Identifier: Apache-2.0 */
/* emul_rig - an emulated adapter in a directory of its own, for tests of its driver side. */
#ifndef CXLFS_TESTS_SUPPORT_EMUL_RIG_H
#define CXLFS_TESTS_SUPPORT_EMUL_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "emul/adapter.h"
#include "support/dk.h"

struct emul_rig {
	char dir[64];
	char options[256];
	struct devport *dp; /* LUN 0, port 0 */
};

/** emul_rig_open() - make an adapter; @options as behind "emul:PATH,", or "" */
void emul_rig_open(struct emul_rig *rig, const char *options);

/** emul_rig_path() - one more opening, with further options such as "lun=1"; the test closes it */
struct devport *emul_rig_path(const struct emul_rig *rig, const char *options);

/** emul_rig_close() - close, remove; requires that no rule was broken */
void emul_rig_close(struct emul_rig *rig);

/** emul_rig_close_broken() - the same for a test that has broken @expected rules, kind by kind */
void emul_rig_close_broken(struct emul_rig *rig, enum emul_breach breach, uint64_t expected);

/** emul_rig_remove() - remove a directory and what is in it */
void emul_rig_remove(const char *dir);

static inline struct emul_adapter *emul_rig_ad(const struct emul_rig *rig)
{
	return ((struct emul_path *)rig->dp)->ad;
}

static inline struct emul_shm *emul_rig_shm(const struct emul_rig *rig)
{
	return emul_rig_ad(rig)->shm;
}

/** emul_rig_count() - how often a rule was broken so far */
uint64_t emul_rig_count(const struct emul_rig *rig, enum emul_breach breach);

/** emul_rig_attach() - a context that must be had, O_RDWR */
struct dk_attach emul_rig_attach(struct devport *dp);

/** emul_rig_detach() - detach and close fd2, both of which must succeed */
void emul_rig_detach(struct devport *dp, uint64_t context_id, uint64_t adap_fd);

/** emul_rig_virtual() - a vLUN of @nr_chunks, made as a good program does; its handle */
uint64_t emul_rig_virtual(struct devport *dp, uint64_t context_id, uint64_t nr_chunks);

/** emul_rig_chunks() - chunk numbers of a handle. Return: how many. */
unsigned emul_rig_chunks(const struct emul_rig *rig, uint64_t context_id, uint64_t handle,
			 uint64_t *ret_chunks, unsigned max);

/** emul_rig_fault() - add a fault rule, which must be a good one */
void emul_rig_fault(const struct emul_rig *rig, const char *rule);

/** emul_rig_in_child() - in a forked child: an opening of its own in place of the inherited one */
void emul_rig_in_child(struct emul_rig *rig);

/** emul_rig_end_child() - the child is done */
void __attribute__((noreturn)) emul_rig_end_child(struct emul_rig *rig);

/** emul_rig_wait_child() - wait for a child of the test; it must exit with 0 */
void emul_rig_wait_child(pid_t child);

#endif
