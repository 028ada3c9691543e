/* SPDX-License-Identifier: Apache-2.0 */
/* A process that uses vLUNs is killed; a successor takes them over. Real processes, real SIGKILL.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emul/adapter.h"
#include "superpipe/dead_owner.h"
#include "support/quiet_fork.h"
#include "support/sp_wait.h"
#include "support/takeover_rig.h"

#define SMALL ",handles=256" /* a successor asks for each */

static struct takeover_rig rig;

/* ---- acts ---- */

static void act_wait(struct takeover_self *self)
{
	takeover_tell_progress(self, 1);
	for (;;)
		pause();
}

static unsigned char fill_of(uint64_t lba)
{
	return (unsigned char)(lba % 251 + 1);
}

static void write_block(struct takeover_self *self, unsigned i, uint64_t lba)
{
	TAKEOVER_CHECK(sp_wait_write(self->sp, self->vluns[i], lba, 1, fill_of(lba)) == 0);
}

static void check_blocks(struct takeover_self *self, unsigned i, uint64_t end)
{
	for (uint64_t lba = 0; lba < end; lba++)
		TAKEOVER_CHECK(sp_wait_read(self->sp, self->vluns[i], lba, 1, fill_of(lba)) == 0);
}

static void close_all(struct takeover_self *self)
{
	for (unsigned i = 0; i < TAKEOVER_VLUNS; i++)
		if (self->vluns[i])
			takeover_close_vlun(self, i);
}

static uint64_t last_lba(const struct takeover_self *self)
{
	return superpipe_lun_info(self->sp, 0)->chunk_lbas * 2u - 1;
}

/* Two vLUNs of 2 chunks, and a block at the end of each. */
static void open_two(struct takeover_self *self)
{
	for (unsigned i = 0; i < 2; i++) {
		takeover_open_vlun(self, i, i % self->rig->nr_luns, 2);
		write_block(self, i, last_lba(self));
	}
}

static void check_two(struct takeover_self *self)
{
	for (unsigned i = 0; i < 2; i++)
		TAKEOVER_CHECK(!self->vluns[i] ||
			       sp_wait_read(self->sp, self->vluns[i], last_lba(self), 1,
					    fill_of(last_lba(self))) == 0);
}

static void act_open_two(struct takeover_self *self)
{
	open_two(self);
	act_wait(self);
}

static void act_check_two(struct takeover_self *self)
{
	check_two(self);
	act_wait(self);
}

static void act_check_two_and_end(struct takeover_self *self)
{
	check_two(self);
	takeover_tell_progress(self, 1);
	takeover_await_end_request(self);
	close_all(self);
}

/* ---- the chunks that the driver has given ---- */

static uint64_t nr_known_chunks(unsigned lun)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < TAKEOVER_VLUNS; i++)
		if (rig.known[i] && rig.vluns[i].lun == lun)
			nr += rig.vluns[i].nr_chunks;
	return nr;
}

static void require_known_chunks_only(void)
{
	takeover_open(&rig);
	for (unsigned i = 0; i < rig.nr_luns; i++) {
		const struct emul_lun *lun = &((struct emul_path *)rig.host.dp)->ad->shm->lun[i];
		uint64_t nr = nr_known_chunks(i);

		if (nr)
			ck_assert_uint_eq(lun->nr_chunks - lun->free_chunks, nr);
	}
	takeover_close(&rig);
}

/* A successor that finds what is known, and an orderly end. */
static void take_over_and_end(void)
{
	takeover_retry(&rig, act_check_two_and_end);
	takeover_await_progress(&rig, 1);
	require_known_chunks_only();
	takeover_request_end(&rig);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}

static void start_and_kill(const char *options, unsigned nr_luns, bool bystander)
{
	takeover_make(&rig, options, nr_luns, bystander);
	takeover_start(&rig, act_open_two);
	takeover_await_progress(&rig, 1);
	takeover_kill(&rig);
}

/* ---- under I/O ---- */

static void act_write(struct takeover_self *self)
{
	if (!self->vluns[0])
		takeover_open_vlun(self, 0, 0, 1);
	check_blocks(self, 0, self->rig->progress);
	for (uint64_t lba = self->rig->progress;; lba++) {
		write_block(self, 0, lba);
		takeover_tell_progress(self, lba + 1);
	}
}

