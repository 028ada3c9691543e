/* SPDX-License-Identifier: Apache-2.0 */
/* Ioctls during and after resets, recovery and permanent failure. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "support/emul_rig.h"
#include "support/quiet_fork.h"

#define CHUNK 65536ull

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static struct emul_rig rig;

static uint32_t pe_flags(uint64_t context_id)
{
	return atomic_load(&emul_rig_shm(&rig)->pe[(uint32_t)context_id].flags);
}

static void reset(enum emul_reset_kind kind, unsigned ms)
{
	emul_reset(emul_rig_ad(&rig), kind, ms);
}

/** RECOVER_AFU as a program does it; returns the new state in @attach. */
static void recover(struct dk_attach *attach)
{
	struct dk_recover_afu arg;

	ck_assert_int_eq(dk_recover(rig.dp, attach->context_id, &arg), 0);
	ck_assert_uint_eq(arg.hdr.return_flags, DK_RF_CONTEXT_RESET | DK_RF_APP_CLOSE_ADAP_FD |
							DK_RF_CONTEXT_SQ_CMD_MODE);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach->adap_fd), 0);
	attach->context_id = arg.context_id;
	attach->adap_fd = arg.adap_fd;
}

/* ---- resets ---- */

START_TEST(test_reset_kinds_differ_in_events)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_HOST, 0);
	ck_assert_uint_eq(pe_flags(attach.context_id), EMUL_PE_USED | EMUL_PE_LOST);
	recover(&attach);
	ck_assert_uint_eq(pe_flags(attach.context_id), EMUL_PE_USED);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_uint_eq(pe_flags(attach.context_id),
			  EMUL_PE_USED | EMUL_PE_LOST | EMUL_PE_CLOSED);
	recover(&attach);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_recovery_keeps_handles_and_changes_the_pe)
{
	struct dk_attach attach;
	uint64_t old, before[4], after[4];

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	old = attach.context_id;
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_virtual(rig.dp, attach.context_id, 3);
	emul_rig_chunks(&rig, old, 1, before, 4);
	reset(EMUL_RESET_EEH, 0);
	recover(&attach);
	ck_assert_uint_eq(attach.context_id >> 32, old >> 32);
	ck_assert_uint_ne(attach.context_id, old);
	ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFD), FD_CLOEXEC);
	ck_assert_uint_eq(emul_rig_chunks(&rig, attach.context_id, 1, after, 4), 3);
	ck_assert_mem_eq(before, after, 3 * sizeof(before[0]));
	ck_assert_int_eq(dk_release(rig.dp, old, 0), -EINVAL);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 0), 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_recovery_of_a_healthy_context_changes_nothing)
{
	struct dk_recover_afu arg = { .reason = 3, .mmio_size = 1, .adap_fd = 2 }, before;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	arg.context_id = attach.context_id;
	before = arg;
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, DK_IOCTL_RECOVER_AFU, &arg), 0);
	ck_assert_mem_eq(&arg, &before, sizeof(arg));
	reset(EMUL_RESET_EEH, 0);
	recover(&attach);
	arg.context_id = attach.context_id;
	before = arg;
	ck_assert_int_eq(rig.dp->ops->ioctl(rig.dp, DK_IOCTL_RECOVER_AFU, &arg), 0);
	ck_assert_mem_eq(&arg, &before, sizeof(arg));
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id + (1ull << 32), &arg), -EINVAL);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_error_list_is_seen_by_four_ioctls_only)
{
	struct dk_attach attach, reuse;
	struct dk_uvirtual uvirtual;
	struct dk_verify verify;
	struct dk_resize resize;
	struct devport *other;

	emul_rig_open(&rig, "luns=2");
	other = emul_rig_path(&rig, "lun=1");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	reset(EMUL_RESET_HOST, 0);
	ck_assert_int_eq(dk_attach_reuse(other, attach.context_id, &reuse), -EINVAL);
	ck_assert_int_eq(dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual), -EINVAL);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, NULL, &verify), -EINVAL);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, CHUNK, &resize), 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 4 * CHUNK, &resize), 0);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 1), 0);
	recover(&attach);
	ck_assert_int_eq(dk_verify(rig.dp, attach.context_id, 0, NULL, &verify), 0);
	ck_assert_uint_eq(verify.last_lba, 4 * CHUNK - 1);
	reset(EMUL_RESET_HOST, 0);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].users, 0);
	other->ops->close(other);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_closing_on_the_error_list_destroys_the_context)
{
	struct dk_recover_afu arg;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &arg), -EINVAL);
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].users, 0);
	emul_rig_close_broken(&rig, EMUL_FD2_CLOSED_EARLY, 1);
}
END_TEST

