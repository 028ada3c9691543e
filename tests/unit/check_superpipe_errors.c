/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: status areas, lost contexts, hung commands, a failed adapter. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/ioasa.h"
#include "superpipe/superpipe.h"
#include "support/fake_port.h"
#include "support/sp_wait.h"
#include "wire/cxlflash_abi.h"

/* ---- the table ---- */

struct ioasa_case {
	struct sisl_ioasa ioasa;
	enum ioasa_action action;
	int error;
};

#define SENSE(key, asc, ascq)                             \
	.flags = SISL_IOASA_SENSE_VALID, .scsi_rc = 0x02, \
	.sense = { 0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq }
#define DESCRIPTOR_SENSE(key, asc, ascq) \
	.flags = SISL_IOASA_SENSE_VALID, .scsi_rc = 0x02, .sense = { 0x72, key, asc, ascq }

static const struct ioasa_case ioasa_cases[] = {
	{ { .ioasc = 0 }, IOASA_DONE, 0 },
	/* SCSI */
	{ { .scsi_rc = 0x02 }, IOASA_RETRY, -EIO },
	{ { SENSE(0, 0, 0) }, IOASA_DONE, 0 },
	{ { SENSE(1, 0x17, 0) }, IOASA_DONE, 0 },
	{ { SENSE(2, 4, 1) }, IOASA_RETRY, -EIO },
	{ { SENSE(3, 0x11, 0) }, IOASA_FAIL, -EIO },
	{ { SENSE(4, 0x44, 0) }, IOASA_FAIL, -EIO },
	{ { SENSE(5, 0x21, 0) }, IOASA_FAIL, -EIO },
	{ { SENSE(6, 0x29, 0) }, IOASA_VERIFY, -EIO },
	{ { SENSE(6, 0x2a, 9) }, IOASA_VERIFY, -EIO },
	{ { SENSE(6, 0x3f, 0x0e) }, IOASA_VERIFY, -EIO },
	{ { SENSE(6, 0x3f, 0x03) }, IOASA_FAIL, -EIO },
	{ { SENSE(6, 0x28, 0) }, IOASA_FAIL, -EIO },
	{ { SENSE(7, 0x27, 0) }, IOASA_FAIL, -EIO },
	{ { SENSE(0xb, 0, 0) }, IOASA_FAIL, -EIO },
	{ { DESCRIPTOR_SENSE(3, 0x11, 0) }, IOASA_FAIL, -EIO },
	{ { DESCRIPTOR_SENSE(6, 0x2a, 9) }, IOASA_VERIFY, -EIO },
	{ { DESCRIPTOR_SENSE(1, 0x17, 0) }, IOASA_DONE, 0 },
	{ { .scsi_rc = 0x08 }, IOASA_DELAY, -EBUSY },
	{ { .scsi_rc = 0x28 }, IOASA_DELAY, -EBUSY },
	{ { .scsi_rc = 0x18 }, IOASA_FAIL, -EBUSY },
	{ { .scsi_rc = 0x30 }, IOASA_FAIL, -EIO },
	/* Fibre Channel */
	{ { .fc_rc = 0x52 }, IOASA_RETRY, -ETIMEDOUT },
	{ { .fc_rc = 0x53 }, IOASA_FAIL, -EIO },
	{ { .fc_rc = 0x54 }, IOASA_DELAY, -ENETDOWN },
	{ { .fc_rc = 0x55 }, IOASA_FAIL, -EIO },
	{ { .fc_rc = 0x56 }, IOASA_FAIL, -EIO },
	{ { .fc_rc = 0x57 }, IOASA_DELAY, -ENETDOWN },
	{ { .fc_rc = 0x58 }, IOASA_RETRY, -EIO },
	{ { .fc_rc = 0x59 }, IOASA_RETRY, -EIO },
	{ { .fc_rc = 0x5a }, IOASA_RETRY, -EIO },
	{ { .fc_rc = 0x5a, .flags = SISL_IOASA_OVERRUN }, IOASA_FAIL, -EIO },
	{ { .fc_rc = 0x5b }, IOASA_RETRY, -EIO },
	{ { .fc_rc = 0x5c }, IOASA_RETRY, -EIO },
	{ { .fc_rc = 0x5e }, IOASA_DELAY, -ENETDOWN },
	{ { .fc_rc = 0x99 }, IOASA_FAIL, -EIO },
	/* AFU */
	{ { .afu_rc = 0x01 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x02 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x03 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x04, .afu_extra = 0x0a }, IOASA_RETRY, -EIO },
	{ { .afu_rc = 0x04, .afu_extra = 0x0b }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x05 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x12 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x13 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x14, .afu_extra = 0x0a }, IOASA_RETRY, -EIO },
	{ { .afu_rc = 0x14 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x15 }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x1a }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x20 }, IOASA_DELAY, -ENETDOWN },
	{ { .afu_rc = 0x21 }, IOASA_RECOVER, -EIO },
	{ { .afu_rc = 0x30 }, IOASA_RETRY, -EIO },
	{ { .afu_rc = 0x31, .afu_extra = 0x0a }, IOASA_RETRY, -EIO },
	{ { .afu_rc = 0x31, .afu_extra = 0x0b }, IOASA_FAIL, -EIO },
	{ { .afu_rc = 0x50 }, IOASA_RETRY, -ETIMEDOUT },
	{ { .afu_rc = 0x51 }, IOASA_RETRY, -ETIMEDOUT },
	{ { .afu_rc = 0x77 }, IOASA_FAIL, -EIO },
	/* A later class decides. */
	{ { .scsi_rc = 0x18, .fc_rc = 0x57 }, IOASA_DELAY, -ENETDOWN },
	{ { .scsi_rc = 0x08, .fc_rc = 0x57, .afu_rc = 0x13 }, IOASA_FAIL, -EIO },
	/* A residual is an error whatever the other fields contain. */
	{ { .flags = SISL_IOASA_UNDERRUN }, IOASA_RETRY, -EIO },
	{ { .flags = SISL_IOASA_OVERRUN }, IOASA_RETRY, -EIO },
};