static void act_check_written(struct takeover_self *self)
{
	check_blocks(self, 0, self->rig->progress);
	close_all(self);
}

/* Three in a row; each successor is killed in turn. */
START_TEST(test_written_data_survive_kills)
{
	takeover_make(&rig, _i ? SMALL ",mode=ioarrin" : SMALL, 1, _i);
	takeover_start(&rig, act_write);
	for (unsigned i = 1; i <= 3; i++) {
		takeover_await_progress(&rig, i * 40);
		takeover_kill(&rig);
		takeover_retry(&rig, act_write);
	}
	takeover_kill(&rig);
	takeover_retry(&rig, act_check_written);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}
END_TEST

START_TEST(test_kill_in_a_command)
{
	takeover_make(&rig, SMALL, 1, true);
	takeover_fault(&rig, "at=write n=30 action=kill");
	takeover_start(&rig, act_write);
	takeover_await_kill(&rig);
	ck_assert_uint_eq(rig.progress, 29);
	takeover_retry(&rig, act_check_written);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}
END_TEST

/* ---- in the middle of ioctls ---- */

static void act_steps(struct takeover_self *self)
{
	open_two(self);
	(void)takeover_resize_vlun(self, 0, 5);
	takeover_open_vlun(self, 2, 0, 3);
	(void)takeover_resize_vlun(self, 0, 2);
	takeover_close_vlun(self, 2);
	act_wait(self);
}

/* The first VIRTUAL and RELEASE and the first two syncs are of the attach. */
static const char *const step_kills[] = {
	"at=virtual n=2 action=kill", /* opened and not told */
	"at=resize n=1 action=kill",
	"at=resize n=2 action=kill",
	"at=resize n=3 action=kill", /* larger than told */
	"at=virtual n=4 action=kill",
	"at=resize n=4 action=kill",
	"at=resize n=5 action=kill", /* smaller */
	"at=release n=2 action=kill",
	/* Half done, which a real driver never leaves. */
	"at=sync n=3 action=kill",
	"at=sync n=4 action=kill",
	"at=sync n=5 action=kill",
	"at=sync n=6 action=kill",
	"at=sync n=7 action=kill",
	"at=sync n=8 action=kill",
	"at=sync n=9 action=kill",
	"at=sync n=10 action=kill",
	"at=sync n=11 action=kill",
};

START_TEST(test_handles_are_as_told_after_a_kill_in_an_ioctl)
{
	takeover_make(&rig, SMALL, 1, true);
	takeover_fault(&rig, step_kills[_i]);
	takeover_start(&rig, act_steps);
	takeover_await_kill(&rig);
	take_over_and_end();
}
END_TEST

START_TEST(test_kill_between_detach_and_close_breaks_no_rule)
{
	takeover_make(&rig, SMALL, 1, _i);
	takeover_fault(&rig, "at=detach n=1 action=kill");
	takeover_start(&rig, close_all);
	takeover_await_kill(&rig);
	takeover_close_fds(&rig.dead);
	takeover_destroy(&rig);
}
END_TEST

/* ---- successors and proxies die, and the adapter is reset ---- */

static const char *const killed_successors[] = {
	"at=attach n=1 action=kill", "at=clone n=1 action=kill",  "at=sync n=1 action=kill",
	"at=sync n=2 action=kill",   "at=verify n=1 action=kill", "at=recover n=1 action=kill",
};

START_TEST(test_another_proxy_follows_a_process_that_is_killed)
{
	start_and_kill(SMALL, 1, true);
	takeover_fault(&rig, killed_successors[_i]);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), -ENOLINK);
	take_over_and_end();
}
END_TEST

static const char *const killed_proxies[] = {
	"at=release n=1 action=kill",
	"at=release n=2 action=kill",
	"at=detach n=1 action=kill",
	"at=release n=1 action=eagain",
};

START_TEST(test_another_proxy_detaches_if_the_first_is_killed)
{
	start_and_kill(SMALL, 1, true);
	takeover_fault(&rig, killed_proxies[_i]);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), 0);
	takeover_kill(&rig);
	take_over_and_end();
}
END_TEST

