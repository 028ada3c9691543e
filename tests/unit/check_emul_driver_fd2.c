/* SPDX-License-Identifier: Apache-2.0 */
/* fd2: which process may close it and when, and what a wrong close does to the context. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emul/driver/ctx.h"
#include "support/emul_rig.h"
#include "support/quiet_fork.h"

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static struct emul_rig rig;

static bool pe_in_use(uint64_t context_id)
{
	emul_housekeep(emul_rig_ad(&rig));
	return atomic_load(&emul_rig_shm(&rig)->pe[(uint32_t)context_id].flags) & EMUL_PE_USED;
}

static struct emul_lun *lun0(void)
{
	emul_housekeep(emul_rig_ad(&rig));
	return &emul_rig_shm(&rig)->lun[0];
}

static struct devport_mmio *map(const struct dk_attach *attach)
{
	struct devport_mmio *mmio = NULL;

	ck_assert_int_eq(rig.dp->ops->map(rig.dp, (int)attach->adap_fd, attach->mmio_size, &mmio),
			 0);
	return mmio;
}

/** Two processes take turns through this. */
struct turn {
	int to_child[2], to_parent[2];
};

static void turn_make(struct turn *turn)
{
	ck_assert_int_eq(pipe2(turn->to_child, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(turn->to_parent, O_CLOEXEC), 0);
}

static void turn_wait(int fd[2])
{
	char byte;

	ck_assert_int_eq(read(fd[0], &byte, 1), 1);
}

static void turn_give(int fd[2])
{
	ck_assert_int_eq(write(fd[1], "", 1), 1);
}

/* ---- one process ---- */

START_TEST(test_closing_after_the_last_detach_is_clean)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert(pe_in_use(attach.context_id));
	ck_assert_uint_eq(emul_audit_total(emul_rig_ad(&rig)), 1); /* as long as it stays open */
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert(!pe_in_use(attach.context_id));
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_mapping_holds_the_process_element)
{
	struct dk_attach attach;
	struct devport_mmio *mmio;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	mmio = map(&attach);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert(pe_in_use(attach.context_id));
	rig.dp->ops->unmap(mmio);
	ck_assert(!pe_in_use(attach.context_id));
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_closing_with_a_mapping_left_keeps_the_context)
{
	struct dk_attach attach;
	struct devport_mmio *mmio;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	mmio = map(&attach);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	rig.dp->ops->unmap(mmio);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_mapping_outlives_the_path_it_came_by)
{
	struct dk_attach attach;
	struct devport_mmio *mmio;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	mmio = map(&attach);
	rig.dp->ops->close(rig.dp);
	ck_assert_uint_eq(mmio->ops->read64(mmio, SISL_INTR_STATUS), 0);
	rig.dp = emul_rig_path(&rig, "");
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	rig.dp->ops->close(rig.dp);
	mmio->ops->unmap(mmio);
	rig.dp = emul_rig_path(&rig, "");
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_closing_early_destroys_context_and_vluns)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 4);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), -EINVAL);
	ck_assert_uint_eq(lun0()->users, 0);
	ck_assert_uint_eq(lun0()->mode, EMUL_LUN_NONE);
	ck_assert(!pe_in_use(attach.context_id));
	emul_rig_close_broken(&rig, EMUL_FD2_CLOSED_EARLY, 1);
}
END_TEST

START_TEST(test_plain_close_is_noticed_at_the_next_ioctl)
{
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 4);
	ck_assert_int_eq(close((int)attach.adap_fd), 0);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), -EINVAL);
	ck_assert_uint_eq(lun0()->users, 0);
	emul_rig_close_broken(&rig, EMUL_FD2_CLOSED_EARLY, 1);
}
END_TEST

START_TEST(test_a_dup_is_a_reference)
{
	struct dk_attach attach;
	int copy;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	copy = fcntl((int)attach.adap_fd, F_DUPFD_CLOEXEC, 100);
	ck_assert_int_ge(copy, 100);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	ck_assert(pe_in_use(attach.context_id));
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, (uint64_t)copy), 0);
	ck_assert(!pe_in_use(attach.context_id));
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_map_checks_what_it_is_given)
{
	struct devport_mmio *mmio;
	struct dk_attach attach;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	ck_assert_int_eq(rig.dp->ops->map(rig.dp, (int)attach.adap_fd, 0x20000, &mmio), -EINVAL);
	ck_assert_int_lt(rig.dp->ops->map(rig.dp, 0, 0x10000, &mmio), 0);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert_int_eq(rig.dp->ops->map(rig.dp, (int)attach.adap_fd, 0x10000, &mmio), -EIO);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_closing_a_strangers_descriptor_is_audited)
{
	int stranger;

	emul_rig_open(&rig, "");
	stranger = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, (uint64_t)stranger), 0);
	ck_assert_int_eq(fcntl(stranger, F_GETFD), -1);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, (uint64_t)stranger), -EBADF);
	emul_rig_close_broken(&rig, EMUL_FD2_STRANGER_CLOSED, 1);
}
END_TEST