START_TEST(test_old_fd2_left_open_is_found_at_the_next_recovery)
{
	struct dk_recover_afu first, second;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &first), 0);
	ck_assert_uint_eq(emul_audit_total(emul_rig_ad(&rig)), 1);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_int_eq(dk_recover(rig.dp, first.context_id, &second), 0);
	ck_assert_uint_eq(emul_rig_count(&rig, EMUL_FD2_LEFT_OPEN), 1);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, first.adap_fd), 0);
	emul_rig_detach(rig.dp, second.context_id, second.adap_fd);
	ck_assert_uint_eq(emul_audit_total(emul_rig_ad(&rig)), 1);
	emul_rig_close_broken(&rig, EMUL_FD2_LEFT_OPEN, 1);
}
END_TEST

START_TEST(test_recovery_without_a_free_pe_is_enodev_in_the_end)
{
	struct dk_recover_afu arg;
	struct dk_attach attach;

	emul_rig_open(&rig, "ctx=1");
	attach = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_EEH, 0);
	/* the old fd2 holds the only one */
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &arg), -ENODEV);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

static bool somebody_recovers(void)
{
	bool answer;

	emul_lock(emul_rig_ad(&rig));
	answer = emul_rig_shm(&rig)->driver.recovering_pid;
	emul_unlock(emul_rig_ad(&rig));
	return answer;
}

static void *close_later(void *arg)
{
	struct dk_attach *attach = arg;

	/* Once the other is in RECOVER_AFU; it may be there for two seconds. */
	while (!somebody_recovers())
		sched_yield();
	emul_rig_detach(rig.dp, attach->context_id, attach->adap_fd);
	return NULL;
}

START_TEST(test_recovery_waits_for_a_pe)
{
	struct dk_attach attach, other;
	pthread_t thread;

	emul_rig_open(&rig, "ctx=2");
	attach = emul_rig_attach(rig.dp);
	other = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, close_later, &other), 0);
	recover(&attach);
	pthread_join(thread, NULL);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_recovery_fails_as_often_as_told)
{
	struct dk_recover_afu arg;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_fault(&rig, "at=recover action=enodev times=3");
	reset(EMUL_RESET_EEH, 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &arg), -ENODEV);
	recover(&attach);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- state RESETTING ---- */

START_TEST(test_ioctls_wait_for_the_end_of_a_reset)
{
	struct dk_attach attach, other;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_EEH, 50);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_RESETTING);
	other = emul_rig_attach(rig.dp);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_NORMAL);
	ck_assert_uint_eq(pe_flags(other.context_id), EMUL_PE_USED);
	emul_rig_detach(rig.dp, other.context_id, other.adap_fd);
	reset(EMUL_RESET_EEH, 50);
	recover(&attach);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_manage_lun_does_not_wait)
{
	emul_rig_open(&rig, "");
	reset(EMUL_RESET_EEH, 60000);
	ck_assert_int_eq(dk_manage_lun(rig.dp, emul_rig_shm(&rig)->disk[0].wwid, 0), 0);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_RESETTING);
	emul_rig_close(&rig);
}
END_TEST

static void nothing(int signal)
{
	(void)signal;
}

START_TEST(test_signal_ends_the_wait)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval tick = { { 0, 20000 }, { 0, 20000 } }, none = { { 0, 0 }, { 0, 0 } };
	struct dk_recover_afu arg;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	reset(EMUL_RESET_EEH, 60000);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &tick, NULL), 0);
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &attach), -EINTR);
	ck_assert_int_eq(dk_recover(rig.dp, 1, &arg), -EINTR);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &none, NULL), 0);
	emul_rig_close(&rig);
}
END_TEST