/* The successor has sent a new context when it dies: it needs a proxy of its own. */
START_TEST(test_successor_that_has_sent_its_context_is_detached_too)
{
	char rule[64];

	start_and_kill(SMALL, 1, true);
	takeover_open(&rig);
	snprintf(rule, sizeof(rule), "at=verify n=%u action=kill",
		 rig.host.ops->max_handles(rig.host.dp) + 3);
	takeover_close(&rig);
	takeover_fault(&rig, "at=verify n=1 action=reset kind=eeh");
	takeover_fault(&rig, rule);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), -ENOLINK);
	take_over_and_end();
}
END_TEST

static const char *const resets[] = {
	"at=attach n=1 action=reset kind=freeze",
	"at=attach n=1 action=reset kind=eeh",
	"at=clone n=1 action=reset kind=host",
	"at=sync n=1 action=reset kind=eeh",
	"at=verify n=1 action=reset kind=host",
	"at=verify n=2 action=reset kind=eeh",
	"at=recover n=1 action=reset kind=eeh",
	"at=release n=1 action=reset kind=eeh",
	"at=release n=2 action=reset kind=host",
	"at=detach n=1 action=reset kind=eeh",
	"at=clone n=1 action=eagain",
};

START_TEST(test_reset_during_takeover_delays_it)
{
	start_and_kill(SMALL, 1, true);
	takeover_fault(&rig, resets[_i]);
	take_over_and_end();
}
END_TEST

START_TEST(test_reset_between_death_and_takeover_needs_no_retry)
{
	start_and_kill(SMALL ",size=4G,luns=2", 2, _i);
	takeover_reset(&rig, EMUL_RESET_EEH);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), 0);
	takeover_kill(&rig);
	take_over_and_end();
}
END_TEST

static const enum emul_reset_kind kinds[] = { EMUL_RESET_EEH, EMUL_RESET_HOST, EMUL_RESET_FREEZE };

/* The driver gives up an adapter that is frozen at an AFU sync. */
START_TEST(test_reset_before_a_proxy_detaches_does_no_harm)
{
	start_and_kill(SMALL, 1, true);
	takeover_reset(&rig, kinds[_i]);
	takeover_give_up(&rig);
	takeover_start(&rig, close_all);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}
END_TEST

START_TEST(test_recovered_context_is_sent_again)
{
	uint64_t before;

	takeover_make(&rig, SMALL, 1, _i);
	takeover_start(&rig, act_open_two);
	takeover_await_progress(&rig, 1);
	ck_assert_uint_eq(rig.owner.nr_sent, 1);
	before = rig.owner.contexts[0].source.context_id;
	takeover_reset(&rig, EMUL_RESET_EEH);
	takeover_await_contexts(&rig, 2);
	ck_assert_uint_ne(rig.owner.contexts[0].source.context_id, before);
	takeover_kill(&rig);
	take_over_and_end();
}
END_TEST

/* Process elements are free as soon as it has read what it was sent. */
START_TEST(test_slow_standby_breaks_no_rule)
{
	takeover_make(&rig, SMALL, 1, true);
	takeover_start(&rig, act_open_two);
	takeover_await_progress(&rig, 1);
	for (unsigned i = 1; i <= 2; i++) {
		takeover_reset(&rig, EMUL_RESET_EEH);
		takeover_await_recoveries(&rig, i);
	}
	takeover_kill(&rig);
	ck_assert_uint_eq(rig.dead.nr_sent, 3);
	take_over_and_end();
}
END_TEST

/* Nobody else has the new fd2 yet. */
START_TEST(test_kill_at_the_end_of_recovery_loses_the_vluns_and_says_so)
{
	takeover_make(&rig, SMALL, 1, true);
	takeover_start(&rig, act_open_two);
	takeover_await_progress(&rig, 1);
	takeover_fault(&rig, "at=recover n=1 action=kill");
	takeover_reset(&rig, EMUL_RESET_EEH);
	takeover_await_kill(&rig);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), -EINVAL);
	ck_assert_ptr_nonnull(strstr(rig.explained, "cannot recover the context"));
	takeover_close_fds(&rig.dead);
	takeover_destroy(&rig);
}
END_TEST

/* ---- what is known ---- */

static void act_open_one(struct takeover_self *self)
{
	takeover_open_vlun(self, 3, 0, 1);
	close_all(self);
}