#define NR_CASES (int)(sizeof(ioasa_cases) / sizeof(ioasa_cases[0]))

START_TEST(test_ioasa_disposition_is_that_of_the_table)
{
	struct ioasa_disposition disposition = ioasa_decode(&ioasa_cases[_i].ioasa);

	ck_assert_int_eq(disposition.action, ioasa_cases[_i].action);
	ck_assert_int_eq(disposition.error, ioasa_cases[_i].error);
}
END_TEST

START_TEST(test_ioasa_bytes_done_need_the_underrun_flag)
{
	struct sisl_ioasa ioasa = { .resid = 4096 };

	ck_assert_uint_eq(ioasa_bytes_done(&ioasa, 16384), 0);
	ioasa.flags = SISL_IOASA_UNDERRUN;
	ck_assert_uint_eq(ioasa_bytes_done(&ioasa, 16384), 12288);
	ioasa.resid = 16385;
	ck_assert_uint_eq(ioasa_bytes_done(&ioasa, 16384), 0);
}
END_TEST

/* ---- the engine ---- */

static struct fake_port *fake;
static struct superpipe *sp;
static struct superpipe_vlun *vlun;

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static void start_with(struct fake_port_config config, struct superpipe_options options)
{
	const char *device;
	uint64_t granted;

	fake = fake_port_new(&config);
	device = fake_port_device(fake, 0);
	options.ops = &fake_port_ops;
	options.retry_delay_ms = 1;
	options.recover_pause_ms = 1;
	ck_assert_int_eq(superpipe_open(&device, 1, &options, on_explain, NULL, &sp), 0);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	if (options.physical) {
		ck_assert_int_eq(superpipe_plun_open(sp, 0, &vlun), 0);
	} else {
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
		ck_assert_int_eq(superpipe_vlun_resize(vlun, 1, &granted), 0);
	}
	fake_port_trace_clear(fake);
}