/* ---- the owner ends ---- */

static void end_with_a_context(bool detach, uint64_t *ret_cookie)
{
	struct dk_attach attach;

	emul_rig_in_child(&rig);
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 4);
	*ret_cookie = attach.context_id;
	if (detach)
		ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
}

/** Run end_with_a_context() in a child that dies of @signal, or exits for 0. */
static uint64_t child_with_a_context(bool detach, int signal)
{
	uint64_t cookie = 0;
	int fds[2], status;
	pid_t child;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	child = quiet_fork();
	if (!child) {
		end_with_a_context(detach, &cookie);
		if (write(fds[1], &cookie, sizeof(cookie)) != sizeof(cookie))
			_exit(1);
		if (signal)
			raise(signal);
		emul_rig_end_child(&rig);
	}
	ck_assert_int_eq(read(fds[0], &cookie, sizeof(cookie)), sizeof(cookie));
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	close(fds[0]);
	close(fds[1]);
	return cookie;
}

START_TEST(test_end_of_the_owner_frees_everything)
{
	uint64_t cookie;

	emul_rig_open(&rig, "");
	cookie = child_with_a_context(false, _i ? SIGKILL : 0);
	ck_assert(!pe_in_use(cookie));
	ck_assert_uint_eq(lun0()->users, 0);
	ck_assert_uint_eq(emul_rig_shm(&rig)->driver.nr_owner_deaths, 1);
	emul_rig_close(&rig);
}
END_TEST

#ifndef __SANITIZE_THREAD__ /* it supports no threads after a fork */

static void *sleep_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void die_with_threads(int fd)
{
	pthread_t thread;
	uint64_t cookie;

	end_with_a_context(false, &cookie);
	for (unsigned i = 0; i < 16; i++)
		if (pthread_create(&thread, NULL, sleep_for_ever, NULL))
			_exit(1);
	if (write(fd, &cookie, sizeof(cookie)) != sizeof(cookie))
		_exit(1);
	raise(SIGKILL);
}

/* Its descriptors are closed while the last threads are still there. */
START_TEST(test_end_of_an_owner_with_threads_is_no_early_close)
{
	uint64_t cookie;
	int fds[2];
	pid_t child;

	emul_rig_open(&rig, "");
	for (unsigned i = 1; i <= 100; i++) {
		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
		child = quiet_fork();
		if (!child)
			die_with_threads(fds[1]);
		ck_assert_int_eq(read(fds[0], &cookie, sizeof(cookie)), sizeof(cookie));
		while (pe_in_use(cookie))
			;
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		ck_assert_uint_eq(emul_rig_shm(&rig)->driver.nr_owner_deaths, i);
		close(fds[0]);
		close(fds[1]);
	}
	emul_rig_close(&rig);
}
END_TEST

#endif

START_TEST(test_end_after_detach_without_close_is_a_breach)
{
	uint64_t cookie;

	emul_rig_open(&rig, "");
	cookie = child_with_a_context(true, 0);
	ck_assert(!pe_in_use(cookie));
	emul_rig_close_broken(&rig, EMUL_FD2_LEFT_OPEN, 1);
}
END_TEST