START_TEST(test_owner_without_vluns_is_taken_over)
{
	takeover_make(&rig, SMALL, 1, _i);
	takeover_start(&rig, act_wait);
	takeover_kill(&rig);
	ck_assert_int_eq(takeover_try(&rig, act_open_one), 0);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}
END_TEST

START_TEST(test_every_context_of_a_volume_is_taken_over)
{
	start_and_kill(",size=4G,luns=2", 2, true);
	ck_assert_int_eq(takeover_try(&rig, act_check_two), 0);
	takeover_kill(&rig);
	take_over_and_end();
}
END_TEST

START_TEST(test_missing_and_small_vluns_are_errors)
{
	start_and_kill(SMALL, 1, true);
	rig.vluns[1].nr_chunks = 3;
	ck_assert_int_eq(takeover_try(&rig, act_check_two), -EIO);
	ck_assert_ptr_nonnull(
		strstr(rig.explained, "virtual LUN 1 has lost chunks: it has 2 of 3"));
	rig.vluns[1].nr_chunks = 2;
	rig.vluns[2] = rig.vluns[1];
	rig.vluns[2].res_hndl = 100;
	rig.known[2] = true;
	ck_assert_int_eq(takeover_try(&rig, act_check_two), -EIO);
	ck_assert_ptr_nonnull(strstr(rig.explained, "virtual LUN 100 is gone"));
	rig.known[2] = false;
	take_over_and_end();
}
END_TEST

/* ---- wrong takeovers ---- */

static uint64_t count(enum emul_breach breach)
{
	uint64_t nr;

	takeover_open(&rig);
	emul_housekeep(((struct emul_path *)rig.host.dp)->ad);
	nr = ((struct emul_path *)rig.host.dp)->ad->shm->audit.count[breach];
	emul_audit_clear(((struct emul_path *)rig.host.dp)->ad);
	takeover_close(&rig);
	return nr;
}

START_TEST(test_standby_that_closes_too_early_leaks_the_context)
{
	start_and_kill(SMALL, 1, true);
	/* The housekeeping of the bystander sees that the owner has ended. */
	takeover_await_owner_noticed(&rig);
	takeover_close_fds(&rig.dead);
	ck_assert_uint_eq(count(EMUL_FD2_FORK_LEAK), 1);
	takeover_remove(&rig);
}
END_TEST

