/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse/commit: many threads serve requests at the same time. The records come in an order in which
 * a standby can repeat them, up to any moment at which the process may die.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "support/tree_copy.h"
#include "unit/commit_world.h"

enum {
	NR_THREADS = 4,
	NR_FILES = 4, /* that the kernel never forgets */
	NR_NAMES = 6, /* that come and go */
	NR_REQUESTS = 4000,
	NR_DEATHS = 12,
};

struct client {
	pthread_t thread;
	struct life *life; /* the first one */
	struct slot *slot;
	uint64_t random;
	_Atomic uint64_t nr; /* requests that are done */
	_Atomic bool has_ended;
};

static struct client clients[NR_THREADS];

static uint64_t pick(struct client *c, uint64_t limit)
{
	c->random = c->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (c->random >> 33) % limit;
}

static void serve(struct client *c, const struct step *step)
{
	world_make_request_in(c->slot, step, WORLD_OTHERS * (uint64_t)(c - clients + 1) + c->nr);
	world_serve_in(c->life, c->slot);
	c->nr++;
}

static const char *pick_name(struct client *c, char *text)
{
	sprintf(text, "n%u", (unsigned)pick(c, NR_NAMES));
	return text;
}

static uint64_t pick_file(struct client *c)
{
	return ROOT + 1 + pick(c, NR_FILES);
}

static void change_name(struct client *c)
{
	char name[8], name2[8];
	const struct step steps_of[] = {
		{ FUSE_MKNOD, ROOT, IN(fuse_mknod_in, .mode = S_IFREG | 0600), .name = name },
		{ FUSE_LINK, ROOT, IN(fuse_link_in, .oldnodeid = pick_file(c)), .name = name },
		{ FUSE_UNLINK, ROOT, .name = name },
		{ FUSE_RENAME2, ROOT, IN(fuse_rename2_in, .newdir = ROOT), name, name2 },
		{ FUSE_LOOKUP, ROOT, .name = name },
		{ FUSE_READDIRPLUS, ROOT, IN(fuse_read_in, .size = BLOCK) },
	};

	pick_name(c, name);
	pick_name(c, name2);
	serve(c, &steps_of[pick(c, sizeof(steps_of) / sizeof(steps_of[0]))]);
}

static void open_file(struct client *c)
{
	const uint64_t ino = pick_file(c);

	serve(c, &(const struct step){ FUSE_OPEN, ino, IN(fuse_open_in, .flags = O_RDWR) });
	serve(c, &(const struct step){ FUSE_RELEASE, ino, IN(fuse_release_in, .flags = O_RDWR) });
}

static void change_file(struct client *c)
{
	const uint64_t ino = pick_file(c);
	const struct step steps_of[] = {
		{ FUSE_WRITE, ino, IN(fuse_write_in, .offset = pick(c, 4) * BLOCK, .size = BLOCK),
		  .data = block, .data_bytes = BLOCK },
		{ FUSE_READ, ino, IN(fuse_read_in, .size = BLOCK) },
		{ FUSE_SETATTR, ino, IN(fuse_setattr_in, .valid = FATTR_MODE, .mode = 0600) },
		{ FUSE_SETATTR, ino, IN(fuse_setattr_in, .valid = FATTR_SIZE) },
		{ FUSE_SETXATTR, ino, IN(setxattr_in, .size = 5), "user.a", .data = "value",
		  .data_bytes = 5 },
	};

	serve(c, &steps_of[pick(c, sizeof(steps_of) / sizeof(steps_of[0]))]);
}

static void *be_client(void *arg)
{
	static void (*const changes[])(struct client *) = { change_name, change_file, open_file };
	struct client *c = arg;

	while (c->nr < NR_REQUESTS)
		changes[pick(c, sizeof(changes) / sizeof(changes[0]))](c);
	c->has_ended = true;
	return NULL;
}

static void begin(uint64_t seed)
{
	char name[8];

	world_begin((size_t)16 << 20);
	for (unsigned i = 0; i < NR_FILES; i++) {
		sprintf(name, "f%u", i);
		world_do(&(const struct step){ FUSE_MKNOD, ROOT,
					       IN(fuse_mknod_in, .mode = S_IFREG | 0600),
					       .name = name });
	}
	for (unsigned i = 0; i < NR_THREADS; i++) {
		clients[i] = (struct client){ .life = world_now(),
					      .slot = slot_pool_get(world.slots, false),
					      .random = seed * NR_THREADS + i };
		ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]),
				 0);
	}
}

static uint64_t nr_served(void)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < NR_THREADS; i++)
		nr += clients[i].nr;
	return nr;
}

static bool all_have_ended(void)
{
	for (unsigned i = 0; i < NR_THREADS; i++)
		if (!clients[i].has_ended)
			return false;
	return true;
}

static void end(void)
{
	world_bury();
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(clients[i].thread, NULL);
	for (unsigned i = 0; i < NR_THREADS; i++)
		slot_put(clients[i].slot);
	world_end();
}

static uint64_t seed_of(int nr)
{
	uint64_t seed = (uint64_t)time(NULL) * 1000 + (uint64_t)nr;
	const char *wanted = getenv("CXLFS_SEED");

	seed = wanted ? strtoull(wanted, NULL, 0) : seed;
	printf("CXLFS_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

START_TEST(test_commit_threads_leave_an_equal_replica)
{
	struct memory_stream before = { .bytes = 0 }, after = { .bytes = 0 };

	begin(seed_of(0));
	while (!all_have_ended())
		world_follow();
	world_follow();
	tree_copy_write(world_now()->fs->tree, TREE_SNAPSHOT_ALL, &before);
	world_kill();
	world_take_over(false);
	tree_copy_write(world_now()->fs->tree, TREE_SNAPSHOT_ALL, &after);
	ck_assert_uint_eq(before.bytes, after.bytes);
	ck_assert_mem_eq(before.data, after.data, after.bytes);
	memory_stream_fini(&before);
	memory_stream_fini(&after);
	end();
}
END_TEST

START_TEST(test_commit_threads_may_die_at_any_moment)
{
	uint64_t seed = seed_of(_i), last = seed % (NR_THREADS * NR_REQUESTS);

	begin(seed);
	while (nr_served() < last)
		world_follow();
	world_kill();
	world_take_over(false);
	ck_assert_int_eq(tree_check(world_now()->fs->tree), 0);
	world_do(&(const struct step){ FUSE_READDIRPLUS, ROOT, IN(fuse_read_in, .size = BLOCK) });
	end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit threads");
	TCase *tcase = tcase_create("threads");

	tcase_add_test(tcase, test_commit_threads_leave_an_equal_replica);
	tcase_add_loop_test(tcase, test_commit_threads_may_die_at_any_moment, 0, NR_DEATHS);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