/* The index of a loop test is the command mode. */
static void start(int sq_mode)
{
	start_with((struct fake_port_config){ .sq_mode = sq_mode },
		   (struct superpipe_options){ 0 });
}

static void finish(void)
{
	superpipe_close(sp);
	ck_assert_uint_eq(fake_port_nr_breaches(fake), 0);
	fake_port_free(fake);
}

static struct superpipe_stats stats(void)
{
	struct superpipe_stats value;

	superpipe_get_stats(sp, &value);
	return value;
}

START_TEST(test_command_is_retried_until_it_succeeds)
{
	start(_i);
	fake_port_answer(fake, 3, &(struct sisl_ioasa){ .fc_rc = 0x5c });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	ck_assert_uint_eq(fake_port_nr_commands(fake), 4);
	ck_assert_uint_eq(stats().retries, 3);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 1, 7), 0);
	finish();
}
END_TEST

START_TEST(test_command_is_given_up_with_the_errno_of_the_table)
{
	start(_i);
	fake_port_answer(fake, 4, &(struct sisl_ioasa){ .afu_rc = 0x51 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -ETIMEDOUT);
	ck_assert_uint_eq(fake_port_nr_commands(fake), 4);
	fake_port_answer(fake, 1, &(struct sisl_ioasa){ .scsi_rc = 0x18 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -EBUSY);
	ck_assert_uint_eq(fake_port_nr_commands(fake), 5);
	ck_assert_uint_eq(stats().errors, 2);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	finish();
}
END_TEST

START_TEST(test_command_is_repeated_later_when_the_target_is_busy)
{
	start(_i);
	fake_port_answer(fake, 4, &(struct sisl_ioasa){ .scsi_rc = 0x28 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	ck_assert_uint_eq(fake_port_nr_commands(fake), 5);
	fake_port_answer(fake, 5, &(struct sisl_ioasa){ .fc_rc = 0x57 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -ENETDOWN);
	finish();
}
END_TEST

START_TEST(test_command_after_a_unit_attention_is_verified_first)
{
	start(_i);
	fake_port_answer(fake, 1, &(struct sisl_ioasa){ SENSE(6, 0x29, 0) });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "verify"), 1);
	fake_port_answer(fake, 1, &(struct sisl_ioasa){ SENSE(6, 0x2a, 0) });
	fake_port_refuse(fake, DK_IOCTL_VERIFY, -EIO, 1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -EIO);
	finish();
}
END_TEST

START_TEST(test_capability_violation_asks_whether_the_context_is_still_ours)
{
	start(_i);
	fake_port_answer(fake, 2, &(struct sisl_ioasa){ .afu_rc = 0x21 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "recover"), 2);
	ck_assert_uint_eq(fake_port_trace_count(fake, "renewed"), 0);
	ck_assert_uint_eq(stats().recoveries, 0);
	fake_port_answer(fake, 4, &(struct sisl_ioasa){ .afu_rc = 0x21 });
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -EIO);
	finish();
}
END_TEST

START_TEST(test_failure_is_told_of_the_lowest_block)
{
	struct sp_wait_io wait;

	start(_i);
	fake_port_answer_after(fake, 5, 1, &(struct sisl_ioasa){ SENSE(3, 0x11, 0) });
	fake_port_answer_after(fake, 3, 1, &(struct sisl_ioasa){ .scsi_rc = 0x18 });
	sp_wait_init(&wait, vlun, true, 0, 12, 3);
	ck_assert_int_eq(sp_wait_run(sp, &wait), -EIO);
	ck_assert_uint_eq(wait.io.nr_lbas_done, 5);
	ck_assert_uint_eq(wait.nr_calls, 1);
	sp_wait_fini(&wait);
	/* The blocks before and after the failing ones were written. */
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 5, 3), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 6, 3, 3), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 10, 2, 3), 0);
	finish();
}
END_TEST