/* As VERIFY does while it asks the disk. */
START_TEST(test_context_that_a_killed_process_has_hidden_is_found_again)
{
	struct dk_attach attach;
	struct emul_ctx *ctx;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	ctx = emul_ctx_by_pe(emul_rig_ad(&rig), (uint32_t)attach.context_id,
			     emul_rig_shm(&rig)->pe[(uint32_t)attach.context_id].generation);
	child = quiet_fork();
	if (!child)
		_exit(0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ctx->busy = 1;
	ctx->busy_pid = (uint32_t)child;
	ctx->unavailable = 1;
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* ---- forks ---- */

START_TEST(test_child_can_use_neither_fd2_nor_cookie)
{
	struct dk_attach attach, reuse;
	struct devport_mmio *mmio;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	child = quiet_fork();
	if (!child) {
		struct dk_resize resize;

		emul_rig_in_child(&rig);
		ck_assert_int_eq(rig.dp->ops->map(rig.dp, (int)attach.adap_fd, 0x10000, &mmio),
				 -EIO);
		ck_assert_int_eq(dk_resize(rig.dp, attach.context_id, 0, 1, &resize), -EINVAL);
		ck_assert_int_eq(dk_attach_reuse(rig.dp, attach.context_id, &reuse), -EINVAL);
		ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), -EINVAL);
		ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_wait_child(child);
	ck_assert_uint_eq(emul_rig_count(&rig, EMUL_FD2_FOREIGN_MAP), 1);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close_broken(&rig, EMUL_FOREIGN_IOCTL, 3);
}
END_TEST

START_TEST(test_child_that_closes_its_copy_first_is_clean)
{
	struct dk_attach attach;
	struct devport_mmio *mmio;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	mmio = map(&attach);
	child = quiet_fork();
	if (!child) {
		mmio->ops->unmap(mmio);
		ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_wait_child(child);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	rig.dp->ops->unmap(mmio);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_child_that_executes_drops_its_copy)
{
	struct dk_attach attach;
	struct turn turn;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	turn_make(&turn);
	child = quiet_fork();
	if (!child) {
		dup2(turn.to_child[0], 0);
		dup2(turn.to_parent[1], 1);
		execl("/bin/sh", "sh", "-c", "echo; read x; exit 0", (char *)NULL);
		_exit(1);
	}
	turn_wait(turn.to_parent);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert(!pe_in_use(attach.context_id));
	ck_assert_int_eq(write(turn.to_child[1], "\n", 1), 1);
	emul_rig_wait_child(child);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_copy_of_a_detached_context_holds_only_the_pe)
{
	struct dk_attach attach;
	struct turn turn;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	turn_make(&turn);
	child = quiet_fork();
	if (!child) {
		turn_wait(turn.to_child);
		ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert(pe_in_use(attach.context_id));
	ck_assert_uint_eq(lun0()->users, 0);
	turn_give(turn.to_child);
	emul_rig_wait_child(child);
	ck_assert(!pe_in_use(attach.context_id));
	emul_rig_close(&rig);
}
END_TEST

/* The release handler's second case: the last reference goes in a child of the living owner. */
START_TEST(test_last_close_by_a_child_leaks_everything)
{
	struct dk_attach attach;
	struct turn turn;
	bool by_exit = _i;
	pid_t child;

	emul_rig_open(&rig, "");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 2);
	turn_make(&turn);
	child = quiet_fork();
	if (!child) {
		turn_wait(turn.to_child);
		if (!by_exit)
			ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
		emul_rig_end_child(&rig);
	}
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	turn_give(turn.to_child);
	emul_rig_wait_child(child);
	ck_assert(pe_in_use(attach.context_id));
	ck_assert_uint_eq(lun0()->users, 1);
	ck_assert_uint_eq(lun0()->free_chunks, 4094);
	ck_assert_uint_eq(emul_rig_count(&rig, EMUL_FD2_CLOSED_EARLY), 0);
	ck_assert_uint_eq(emul_audit_total(emul_rig_ad(&rig)), 2); /* the note, and the context */
	emul_rig_close_broken(&rig, EMUL_FD2_FORK_LEAK, 1);
}
END_TEST

/* The third case: the owner has ended, the child that held a copy ends later. */
START_TEST(test_orphaned_copy_leaks_the_context_but_not_the_pe)
{
	uint64_t cookie = 0;
	struct turn turn;
	int fds[2], status;
	pid_t owner, orphan;

	emul_rig_open(&rig, "");
	turn_make(&turn);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	owner = quiet_fork();
	if (!owner) {
		end_with_a_context(false, &cookie);
		if (!quiet_fork()) {
			turn_wait(turn.to_child);
			emul_rig_end_child(&rig);
		}
		ck_assert_int_eq(write(fds[1], &cookie, sizeof(cookie)), sizeof(cookie));
		emul_rig_end_child(&rig);
	}
	ck_assert_int_eq(read(fds[0], &cookie, sizeof(cookie)), sizeof(cookie));
	emul_rig_wait_child(owner);
	/* Owners are looked for now and then; somebody has to have seen that this one ended. */
	while (!emul_rig_shm(&rig)->pe[(uint32_t)cookie].owner_died)
		ck_assert(pe_in_use(cookie));
	ck_assert_uint_eq(lun0()->users, 1);
	turn_give(turn.to_child);
	orphan = wait(&status);
	ck_assert_int_gt(orphan, 0);
	ck_assert(!pe_in_use(cookie));
	ck_assert_uint_eq(lun0()->users, 1);
	emul_rig_close_broken(&rig, EMUL_FD2_FORK_LEAK, 1);
}
END_TEST

/* ---- drivers that close fd2 themselves ---- */

START_TEST(test_legacy_driver_closes_fd2_at_the_last_detach)
{
	struct dk_attach attach, reuse;
	struct devport_mmio *mmio;
	struct devport *other;

	emul_rig_open(&rig, "legacy_fd,luns=2");
	other = emul_rig_path(&rig, "lun=1");
	attach = emul_rig_attach(rig.dp);
	ck_assert_uint_eq(attach.hdr.return_flags, DK_RF_CONTEXT_SQ_CMD_MODE);
	ck_assert_int_eq(dk_attach_reuse(other, attach.context_id, &reuse), 0);
	ck_assert_uint_eq(reuse.adap_fd, attach.adap_fd);
	mmio = map(&attach);
	ck_assert_int_eq(dk_detach(other, attach.context_id), 0);
	ck_assert_int_ge(fcntl((int)attach.adap_fd, F_GETFD), 0);
	rig.dp->ops->unmap(mmio);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFD), -1);
	ck_assert(!pe_in_use(attach.context_id));
	other->ops->close(other);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_legacy_driver_closes_the_old_fd2_in_recover)
{
	struct dk_attach attach;
	struct dk_recover_afu recover;

	emul_rig_open(&rig, "legacy_fd");
	attach = emul_rig_attach(rig.dp);
	emul_reset(emul_rig_ad(&rig), EMUL_RESET_HOST, 0);
	ck_assert_int_eq(dk_recover(rig.dp, attach.context_id, &recover), 0);
	ck_assert_uint_eq(recover.hdr.return_flags,
			  DK_RF_CONTEXT_RESET | DK_RF_CONTEXT_SQ_CMD_MODE);
	ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFD), -1);
	ck_assert(!pe_in_use(attach.context_id));
	ck_assert_int_eq(dk_detach(rig.dp, recover.context_id), 0);
	ck_assert_int_eq(fcntl((int)recover.adap_fd, F_GETFD), -1);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_legacy_driver_closes_the_source_fd2_in_clone)
{
	struct dk_attach attach, mine;
	pid_t child;

	emul_rig_open(&rig, "legacy_fd");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 1);
	child = quiet_fork();
	if (!child) {
		emul_rig_in_child(&rig);
		mine = emul_rig_attach(rig.dp);
		ck_assert_int_eq(dk_clone(rig.dp, attach.context_id, mine.context_id,
					  attach.adap_fd + 1),
				 -EINVAL);
		ck_assert_int_eq(
			dk_clone(rig.dp, attach.context_id, mine.context_id, attach.adap_fd), 0);
		ck_assert_int_eq(fcntl((int)attach.adap_fd, F_GETFD), -1);
		ck_assert_int_eq(dk_detach(rig.dp, mine.context_id), 0);
		emul_rig_end_child(&rig);
	}
	emul_rig_wait_child(child);
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	emul_rig_close(&rig);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

