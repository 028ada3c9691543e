/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for recovery just after the reaper thread has released the recovery lock. This program
 * wraps pthread_mutex_unlock() to get there.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "superpipe/superpipe.h"
#include "superpipe/superpipe_internal.h"
#include "support/fake_port.h"
#include "support/sp_wait.h"
#include "wire/cxlflash_abi.h"

static struct fake_port *fake;
static struct superpipe *sp;
static struct session *session; /* the only one of sp */
static struct superpipe_vlun *vluns[2];
static void (*hook)(void); /* atomic; called once */

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int rc = __real_pthread_mutex_unlock(mutex);
	void (*call)(void) = NULL;

	if (__atomic_load_n(&hook, __ATOMIC_ACQUIRE) && mutex == &session->recovery.lock &&
	    pthread_equal(pthread_self(), session->reaper))
		call = __atomic_exchange_n(&hook, NULL, __ATOMIC_ACQ_REL);
	if (call)
		call();
	return rc;
}

static void start(bool sq_mode, bool manual)
{
	struct superpipe_options options = { .ops = &fake_port_ops,
					     .recover_pause_ms = 1,
					     .retry_delay_ms = 1 };
	const char *device;

	fake = fake_port_new(&(struct fake_port_config){ .sq_mode = sq_mode, .manual = manual });
	device = fake_port_device(fake, 0);
	ck_assert_int_eq(superpipe_open(&device, 1, &options, NULL, NULL, &sp), 0);
	session = sp->sessions[0];
	ck_assert_int_eq(superpipe_attach(sp), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vluns[i]), 0);
	fake_port_trace_clear(fake);
}

static void finish(void)
{
	superpipe_close(sp);
	ck_assert_uint_eq(fake_port_nr_breaches(fake), 0);
	fake_port_free(fake);
}

/* After a refused ioctl the context is checked. It is good, so the caller gets the error. */
static void *resize_in_vain(void *arg)
{
	uint64_t granted;

	ck_assert_int_eq(superpipe_vlun_resize(arg, 1, &granted), -EIO);
	return NULL;
}

static pthread_t second;

static uint64_t nr_requested(void)
{
	uint64_t nr;

	pthread_mutex_lock(&session->recovery.lock);
	nr = session->recovery.nr_requested;
	pthread_mutex_unlock(&session->recovery.lock);
	return nr;
}

static void request_again(void)
{
	uint64_t before = nr_requested();

	ck_assert_int_eq(pthread_create(&second, NULL, resize_in_vain, vluns[1]), 0);
	while (nr_requested() == before)
		sched_yield();
}

START_TEST(test_request_while_others_are_taken_is_answered_too)
{
	start(_i, false);
	fake_port_refuse(fake, DK_IOCTL_VLUN_RESIZE, -EINVAL, 2);
	__atomic_store_n(&hook, request_again, __ATOMIC_RELEASE);
	resize_in_vain(vluns[0]);
	ck_assert_ptr_null(__atomic_load_n(&hook, __ATOMIC_ACQUIRE));
	ck_assert_int_eq(pthread_join(second, NULL), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "recover"), 2);
	finish();
}
END_TEST

START_TEST(test_afu_error_with_another_request_is_not_forgotten)
{
	struct sp_wait_io wait;

	start(_i, true);
	sp_wait_init(&wait, vluns[0], true, 0, 1, 5);
	superpipe_submit(sp, &wait.io);
	fake_port_raise(fake, SISL_LISN_RRQ, SISL_ISTATUS_IOARCB_READ);
	__atomic_fetch_or(&session->ioq.faults, IOQ_FAULT_CHECK | IOQ_FAULT_HUNG, __ATOMIC_SEQ_CST);
	ioq_wake_reaper(&session->ioq);
	while (!fake_port_trace_count(fake, "reset"))
		sched_yield();
	while (!sp_wait_ended(&wait)) {
		fake_port_complete(fake, 1);
		sched_yield();
	}
	ck_assert_int_eq(wait.io.status, 0);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

static Suite *recover_suite(void)
{
	Suite *suite = suite_create("superpipe recovery");
	TCase *requests = tcase_create("requests");

	tcase_add_loop_test(requests, test_request_while_others_are_taken_is_answered_too, 0, 2);
	tcase_add_loop_test(requests, test_afu_error_with_another_request_is_not_forgotten, 0, 2);
	tcase_set_timeout(requests, 15);
	suite_add_tcase(suite, requests);
	return suite;
}

int main(void)
{
	return run_suite(recover_suite());
}