START_TEST(test_failure_of_a_large_command_counts_what_was_moved)
{
	struct sisl_ioasa medium = { SENSE(3, 0x11, 0), .resid = 3 * 4096 };
	struct sp_wait_io wait;

	medium.flags |= SISL_IOASA_UNDERRUN;
	start_with((struct fake_port_config){ .sq_mode = _i, .max_xfer_lbas = 8 },
		   (struct superpipe_options){ .physical = true });
	fake_port_answer_after(fake, 1, 1, &medium);
	sp_wait_init(&wait, vlun, false, 0, 20, 3);
	ck_assert_int_eq(sp_wait_run(sp, &wait), -EIO);
	ck_assert_uint_eq(wait.io.nr_lbas_done, 8 + 5);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

/* ---- lost contexts ---- */

START_TEST(test_lost_context_is_renewed_and_commands_issued_again)
{
	struct sp_wait_io waits[4];

	start_with((struct fake_port_config){ .sq_mode = _i & 1, .manual = true },
		   (struct superpipe_options){ 0 });
	/* From here on slots are not taken in the order of their numbers. */
	sp_wait_init(&waits[0], vlun, true, 0, 8, 0);
	superpipe_submit(sp, &waits[0].io);
	fake_port_complete(fake, 8);
	sp_wait_for(&waits[0]);
	sp_wait_fini(&waits[0]);
	for (unsigned i = 0; i < 4; i++) {
		sp_wait_init(&waits[i], vlun, true, i * 2, 2, (unsigned char)(i + 1));
		superpipe_submit(sp, &waits[i].io);
	}
	ck_assert_uint_eq(fake_port_nr_held(fake), 8);
	/* The loss shows as an event on fd2 or as registers that read all ones. */
	fake_port_lose(fake, _i & 2);
	while (fake_port_nr_held(fake) < 8)
		sched_yield();
	ck_assert_uint_eq(fake_port_last_ioarcb(fake).ctx_id, 8);
	ck_assert_uint_eq(fake_port_last_ioarcb(fake).cdb[9], 7); /* in the original order */
	fake_port_complete(fake, 8);
	for (unsigned i = 0; i < 4; i++) {
		sp_wait_for(&waits[i]);
		ck_assert_int_eq(waits[i].io.status, 0);
		ck_assert_uint_eq(fake_port_media(fake, 0)[i * 2 * 4096], i + 1);
		sp_wait_fini(&waits[i]);
	}
	ck_assert_str_eq(fake_port_trace(fake), " recover renewed unmap close-fd map");
	ck_assert_uint_eq(stats().recoveries, 1);
	ck_assert_uint_eq(stats().retries, 0);
	finish();
}
END_TEST

START_TEST(test_lost_context_of_an_older_driver_leaves_the_new_fd_open)
{
	start_with((struct fake_port_config){ .sq_mode = _i, .driver_closes_fd = true },
		   (struct superpipe_options){ 0 });
	fake_port_lose(fake, false);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	ck_assert_str_eq(fake_port_trace(fake), " recover renewed unmap map");
	/* The driver reuses the number, so a close would have closed the new fd2. */
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 1, 7), 0);
	finish();
}
END_TEST

START_TEST(test_lost_context_in_the_middle_of_a_large_io_goes_unnoticed)
{
	start(_i);
	for (unsigned round = 0; round < 10; round++) {
		fake_port_lose_at(fake, round * 11);
		ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 300, (unsigned char)round), 0);
		ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 300, (unsigned char)round), 0);
	}
	ck_assert_uint_eq(stats().recoveries, 10);
	finish();
}
END_TEST

START_TEST(test_lost_context_is_recovered_although_the_driver_fails_at_first)
{
	start(_i);
	fake_port_refuse(fake, DK_IOCTL_RECOVER_AFU, -EAGAIN, 2);
	fake_port_refuse(fake, DK_IOCTL_RECOVER_AFU, -EPERM, 2);
	fake_port_refuse(fake, DK_IOCTL_RECOVER_AFU, -ENODEV, 2); /* no process element left */
	fake_port_lose(fake, false);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 3, 7), 0);
	ck_assert(!superpipe_failed(sp));
	finish();
}
END_TEST