static void add_one_process(Suite *suite)
{
	TCase *tc = tcase_create("one process");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_closing_after_the_last_detach_is_clean);
	tcase_add_test(tc, test_mapping_holds_the_process_element);
	tcase_add_test(tc, test_closing_with_a_mapping_left_keeps_the_context);
	tcase_add_test(tc, test_mapping_outlives_the_path_it_came_by);
	tcase_add_test(tc, test_closing_early_destroys_context_and_vluns);
	tcase_add_test(tc, test_plain_close_is_noticed_at_the_next_ioctl);
	tcase_add_test(tc, test_a_dup_is_a_reference);
	tcase_add_test(tc, test_map_checks_what_it_is_given);
	tcase_add_test(tc, test_closing_a_strangers_descriptor_is_audited);
	suite_add_tcase(suite, tc);
}

static void add_several(Suite *suite)
{
	TCase *tc = tcase_create("several");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_loop_test(tc, test_end_of_the_owner_frees_everything, 0, 2);
#ifndef __SANITIZE_THREAD__
	tcase_add_test(tc, test_end_of_an_owner_with_threads_is_no_early_close);
#endif
	tcase_add_test(tc, test_end_after_detach_without_close_is_a_breach);
	tcase_add_test(tc, test_context_that_a_killed_process_has_hidden_is_found_again);
	tcase_add_test(tc, test_child_can_use_neither_fd2_nor_cookie);
	tcase_add_test(tc, test_child_that_closes_its_copy_first_is_clean);
	tcase_add_test(tc, test_child_that_executes_drops_its_copy);
	tcase_add_test(tc, test_copy_of_a_detached_context_holds_only_the_pe);
	tcase_add_loop_test(tc, test_last_close_by_a_child_leaks_everything, 0, 2);
	tcase_add_test(tc, test_orphaned_copy_leaks_the_context_but_not_the_pe);
	suite_add_tcase(suite, tc);
}

static void add_legacy(Suite *suite)
{
	TCase *tc = tcase_create("legacy");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_test(tc, test_legacy_driver_closes_fd2_at_the_last_detach);
	tcase_add_test(tc, test_legacy_driver_closes_the_old_fd2_in_recover);
	tcase_add_test(tc, test_legacy_driver_closes_the_source_fd2_in_clone);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("emul_driver_fd2");

	add_one_process(suite);
	add_several(suite);
	add_legacy(suite);
	return run_suite(suite);
}