/* A reset during an ioctl waits for it; what the ioctl made is lost too. */
START_TEST(test_reset_during_attach)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	emul_rig_fault(&rig, "at=attach n=1 action=reset kind=eeh");
	attach = emul_rig_attach(rig.dp);
	emul_housekeep(emul_rig_ad(&rig));
	recover(&attach);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_reset_during_resize)
{
	struct dk_attach attach;
	struct dk_resize resize;
	int rc;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_fault(&rig, _i ? "at=sync n=1 action=reset kind=host"
				: "at=resize n=1 action=reset kind=host");
	rc = dk_resize(rig.dp, attach.context_id, 0, 3 * CHUNK, &resize);
	ck_assert_int_eq(rc, _i ? -EAGAIN : 0);
	recover(&attach);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 3 * CHUNK, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, 3 * CHUNK - 1);
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].free_chunks, 4093);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_reset_during_detach)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	emul_rig_fault(&rig, _i ? "at=sync n=1 action=reset" : "at=detach n=1 action=reset");
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	if (!_i)
		ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].users, 0);
	emul_rig_close(&rig);
}
END_TEST

/* ---- frozen, and the driver does not know ---- */

START_TEST(test_frozen_adapter_is_reset_when_recover_notices)
{
	struct dk_attach attach, other;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	reset(EMUL_RESET_FREEZE, 0);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_FROZEN);
	ck_assert_uint_eq(pe_flags(attach.context_id), EMUL_PE_USED | EMUL_PE_LOST);
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &other), -EIO);
	recover(&attach);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_NORMAL);
	ck_assert_uint_eq(pe_flags(attach.context_id), EMUL_PE_USED);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* As in Linux 6.1: the sync is not answered, and the reset after it comes too early. */
START_TEST(test_frozen_adapter_fails_when_a_sync_comes_first)
{
	struct dk_attach attach;
	struct dk_resize resize;
	struct dk_recover_afu arg;
	uint64_t handle;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	handle = emul_rig_virtual(rig.dp, attach.context_id, 1);
	if (_i)
		emul_rig_fault(&rig, "at=sync n=1 action=reset kind=freeze");
	else
		reset(EMUL_RESET_FREEZE, 0);
	ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, handle, 2 * CHUNK, &resize), -EAGAIN);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_FAILED);
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &arg), -ENODEV);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- permanent failure ---- */

START_TEST(test_failed_adapter_only_lets_go)
{
	struct dk_attach attach, other;
	struct dk_recover_afu recover_arg;
	struct dk_uvirtual uvirtual;
	struct dk_udirect udirect;
	struct dk_resize resize;
	struct dk_verify verify;
	uint64_t id;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	id = attach.context_id;
	emul_rig_virtual(rig.dp, id, 4);
	emul_rig_virtual(rig.dp, id, 4);
	if (_i) {
		emul_rig_fault(&rig, "at=verify n=1 action=fail");
		ck_assert_int_eq(dk_verify(rig.dp, id, 0, NULL, &verify), -EINVAL);
	} else {
		emul_fail(emul_rig_ad(&rig));
	}
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &other), -ENODEV);
	ck_assert_int_eq(dk_user_virtual(rig.dp, id, 0, 0, &uvirtual), -ENODEV);
	ck_assert_int_eq(dk_user_direct(rig.dp, id, &udirect), -ENODEV);
	ck_assert_int_eq(dk_verify(rig.dp, id, 0, NULL, &verify), -ENODEV);
	ck_assert_int_eq(dk_recover(rig.dp, id, &recover_arg), -ENODEV);
	ck_assert_int_eq(dk_clone(rig.dp, id, id + 1, 0), -ENODEV);
	ck_assert_int_eq(dk_manage_lun(rig.dp, emul_rig_shm(&rig)->disk[0].wwid, 0), 0);
	ck_assert_int_eq(dk_resize(rig.dp, id, 0, CHUNK, &resize), 0);
	ck_assert_uint_eq(resize.last_lba, CHUNK - 1);
	ck_assert_int_eq(dk_release(rig.dp, id, 1), 0);
	emul_rig_detach(rig.dp, id, attach.adap_fd);
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].users, 0);
	reset(EMUL_RESET_EEH, 0);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.state, EMUL_FAILED);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_failed_adapter_wakes_those_who_wait_for_a_reset)
{
	struct dk_attach attach;
	pid_t child;

	emul_rig_open(&rig, "");
	reset(EMUL_RESET_EEH, 600000);
	child = quiet_fork();
	if (!child) {
		emul_rig_in_child(&rig);
		emul_fail(emul_rig_ad(&rig));
		emul_rig_end_child(&rig);
	}
	ck_assert_int_eq(dk_attach(rig.dp, O_RDWR, &attach), -ENODEV);
	emul_rig_wait_child(child);
	emul_rig_close(&rig);
}
END_TEST