START_TEST(test_lost_context_is_renewed_for_an_ioctl_and_the_ioctl_repeated)
{
	struct superpipe_vlun *another;
	uint64_t granted;

	start(_i);
	fake_port_lose(fake, false);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &another), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "renewed"), 1);
	fake_port_lose(fake, true);
	ck_assert_int_eq(superpipe_vlun_resize(another, 2, &granted), 0);
	ck_assert_uint_eq(granted, 2);
	ck_assert_int_eq(superpipe_vlun_close(another), 0);
	finish();
}
END_TEST

struct load {
	pthread_t thread;
	unsigned index;
	uint32_t *stop;
	unsigned nr_rounds;
	int rc;
};

static void *run_load(void *arg)
{
	struct load *load = arg;

	while (!load->rc && !__atomic_load_n(load->stop, __ATOMIC_RELAXED)) {
		unsigned char fill = (unsigned char)(load->nr_rounds++ + load->index * 17);

		load->rc = sp_wait_write(sp, vlun, load->index * 50, 50, fill);
		if (!load->rc)
			load->rc = sp_wait_read(sp, vlun, load->index * 50, 50, fill);
	}
	return NULL;
}

#define NR_LOADS 4

START_TEST(test_lost_contexts_under_load_lose_no_byte)
{
	struct load loads[NR_LOADS];
	uint32_t stop = 0;
	uint64_t granted;

	start_with((struct fake_port_config){ .sq_mode = _i },
		   (struct superpipe_options){ .queue_depth = 32 });
	for (unsigned i = 0; i < NR_LOADS; i++) {
		loads[i] = (struct load){ .index = i, .stop = &stop };
		ck_assert_int_eq(pthread_create(&loads[i].thread, NULL, run_load, &loads[i]), 0);
	}
	for (unsigned i = 1; i <= 30; i++) {
		fake_port_lose(fake, i & 1);
		while (stats().recoveries < i)
			sched_yield();
		ck_assert_int_eq(superpipe_vlun_resize(vlun, 1 + i % 3, &granted), 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_LOADS; i++) {
		pthread_join(loads[i].thread, NULL);
		ck_assert_int_eq(loads[i].rc, 0);
	}
	ck_assert_uint_eq(stats().errors, 0);
	finish();
}
END_TEST

/* ---- permanent failure ---- */

START_TEST(test_failed_adapter_ends_everything_with_eio)
{
	struct sp_wait_io pending, waiting;
	struct superpipe_vlun *another;
	uint64_t granted;

	start_with((struct fake_port_config){ .sq_mode = _i, .manual = true },
		   (struct superpipe_options){ .queue_depth = 4 });
	sp_wait_init(&pending, vlun, true, 0, 3, 1);
	sp_wait_init(&waiting, vlun, true, 8, 10, 1);
	superpipe_submit(sp, &pending.io);
	superpipe_submit(sp, &waiting.io);
	fake_port_fail(fake);
	sp_wait_for(&pending);
	sp_wait_for(&waiting);
	ck_assert_int_eq(pending.io.status, -EIO);
	ck_assert_int_eq(waiting.io.status, -EIO);
	ck_assert_uint_eq(waiting.io.nr_lbas_done, 0);
	ck_assert(superpipe_failed(sp));
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 5, 1), -EIO);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &another), -EIO);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 4, &granted), -EIO);
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	ck_assert_str_eq(fake_port_trace(fake), " recover recover recover detach unmap close-fd");
	sp_wait_fini(&pending);
	sp_wait_fini(&waiting);
	finish();
}
END_TEST

static void resubmit(struct superpipe_io *io)
{
	struct sp_wait_io *wait = (struct sp_wait_io *)io;
	static unsigned char buf[4096] __attribute__((aligned(4096)));
	/* Another thread may be called back before this one has returned. */
	static __thread unsigned depth;

	ck_assert_int_eq(io->status, -EIO);
	ck_assert_uint_eq(++depth, 1);
	io->buf = buf;
	if (++wait->nr_calls < 5000)
		superpipe_submit(sp, io);
	else
		__atomic_store_n(&wait->ended, true, __ATOMIC_RELEASE);
	depth--;
}

