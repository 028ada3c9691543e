/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the suites of the tree share: a tree, counted payloads, memory that
 * runs out on request, and short ways to make things.
 */
#ifndef CXLFS_TESTS_CHECK_TREE_H
#define CXLFS_TESTS_CHECK_TREE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tree/inode.h"
#include "tree/tree.h"

#define T_UNUSED __attribute__((unused))

static int nr_payloads_freed;
static T_UNUSED int nr_payloads_orphaned; /* now */
static int allocs_until_failure;          /* 0: memory never runs out */

static T_UNUSED void count_payload(void *arg, void *payload)
{
	(void)arg;
	ck_assert_ptr_nonnull(payload);
	nr_payloads_freed++;
}

static T_UNUSED void count_orphans(void *arg, void *payload, bool orphaned)
{
	(void)arg;
	ck_assert_ptr_nonnull(payload);
	nr_payloads_orphaned += orphaned ? 1 : -1;
}

static T_UNUSED void *failing_alloc(size_t bytes)
{
	if (allocs_until_failure && --allocs_until_failure == 0)
		return NULL;
	return malloc(bytes);
}

static T_UNUSED const struct tree_caller *at(time_t second)
{
	static struct tree_caller caller;

	caller = (struct tree_caller){
		.uid = 1000, .gid = 1000, .may_setgid = true, .now = { .tv_sec = second }
	};
	return &caller;
}

static T_UNUSED struct tree_config config_with(uint64_t max_inodes, uint32_t max_links)
{
	return (struct tree_config){
		.root_mode = 0755,
		.hash_seed = 1,
		.max_inodes = max_inodes,
		.max_links = max_links,
		.now = { .tv_sec = 1 },
		.payload_free = count_payload,
		.payload_orphaned = count_orphans,
	};
}

static T_UNUSED struct tree *make_tree_with(uint64_t max_inodes, uint32_t max_links)
{
	const struct tree_config config = config_with(max_inodes, max_links);
	struct tree *tree;

	nr_payloads_freed = 0;
	nr_payloads_orphaned = 0;
	allocs_until_failure = 0;
	ck_assert_int_eq(tree_new(&config, &tree), 0);
	tree->alloc = failing_alloc;
	return tree;
}

static T_UNUSED struct tree *make_tree(void)
{
	return make_tree_with(0, 0);
}

static T_UNUSED void end_tree(struct tree *tree)
{
	ck_assert_int_eq(tree_check(tree), 0);
	tree_free(tree);
}

static T_UNUSED struct tree_inode *root_of(const struct tree *tree)
{
	return tree_get(tree, TREE_ROOT_INO);
}

static T_UNUSED struct tree_inode *make_node(struct tree *tree, struct tree_inode *dir,
					     const char *name, mode_t mode)
{
	struct tree_inode *inode = NULL;

	ck_assert_int_eq(tree_mknod(tree, dir, name, mode, 0, at(2), &inode), 0);
	ck_assert_ptr_nonnull(inode);
	return inode;
}

static T_UNUSED struct tree_inode *make_file(struct tree *tree, struct tree_inode *dir,
					     const char *name)
{
	return make_node(tree, dir, name, S_IFREG | 0644);
}

static T_UNUSED struct tree_inode *make_dir(struct tree *tree, struct tree_inode *dir,
					    const char *name)
{
	return make_node(tree, dir, name, S_IFDIR | 0755);
}

static T_UNUSED struct tree_inode *find(const struct tree *tree, const struct tree_inode *dir,
					const char *name)
{
	struct tree_inode *inode = NULL;
	int err = tree_lookup(tree, dir, name, &inode);

	ck_assert(err == 0 || err == -ENOENT);
	return inode;
}

static T_UNUSED struct tree_attr attr_of(const struct tree_inode *inode)
{
	struct tree_attr attr;

	tree_getattr(inode, &attr);
	return attr;
}

#ifdef CXLFS_SANITIZED
#define T_SLOWDOWN 4
#else
#define T_SLOWDOWN 1
#endif

/** How often to repeat what is random; slow checkers, some of which run without forking, get a
 * part. */
static T_UNUSED unsigned long steps_of(unsigned long normal)
{
	const char *steps = getenv("CXLFS_TREE_STEPS"), *fork = getenv("CK_FORK");

	if (steps)
		return strtoul(steps, NULL, 10);
	return normal / (fork && strcmp(fork, "no") == 0 ? 10 : T_SLOWDOWN);
}

/** A seed, new each time unless CXLFS_TREE_SEED says which; printed to repeat a failure. */
static T_UNUSED uint64_t seed_of(const char *test)
{
	const char *wanted = getenv("CXLFS_TREE_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec;
	if (wanted)
		seed = strtoull(wanted, NULL, 0);
	printf("%s: CXLFS_TREE_SEED=%llu\n", test, (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/** A number below @limit from a state that starts as the seed. */
static T_UNUSED uint64_t pick(uint64_t *state, uint64_t limit)
{
	uint64_t bits;

	*state += UINT64_C(0x9e3779b97f4a7c15);
	bits = *state;
	bits = (bits ^ bits >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	bits = (bits ^ bits >> 27) * UINT64_C(0x94d049bb133111eb);
	return (bits ^ bits >> 31) % limit;
}

#endif