/* ---- many at once ---- */

static void *churn(void *arg)
{
	struct dk_attach attach;
	struct dk_uvirtual uvirtual;
	struct dk_recover_afu rec;
	struct dk_resize resize;
	unsigned rounds = *(unsigned *)arg;
	int rc;

	attach = emul_rig_attach(rig.dp);
	for (unsigned i = 0; i < rounds; i++) {
		rc = dk_user_virtual(rig.dp, attach.context_id, 0, 0, &uvirtual);
		if (!rc) {
			(void)dk_resize(rig.dp, attach.context_id, uvirtual.rsrc_handle,
					(i % 20 + 1) * CHUNK, &resize);
			(void)dk_release(rig.dp, attach.context_id, uvirtual.rsrc_handle);
		}
		rc = dk_recover(rig.dp, attach.context_id, &rec);
		ck_assert_int_eq(rc, 0);
		if (rec.hdr.return_flags & DK_RF_CONTEXT_RESET) {
			ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
			attach.context_id = rec.context_id;
			attach.adap_fd = rec.adap_fd;
		}
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	return NULL;
}

START_TEST(test_resets_among_ioctls_of_many_threads)
{
	unsigned rounds = 60;
	pthread_t threads[4];

	emul_rig_open(&rig, "");
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, &rounds), 0);
	for (unsigned i = 0; i < 20; i++) {
		reset(i & 1 ? EMUL_RESET_EEH : EMUL_RESET_HOST, 0);
		usleep(2000);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	emul_housekeep(emul_rig_ad(&rig));
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].users, 0);
	ck_assert_uint_eq(emul_rig_shm(&rig)->lun[0].mode, EMUL_LUN_NONE);
	emul_rig_close(&rig);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

static void add_resets(Suite *suite)
{
	TCase *tc = tcase_create("resets");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_reset_kinds_differ_in_events);
	tcase_add_test(tc, test_recovery_keeps_handles_and_changes_the_pe);
	tcase_add_test(tc, test_recovery_of_a_healthy_context_changes_nothing);
	tcase_add_test(tc, test_error_list_is_seen_by_four_ioctls_only);
	tcase_add_test(tc, test_closing_on_the_error_list_destroys_the_context);
	tcase_add_test(tc, test_old_fd2_left_open_is_found_at_the_next_recovery);
	tcase_add_test(tc, test_recovery_without_a_free_pe_is_enodev_in_the_end);
	tcase_add_test(tc, test_recovery_waits_for_a_pe);
	tcase_add_test(tc, test_recovery_fails_as_often_as_told);
	suite_add_tcase(suite, tc);
}

static void add_states(Suite *suite)
{
	TCase *tc = tcase_create("states");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_ioctls_wait_for_the_end_of_a_reset);
	tcase_add_test(tc, test_manage_lun_does_not_wait);
	tcase_add_test(tc, test_signal_ends_the_wait);
	tcase_add_test(tc, test_reset_during_attach);
	tcase_add_loop_test(tc, test_reset_during_resize, 0, 2);
	tcase_add_loop_test(tc, test_reset_during_detach, 0, 2);
	tcase_add_test(tc, test_frozen_adapter_is_reset_when_recover_notices);
	tcase_add_loop_test(tc, test_frozen_adapter_fails_when_a_sync_comes_first, 0, 2);
	tcase_add_loop_test(tc, test_failed_adapter_only_lets_go, 0, 2);
	tcase_add_test(tc, test_failed_adapter_wakes_those_who_wait_for_a_reset);
	tcase_add_test(tc, test_resets_among_ioctls_of_many_threads);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("emul_driver_reset");

	add_resets(suite);
	add_states(suite);
	return run_suite(suite);
}
