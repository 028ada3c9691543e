/* SPDX-License-Identifier: Apache-2.0 */
/* A file system may be freed only after the last request has released all that it uses. Which
 * thread runs a data operation. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "fuse/io.h"
#include "fuse/limits.h"
#include "fuse/operations.h"
#include "fuse/request.h"

/* ---- what request.c, io.c and reply.c call ---- */

static struct fs *fs;
static unsigned nr_answers;

void *fuse_req_userdata(fuse_req_t req)
{
	(void)req;
	return fs;
}

int fuse_reply_err(fuse_req_t req, int err)
{
	(void)req;
	(void)err;
	nr_answers++;
	return 0;
}

int fuse_reply_buf(fuse_req_t req, const char *buf, size_t bytes)
{
	(void)buf;
	(void)bytes;
	return fuse_reply_err(req, 0);
}

int fuse_reply_write(fuse_req_t req, size_t bytes)
{
	(void)bytes;
	return fuse_reply_err(req, 0);
}

int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	(void)entry;
	return fuse_reply_err(req, 0);
}

int fuse_reply_create(fuse_req_t req, const struct fuse_entry_param *entry,
		      const struct fuse_file_info *fi)
{
	(void)entry;
	(void)fi;
	return fuse_reply_err(req, 0);
}

int fuse_reply_open(fuse_req_t req, const struct fuse_file_info *fi)
{
	(void)fi;
	return fuse_reply_err(req, 0);
}

struct tree_caller fs_caller(fuse_req_t req)
{
	(void)req;
	return (struct tree_caller){ 0 };
}

void fs_touch_modified(struct fs *of, fuse_req_t req, uint64_t ino, enum fs_setid setid)
{
	(void)of;
	(void)req;
	(void)ino;
	(void)setid;
}

void fs_touch_mapped(struct fs *of, uint64_t ino)
{
	(void)of;
	(void)ino;
}

bool fs_keeps_reserve(struct fs *of, fuse_req_t req, uint64_t bytes)
{
	(void)of, (void)req, (void)bytes;
	return false;
}

void fs_touch_accessed(struct fs *of, uint64_t ino)
{
	(void)of;
	(void)ino;
}

void fs_inval_attr(struct fs *of, uint64_t ino)
{
	(void)of;
	(void)ino;
}

void fs_end_session(struct fs *of)
{
	(void)of;
}

void fs_uncount_open(struct fs *fs, uint64_t ino, int flags)
{
	(void)fs;
	(void)ino;
	(void)flags;
}

void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io)
{
	(void)blocking;
	(void)io;
}

void fs_note_in_use(struct fs *of)
{
	(void)of;
}

void commit_now(struct commit *commit)
{
	(void)commit;
}

void commit_outcome(struct commit *commit, enum replica_outcome_kind kind, int err, uint64_t ino,
		    uint64_t value)
{
	(void)commit, (void)kind, (void)err, (void)ino, (void)value;
}

void commit_file(struct commit *commit, uint64_t ino, const struct data_file *file)
{
	(void)commit, (void)ino, (void)file;
}

static bool has_idle_threads, has_others_waiting;
static struct slot slot, *slot_of_request;
static struct fs_io *handed_over;
static struct data_op *submitted;

bool fs_blocking_try_run(struct fs_blocking *blocking, struct fs_io *io)
{
	(void)blocking;
	if (has_idle_threads)
		handed_over = io;
	return has_idle_threads;
}

void __wrap_data_submit(struct data_op *op);
void __wrap_data_submit(struct data_op *op)
{
	submitted = op;
}

struct slot *slot_here(void)
{
	return slot_of_request;
}

void slot_set_here(struct slot *of)
{
	slot_of_request = of;
}

bool slot_has_others_waiting(const struct slot *of)
{
	ck_assert_ptr_eq(of, &slot);
	return has_others_waiting;
}

void slot_keep(struct slot *of)
{
	(void)of;
}