START_TEST(test_failed_adapter_does_not_make_callbacks_recurse)
{
	struct sp_wait_io wait;

	start(_i);
	fake_port_fail(fake);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 1), -EIO);
	sp_wait_init(&wait, vlun, true, 0, 1, 1);
	free(wait.io.buf);
	wait.io.done = resubmit;
	superpipe_submit(sp, &wait.io);
	while (!__atomic_load_n(&wait.ended, __ATOMIC_ACQUIRE))
		sched_yield();
	ck_assert_uint_eq(wait.nr_calls, 5000);
	finish();
}
END_TEST

START_TEST(test_failed_adapter_is_noticed_by_an_ioctl_too)
{
	struct superpipe_vlun *another;

	start(_i);
	fake_port_refuse(fake, DK_IOCTL_RECOVER_AFU, -ENODEV, 100);
	fake_port_refuse(fake, DK_IOCTL_USER_VIRTUAL, -ENODEV, 100);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &another), -EIO);
	ck_assert(superpipe_failed(sp));
	finish();
}
END_TEST

/* ---- hung commands ---- */

START_TEST(test_hung_command_is_issued_again_after_a_context_reset)
{
	start_with((struct fake_port_config){ .sq_mode = _i },
		   (struct superpipe_options){ .watchdog_ms = 20 });
	fake_port_swallow(fake, 1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 8, 7), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "reset"), 1);
	ck_assert_uint_eq(fake_port_trace_count(fake, "recover"), 0);
	ck_assert_uint_eq(stats().timeouts, 1);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 8, 7), 0);
	finish();
}
END_TEST

START_TEST(test_hung_command_is_given_up_after_some_resets)
{
	start_with((struct fake_port_config){ .sq_mode = _i },
		   (struct superpipe_options){ .watchdog_ms = 20 });
	fake_port_swallow(fake, 4);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), -ETIMEDOUT);
	ck_assert_uint_eq(fake_port_trace_count(fake, "reset"), 4);
	ck_assert(!superpipe_failed(sp));
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 7), 0);
	finish();
}
END_TEST

START_TEST(test_hung_command_on_a_dead_context_means_recovery_not_reset)
{
	start_with((struct fake_port_config){ .sq_mode = _i, .manual = true },
		   (struct superpipe_options){ .watchdog_ms = 60000 });
	fake_port_lose(fake, false);
	ck_assert_uint_eq(fake_port_trace_count(fake, "recover"), 0);
	{
		struct sp_wait_io wait;

		sp_wait_init(&wait, vlun, true, 0, 1, 1);
		superpipe_submit(sp, &wait.io);
		while (!fake_port_complete(fake, 1))
			sched_yield();
		sp_wait_for(&wait);
		ck_assert_int_eq(wait.io.status, 0);
		sp_wait_fini(&wait);
	}
	ck_assert_uint_eq(fake_port_trace_count(fake, "renewed"), 1);
	ck_assert_uint_eq(fake_port_trace_count(fake, "reset"), 0);
	finish();
}
END_TEST

START_TEST(test_afu_error_interrupt_has_the_context_reset)
{
	struct sp_wait_io wait;

	start_with((struct fake_port_config){ .sq_mode = _i, .manual = true },
		   (struct superpipe_options){ 0 });
	sp_wait_init(&wait, vlun, true, 0, 4, 5);
	superpipe_submit(sp, &wait.io);
	fake_port_raise(fake, SISL_LISN_SYNC_ERROR, SISL_ISTATUS_IOARCB_READ);
	while (!fake_port_trace_count(fake, "reset"))
		sched_yield();
	while (!fake_port_complete(fake, 4))
		sched_yield();
	while (!sp_wait_ended(&wait)) {
		fake_port_complete(fake, 4);
		sched_yield();
	}
	ck_assert_int_eq(wait.io.status, 0);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

START_TEST(test_spurious_interrupts_change_nothing)
{
	start(_i);
	fake_port_raise(fake, SISL_LISN_RRQ, 0);
	fake_port_raise(fake, SISL_LISN_SYNC_ERROR, SISL_ISTATUS_TEMP_PAGEIN);
	fake_port_raise(fake, 9, 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 30, 7), 0);
	while (stats().interrupts < 3)
		sched_yield();
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 30, 7), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "reset"), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "renewed"), 0);
	finish();
}
END_TEST

