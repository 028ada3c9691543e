/* SPDX-License-Identifier: Apache-2.0 */
/* A file system may be freed only after the last request has released all that it uses. */
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

struct slot *slot_here(void)
{
	return NULL;
}

void slot_set_here(struct slot *of)
{
	(void)of;
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
	return run_suite(suite);
}