void slot_release(struct slot *of)
{
	(void)of;
}

void slot_resume(struct slot *of, void (*resume)(void *arg), void *arg)
{
	(void)of;
	resume(arg);
}

/* ---- tests ---- */

static fuse_req_t const request = (fuse_req_t)(void *)&nr_answers;

static void start(void)
{
	fs = aligned_alloc(_Alignof(struct fs), sizeof(*fs));
	memset(fs, 0, sizeof(*fs));
	pthread_mutex_init(&fs->quiesce_lock, NULL);
	pthread_cond_init(&fs->quiesced, NULL);
	ck_assert_int_eq(fs_io_pool_new(&fs->pool), 0);
	nr_answers = 0;
}

static void stop(void)
{
	fs_quiesce(fs);
	fs_io_pool_free(fs->pool);
	pthread_cond_destroy(&fs->quiesced);
	pthread_mutex_destroy(&fs->quiesce_lock);
	free(fs);
}

START_TEST(test_request_an_io_keeps_the_file_system_until_it_is_put_back)
{
	struct fs_io *io;

	ck_assert_ptr_eq(fs_enter(request), fs);
	io = fs_io_get(fs, request, 1);
	fs_reply_err(fs, request, 0);
	ck_assert_uint_eq(nr_answers, 1);
	ck_assert_uint_eq(fs->nr_active, 1);
	fs_io_put(io);
	ck_assert_uint_eq(fs->nr_active, 0);
}
END_TEST

START_TEST(test_request_work_without_a_request_keeps_nothing)
{
	struct fs_io *io = fs_io_get(fs, NULL, 1);

	ck_assert_uint_eq(fs->nr_active, 0);
	fs_io_put(io);
	ck_assert_uint_eq(fs->nr_active, 0);
}
END_TEST

START_TEST(test_request_a_quiescing_file_system_turns_requests_away)
{
	fs_quiesce(fs);
	ck_assert_ptr_null(fs_enter(request));
	ck_assert_uint_eq(nr_answers, 1);
	fs_quiesce(fs); /* and is quiet again */
}
END_TEST

START_TEST(test_request_an_idle_file_system_goes_on)
{
	ck_assert_int_eq(fs_await_idle(fs, 0), 0);
	ck_assert_ptr_eq(fs_enter(request), fs);
	ck_assert_int_eq(fs_await_idle(fs, clock_now_ns() + 1000000), -ETIMEDOUT);
	fs_leave(fs);
	ck_assert_uint_eq(fs->nr_active, 0);
	ck_assert_int_eq(fs_await_idle(fs, 0), 0);
	ck_assert_uint_eq(nr_answers, 0);
}
END_TEST

static void *leave(void *arg)
{
	fs_leave(arg);
	return NULL;
}

/* The waiter reads the count under the lock and destroys the lock when the count is 0. */
START_TEST(test_request_the_last_to_leave_has_done_with_the_lock_when_it_counts_as_gone)
{
	pthread_t thread;
	uint32_t before;

	ck_assert_ptr_eq(fs_enter(request), fs);
	before = atomic_fetch_or(&fs->nr_active, 0xc0000000u) | 0xc0000000u;
	pthread_mutex_lock(&fs->quiesce_lock);
	ck_assert_int_eq(thread_start(&thread, leave, fs, "leave"), 0);
	for (int i = 0; i < 50 && fs->nr_active == before; i++)
		usleep(1000);
	ck_assert_uint_eq(fs->nr_active, before);
	pthread_mutex_unlock(&fs->quiesce_lock);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(fs->nr_active, before - 1);
}
END_TEST

/* ---- the thread of a data operation ---- */

static char payload;

static void keep_payload(void *arg, void *of)
{
	(void)arg;
	ck_assert_ptr_eq(of, &payload);
}