static Suite *errors_suite(void)
{
	Suite *suite = suite_create("superpipe errors");
	TCase *table = tcase_create("table");
	TCase *commands = tcase_create("commands");
	TCase *lost = tcase_create("lost");
	TCase *failed = tcase_create("failed");
	TCase *hung = tcase_create("hung");

	tcase_add_loop_test(table, test_ioasa_disposition_is_that_of_the_table, 0, NR_CASES);
	tcase_add_test(table, test_ioasa_bytes_done_need_the_underrun_flag);
	suite_add_tcase(suite, table);

	tcase_add_loop_test(commands, test_command_is_retried_until_it_succeeds, 0, 2);
	tcase_add_loop_test(commands, test_command_is_given_up_with_the_errno_of_the_table, 0, 2);
	tcase_add_loop_test(commands, test_command_is_repeated_later_when_the_target_is_busy, 0, 2);
	tcase_add_loop_test(commands, test_command_after_a_unit_attention_is_verified_first, 0, 2);
	tcase_add_loop_test(commands,
			    test_capability_violation_asks_whether_the_context_is_still_ours, 0, 2);
	tcase_add_loop_test(commands, test_failure_is_told_of_the_lowest_block, 0, 2);
	tcase_add_loop_test(commands, test_failure_of_a_large_command_counts_what_was_moved, 0, 2);
	tcase_set_timeout(commands, 60);
	suite_add_tcase(suite, commands);

	tcase_add_loop_test(lost, test_lost_context_is_renewed_and_commands_issued_again, 0, 4);
	tcase_add_loop_test(lost, test_lost_context_of_an_older_driver_leaves_the_new_fd_open, 0,
			    2);
	tcase_add_loop_test(lost, test_lost_context_in_the_middle_of_a_large_io_goes_unnoticed, 0,
			    2);
	tcase_add_loop_test(lost, test_lost_context_is_recovered_although_the_driver_fails_at_first,
			    0, 2);
	tcase_add_loop_test(lost, test_lost_context_is_renewed_for_an_ioctl_and_the_ioctl_repeated,
			    0, 2);
	tcase_add_loop_test(lost, test_lost_contexts_under_load_lose_no_byte, 0, 2);
	tcase_set_timeout(lost, 120);
	suite_add_tcase(suite, lost);

	tcase_add_loop_test(failed, test_failed_adapter_ends_everything_with_eio, 0, 2);
	tcase_add_loop_test(failed, test_failed_adapter_does_not_make_callbacks_recurse, 0, 2);
	tcase_add_loop_test(failed, test_failed_adapter_is_noticed_by_an_ioctl_too, 0, 2);
	tcase_set_timeout(failed, 60);
	suite_add_tcase(suite, failed);

	tcase_add_loop_test(hung, test_hung_command_is_issued_again_after_a_context_reset, 0, 2);
	tcase_add_loop_test(hung, test_hung_command_is_given_up_after_some_resets, 0, 2);
	tcase_add_loop_test(hung, test_hung_command_on_a_dead_context_means_recovery_not_reset, 0,
			    2);
	tcase_add_loop_test(hung, test_afu_error_interrupt_has_the_context_reset, 0, 2);
	tcase_add_loop_test(hung, test_spurious_interrupts_change_nothing, 0, 2);
	tcase_set_timeout(hung, 60);
	suite_add_tcase(suite, hung);
	return suite;
}

int main(void)
{
	return run_suite(errors_suite());
}