START_TEST(test_child_of_another_process_cannot_clone)
{
	int status;
	pid_t child;

	start_and_kill(SMALL, 1, true);
	child = quiet_fork();
	if (child == 0)
		_exit(takeover_clone_without_proxy(&rig) == -EINVAL ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(count(EMUL_FOREIGN_IOCTL), 1);
	take_over_and_end();
}
END_TEST

/* ---- at any time ---- */

/* The contents of a vLUN are its number and that of the chunk. */
static void put_tag(struct takeover_self *self, unsigned i, uint64_t chunk)
{
	uint64_t lba = chunk * superpipe_lun_info(self->sp, 0)->chunk_lbas + 7;

	TAKEOVER_CHECK(sp_wait_write(self->sp, self->vluns[i], lba, 1,
				     (unsigned char)(16 * i + chunk)) == 0);
}

static void check_tags(struct takeover_self *self)
{
	for (unsigned i = 0; i < TAKEOVER_VLUNS; i++) {
		struct superpipe_vlun_source now = { 0 };

		if (self->vluns[i])
			superpipe_vlun_export(self->vluns[i], &now);
		for (uint64_t chunk = 0; chunk < now.nr_chunks; chunk++)
			TAKEOVER_CHECK(
				sp_wait_read(self->sp, self->vluns[i],
					     chunk * superpipe_lun_info(self->sp, 0)->chunk_lbas +
						     7,
					     1, (unsigned char)(16 * i + chunk)) == 0);
	}
}

/* Tags before it tells, so that a successor can check whatever is known. */
static void resize_tagged(struct takeover_self *self, unsigned i, uint64_t nr_chunks)
{
	struct superpipe_vlun_source before;
	uint64_t granted;

	superpipe_vlun_export(self->vluns[i], &before);
	if (nr_chunks <= before.nr_chunks) {
		(void)takeover_resize_vlun(self, i, nr_chunks);
		return;
	}
	TAKEOVER_CHECK(superpipe_vlun_resize(self->vluns[i], nr_chunks, &granted) == 0);
	for (uint64_t chunk = before.nr_chunks; chunk < nr_chunks; chunk++)
		put_tag(self, i, chunk);
	takeover_tell_vlun(self, i, self->vluns[i]);
}

static void act_mix(struct takeover_self *self)
{
	unsigned seed = (unsigned)getpid();

	check_tags(self);
	takeover_tell_progress(self, 1);
	for (;;) {
		unsigned i = (unsigned)rand_r(&seed) % TAKEOVER_VLUNS;

		if (!self->vluns[i])
			takeover_open_vlun(self, i, 0, 0);
		else if (rand_r(&seed) % 4 == 0)
			takeover_close_vlun(self, i);
		else
			resize_tagged(self, i, (unsigned)rand_r(&seed) % 15u);
	}
}

static void act_check_tags(struct takeover_self *self)
{
	check_tags(self);
	close_all(self);
}

START_TEST(test_kills_at_any_time)
{
	unsigned seed = (unsigned)time(NULL);

	takeover_make(&rig, SMALL, 1, _i);
	takeover_start(&rig, act_mix);
	for (unsigned i = 0; i < 6; i++) {
		struct timespec pause = { .tv_nsec = rand_r(&seed) % 4000000 };

		takeover_await_progress(&rig, 1);
		(void)nanosleep(&pause, NULL);
		takeover_kill(&rig);
		takeover_retry(&rig, act_mix);
	}
	takeover_kill(&rig);
	takeover_retry(&rig, act_check_tags);
	takeover_await_end(&rig);
	takeover_destroy(&rig);
}
END_TEST

/* ---- main ---- */

#define NR(table) ((int)(sizeof(table) / sizeof((table)[0])))

static void add_deaths(TCase *core)
{
	tcase_add_loop_test(core, test_written_data_survive_kills, 0, 2);
	tcase_add_test(core, test_kill_in_a_command);
	tcase_add_loop_test(core, test_handles_are_as_told_after_a_kill_in_an_ioctl, 0,
			    NR(step_kills));
	tcase_add_loop_test(core, test_kill_between_detach_and_close_breaks_no_rule, 0, 2);
	tcase_add_loop_test(core, test_another_proxy_follows_a_process_that_is_killed, 0,
			    NR(killed_successors));
	tcase_add_loop_test(core, test_another_proxy_detaches_if_the_first_is_killed, 0,
			    NR(killed_proxies));
	tcase_add_test(core, test_successor_that_has_sent_its_context_is_detached_too);
	tcase_add_loop_test(core, test_kills_at_any_time, 0, 2);
}

static void add_resets(TCase *core)
{
	tcase_add_loop_test(core, test_reset_during_takeover_delays_it, 0, NR(resets));
	tcase_add_loop_test(core, test_reset_between_death_and_takeover_needs_no_retry, 0, 2);
	tcase_add_loop_test(core, test_reset_before_a_proxy_detaches_does_no_harm, 0, NR(kinds));
	tcase_add_loop_test(core, test_recovered_context_is_sent_again, 0, 2);
	tcase_add_test(core, test_slow_standby_breaks_no_rule);
	tcase_add_test(core, test_kill_at_the_end_of_recovery_loses_the_vluns_and_says_so);
}

static void add_others(TCase *core)
{
	tcase_add_loop_test(core, test_owner_without_vluns_is_taken_over, 0, 2);
	tcase_add_test(core, test_every_context_of_a_volume_is_taken_over);
	tcase_add_test(core, test_missing_and_small_vluns_are_errors);
	tcase_add_test(core, test_standby_that_closes_too_early_leaks_the_context);
	tcase_add_test(core, test_child_of_another_process_cannot_clone);
}

int main(void)
{
	Suite *suite;
	TCase *core;

#ifdef __SANITIZE_THREAD__
	printf("skip: ThreadSanitizer has a thread of its own\n");
	return 77;
#endif
	if (!takeover_is_possible())
		return 77;
	suite = suite_create("superpipe dead owner");
	core = tcase_create("core");
	add_deaths(core);
	add_resets(core);
	add_others(core);
	tcase_set_timeout(core, 60);
	suite_add_tcase(suite, core);
	return run_suite(suite);
}