static uint64_t make_file(void)
{
	const struct tree_config config = { .payload_free = keep_payload };
	const struct tree_caller caller = { 0 };
	struct tree_inode *inode;

	ck_assert_int_eq(tree_new(&config, &fs->tree), 0);
	ck_assert_int_eq(tree_mknod(fs->tree, tree_get(fs->tree, TREE_ROOT_INO), "file", S_IFREG, 0,
				    &caller, &inode),
			 0);
	tree_set_payload(fs->tree, inode, &payload);
	return tree_ino(inode);
}

static void start_with_file(void)
{
	start();
	pthread_rwlock_init(&fs->tree_lock, NULL);
	for (int i = 0; i < FS_NR_ATTR_LOCKS; i++)
		pthread_mutex_init(&fs->attr_locks[i].mutex, NULL);
	/* A ring with more requests; the adapter copies on the thread that submits. */
	fs->config.transport.synchronous = true;
	slot_of_request = &slot;
	has_idle_threads = has_others_waiting = true;
}

static void stop_with_file(void)
{
	tree_free(fs->tree);
	for (int i = 0; i < FS_NR_ATTR_LOCKS; i++)
		pthread_mutex_destroy(&fs->attr_locks[i].mutex);
	pthread_rwlock_destroy(&fs->tree_lock);
	slot_of_request = NULL;
	stop();
}

/* Returns true if another thread runs it, which then submits. */
static bool write_is_handed_over(uint64_t bytes)
{
	struct fs_io *io = fs_io_begin(request, make_file(), DATA_OP_WRITE, 0, bytes);
	bool other;

	handed_over = NULL;
	submitted = NULL;
	fs_io_submit(io);
	other = handed_over;
	ck_assert_ptr_eq(submitted, other ? NULL : &io->op);
	if (other)
		handed_over->run(handed_over);
	ck_assert_ptr_eq(submitted, &io->op);
	fs_reply_err(fs, request, 0);
	fs_io_put(io);
	return other;
}

START_TEST(test_request_a_ring_with_other_requests_hands_a_large_one_over)
{
	ck_assert(write_is_handed_over(1 << 20));
}
END_TEST

START_TEST(test_request_a_small_one_is_not_handed_over)
{
	ck_assert(!write_is_handed_over(128 << 10));
}
END_TEST

START_TEST(test_request_the_only_one_is_not_handed_over)
{
	has_others_waiting = false;
	ck_assert(!write_is_handed_over(1 << 20));
}
END_TEST

START_TEST(test_request_none_is_handed_over_to_busy_threads)
{
	has_idle_threads = false;
	ck_assert(!write_is_handed_over(1 << 20));
}
END_TEST

START_TEST(test_request_none_is_handed_over_if_the_adapter_copies_by_itself)
{
	fs->config.transport.synchronous = false;
	ck_assert(!write_is_handed_over(1 << 20));
}
END_TEST

static TCase *threads_case(void)
{
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, start_with_file, stop_with_file);
	tcase_add_test(tcase, test_request_a_ring_with_other_requests_hands_a_large_one_over);
	tcase_add_test(tcase, test_request_a_small_one_is_not_handed_over);
	tcase_add_test(tcase, test_request_the_only_one_is_not_handed_over);
	tcase_add_test(tcase, test_request_none_is_handed_over_to_busy_threads);
	tcase_add_test(tcase, test_request_none_is_handed_over_if_the_adapter_copies_by_itself);
	return tcase;
}

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tcase = tcase_create("leaving");

	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, test_request_an_io_keeps_the_file_system_until_it_is_put_back);
	tcase_add_test(tcase, test_request_work_without_a_request_keeps_nothing);
	tcase_add_test(tcase, test_request_a_quiescing_file_system_turns_requests_away);
	tcase_add_test(tcase, test_request_an_idle_file_system_goes_on);
	tcase_add_test(
		tcase,
		test_request_the_last_to_leave_has_done_with_the_lock_when_it_counts_as_gone);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, threads_case());
	return run_suite(suite);
}
