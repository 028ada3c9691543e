/* SPDX-License-Identifier: Apache-2.0 */
/* The whole layer on the emulated adapter: load, resets, faults, and a clean audit after each. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/adapter.h"
#include "emul/store/shm.h"
#include "superpipe/superpipe.h"
#include "support/emul_host.h"
#include "support/sp_wait.h"

static struct emul_host host; /* creates the adapter, injects faults, runs the audit */
static struct superpipe *sp;

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

/* The index of a loop test: command mode, block size, immediate or late completion. */
#define NR_CONFIGS 8

static void start_with(const char *options, struct superpipe_options sp_options)
{
	const char *devices[2];
	char names[2][300];

	emul_host_make(&host, options);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", host.dir, i);
		devices[i] = names[i];
	}
	sp_options.recover_pause_ms = 2;
	sp_options.retry_delay_ms = 2;
	ck_assert_int_eq(superpipe_open(devices, strstr(options, "luns=2") ? 2 : 1, &sp_options,
					on_explain, NULL, &sp),
			 0);
	ck_assert_int_eq(superpipe_attach(sp), 0);
}

static void start(int config, const char *more, struct superpipe_options sp_options)
{
	char options[200];

	snprintf(options, sizeof(options), ",size=8G,mode=%s,bs=%u%s%s",
		 config & 1 ? "ioarrin" : "sq", config & 2 ? 512 : 4096,
		 config & 4 ? ",latency=48us/20us" : "", more);
	start_with(options, sp_options);
}

static void finish(void)
{
	superpipe_close(sp);
	emul_host_destroy(&host);
}

static struct superpipe_stats stats(void)
{
	struct superpipe_stats value;

	superpipe_get_stats(sp, &value);
	return value;
}

static struct superpipe_vlun *new_vlun(unsigned lun, uint64_t nr_chunks)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	ck_assert_int_eq(superpipe_vlun_open(sp, lun, &vlun), 0);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, nr_chunks, &granted), 0);
	ck_assert_uint_eq(granted, nr_chunks);
	return vlun;
}

START_TEST(test_emul_blocks_are_read_as_they_were_written)
{
	struct superpipe_vlun *vlun;
	uint32_t chunk_lbas;

	start(_i, "", (struct superpipe_options){ 0 });
	chunk_lbas = superpipe_lun_info(sp, 0)->chunk_lbas;
	vlun = new_vlun(0, 3);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 1, 1), 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, chunk_lbas - 5, 10, 2), 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 3 * chunk_lbas - 1, 1, 3), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 1, 1), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, chunk_lbas - 5, 10, 2), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 3 * chunk_lbas - 1, 1, 3), 0);
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	finish();
}
END_TEST

START_TEST(test_emul_blocks_beyond_the_vlun_fail_and_are_told)
{
	struct superpipe_vlun *vlun;
	struct sp_wait_io wait;
	uint32_t chunk_lbas;

	start(_i, "", (struct superpipe_options){ 0 });
	chunk_lbas = superpipe_lun_info(sp, 0)->chunk_lbas;
	vlun = new_vlun(0, 1);
	sp_wait_init(&wait, vlun, true, chunk_lbas - 3, 5, 1);
	ck_assert_int_eq(sp_wait_run(sp, &wait), -EIO);
	ck_assert_uint_eq(wait.io.nr_lbas_done, 3);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

struct load {
	pthread_t thread;
	struct superpipe_vlun *vlun;
	unsigned index, nr_rounds;
	uint32_t nr_lbas;
	uint32_t *stop;
	int rc;
};

static void *run_load(void *arg)
{
	struct load *load = arg;
	uint64_t lba = load->index * (uint64_t)load->nr_lbas;

	for (unsigned i = 0; !load->rc; i++) {
		unsigned char fill = (unsigned char)(i + load->index * 17);

		if (load->stop ? __atomic_load_n(load->stop, __ATOMIC_RELAXED)
			       : i == load->nr_rounds)
			break;
		load->rc = sp_wait_write(sp, load->vlun, lba, load->nr_lbas, fill);
		if (!load->rc)
			load->rc = sp_wait_read(sp, load->vlun, lba, load->nr_lbas, fill);
	}
	return NULL;
}

#define NR_LOADS 6

static void start_loads(struct load loads[NR_LOADS], struct superpipe_vlun *vlun, uint32_t nr_lbas,
			unsigned nr_rounds, uint32_t *stop)
{
	for (unsigned i = 0; i < NR_LOADS; i++) {
		loads[i] = (struct load){ .vlun = vlun,
					  .index = i,
					  .nr_rounds = nr_rounds,
					  .nr_lbas = nr_lbas,
					  .stop = stop };
		ck_assert_int_eq(pthread_create(&loads[i].thread, NULL, run_load, &loads[i]), 0);
	}
}

static void join_loads(struct load loads[NR_LOADS])
{
	for (unsigned i = 0; i < NR_LOADS; i++) {
		pthread_join(loads[i].thread, NULL);
		ck_assert_int_eq(loads[i].rc, 0);
	}
}

START_TEST(test_emul_many_threads_with_ios_larger_than_the_queue)
{
	struct load loads[NR_LOADS];

	start(_i, ",cmdroom=16", (struct superpipe_options){ .queue_depth = 64 });
	start_loads(loads, new_vlun(0, 1), 300, 6, NULL);
	join_loads(loads);
	ck_assert_uint_eq(stats().errors, 0);
	ck_assert_uint_eq(stats().retries, 0);
	finish();
}
END_TEST

START_TEST(test_emul_resizing_one_vlun_does_not_disturb_the_ios_of_another)
{
	struct load loads[NR_LOADS];
	struct superpipe_vlun *other;
	uint32_t stop = 0;
	uint64_t granted;

	start(_i, "", (struct superpipe_options){ 0 });
	other = new_vlun(0, 1);
	start_loads(loads, new_vlun(0, 1), 20, 0, &stop);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_int_eq(superpipe_vlun_resize(other, i % 5, &granted), 0);
		ck_assert_uint_eq(granted, i % 5);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	join_loads(loads);
	finish();
}
END_TEST

START_TEST(test_emul_growth_stops_at_the_end_of_the_lun)
{
	struct superpipe_vlun *first, *second;
	uint64_t granted, nr_chunks;

	start(_i, "", (struct superpipe_options){ 0 });
	nr_chunks = superpipe_lun_info(sp, 0)->nr_chunks;
	first = new_vlun(0, nr_chunks - 2);
	second = new_vlun(0, 1);
	ck_assert_int_eq(superpipe_vlun_resize(first, nr_chunks, &granted), 0);
	ck_assert_uint_eq(granted, nr_chunks - 1);
	ck_assert_int_eq(superpipe_vlun_resize(second, 2, &granted), -ENOSPC);
	ck_assert_int_eq(superpipe_vlun_close(first), 0);
	ck_assert_int_eq(superpipe_vlun_resize(second, 2, &granted), 0);
	ck_assert_uint_eq(granted, 2);
	finish();
}
END_TEST

START_TEST(test_emul_handles_run_out_as_enospc)
{
	struct superpipe_vlun *vlun;
	int rc = 0;

	start(0, ",handles=16", (struct superpipe_options){ 0 });
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	rc = superpipe_vlun_open(sp, 0, &vlun);
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_uint_eq(superpipe_max_handles(sp, 0), 16);
	finish();
}
END_TEST

/* One batch has ios for both LUNs, alternating. */
static void run_mixed_batch(struct superpipe_vlun *vluns[2], bool write)
{
	struct sp_wait_io waits[8];

	for (unsigned i = 0; i < 8; i++)
		sp_wait_init(&waits[i], vluns[i % 2], write, 20 * i, 5, (unsigned char)i);
	for (unsigned i = 0; i < 7; i++)
		waits[i].io.next = &waits[i + 1].io;
	superpipe_submit(sp, &waits[0].io);
	for (unsigned i = 0; i < 8; i++) {
		sp_wait_for(&waits[i]);
		ck_assert_int_eq(waits[i].io.status, 0);
		sp_wait_fini(&waits[i]);
	}
}

static void use_two_luns(void)
{
	struct superpipe_vlun *vluns[2];

	for (unsigned lun = 0; lun < 2; lun++) {
		vluns[lun] = new_vlun(lun, 1);
		ck_assert_int_eq(sp_wait_write(sp, vluns[lun], 7, 9, (unsigned char)lun), 0);
	}
	for (unsigned lun = 0; lun < 2; lun++)
		ck_assert_int_eq(sp_wait_read(sp, vluns[lun], 7, 9, (unsigned char)lun), 0);
	run_mixed_batch(vluns, true);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(sp_wait_read(sp, vluns[i % 2], 20 * i, 5, (unsigned char)i), 0);
	ck_assert_uint_eq(stats().writes, 2 * 9 + 8 * 5);
}

START_TEST(test_emul_two_luns_have_a_context_each)
{
	start(_i, ",luns=2,handles=16", (struct superpipe_options){ 0 });
	use_two_luns();
	/* Each context has handles of its own. */
	for (unsigned i = 2; i < 32; i++)
		(void)new_vlun(i % 2, 0);
	for (unsigned lun = 0; lun < 2; lun++)
		ck_assert_uint_eq(superpipe_max_handles(sp, lun), 16);
	finish();
}
END_TEST

START_TEST(test_emul_one_lun_twice_is_refused)
{
	char names[2][300];
	const char *devices[2] = { names[0], names[1] };

	emul_host_make(&host, ",luns=2,size=4G");
	for (unsigned i = 0; i < 2; i++)
		snprintf(names[i], sizeof(names[i]), "emul:%s,lun=1,port=%u", host.dir, i);
	ck_assert_int_eq(superpipe_open(devices, 2, NULL, on_explain, NULL, &sp), 0);
	ck_assert_int_eq(superpipe_attach(sp), -EINVAL);
	ck_assert_int_eq(superpipe_attach(sp), -EINVAL);
	superpipe_close(sp);
	emul_host_destroy(&host);
}
END_TEST

/* A reset loses every context, and each is recovered separately. */
START_TEST(test_emul_resets_under_load_of_two_luns_are_pauses_only)
{
	struct load loads[2][NR_LOADS];

	start(_i, ",luns=2", (struct superpipe_options){ 0 });
	emul_host_fault(&host, "at=command every=997 times=10 action=reset kind=eeh");
	for (unsigned lun = 0; lun < 2; lun++)
		start_loads(loads[lun], new_vlun(lun, 1), 40, 20, NULL);
	for (unsigned lun = 0; lun < 2; lun++)
		join_loads(loads[lun]);
	ck_assert_uint_ge(stats().recoveries, 10);
	ck_assert_uint_eq(stats().errors, 0);
	finish();
}
END_TEST

static void note_failure(void *arg, enum superpipe_event event, unsigned lun, const char *why)
{
	(void)why;
	if (event == SUPERPIPE_FAILED)
		__atomic_fetch_or((unsigned *)arg, 1u << lun, __ATOMIC_RELAXED);
}

START_TEST(test_emul_a_context_that_fails_leaves_the_other_alone)
{
	struct superpipe_vlun *vluns[2], *more;
	unsigned failed = 0;

	start(_i, ",luns=2",
	      (struct superpipe_options){ .notify = note_failure, .notify_arg = &failed });
	for (unsigned lun = 0; lun < 2; lun++)
		vluns[lun] = new_vlun(lun, 1);
	emul_host_fault(&host, "at=recover lun=1 action=enodev");
	emul_host_fault(&host, "at=command n=1 action=reset kind=eeh");
	ck_assert_int_eq(sp_wait_write(sp, vluns[1], 3, 1, 1), -EIO);
	ck_assert_int_eq(superpipe_vlun_open(sp, 1, &more), -EIO);
	ck_assert_int_eq(sp_wait_write(sp, vluns[0], 3, 9, 2), 0);
	ck_assert_int_eq(sp_wait_read(sp, vluns[0], 3, 9, 2), 0);
	(void)new_vlun(0, 2);
	ck_assert(!superpipe_failed(sp));
	finish();
	ck_assert_uint_eq(failed, 1u << 1);
}
END_TEST

START_TEST(test_emul_whole_lun_takes_large_ios)
{
	struct superpipe_vlun *plun;
	uint64_t nr_lbas;

	start(_i, "", (struct superpipe_options){ .physical = true });
	nr_lbas = superpipe_lun_info(sp, 0)->nr_lbas;
	ck_assert_uint_eq(superpipe_lun_info(sp, 0)->max_xfer_lbas, 4096);
	ck_assert_int_eq(superpipe_plun_open(sp, 0, &plun), 0);
	ck_assert_int_eq(sp_wait_write(sp, plun, nr_lbas - 5000, 5000, 9), 0);
	ck_assert_int_eq(sp_wait_read(sp, plun, nr_lbas - 5000, 5000, 9), 0);
	ck_assert_uint_eq(stats().commands, 4);
	ck_assert_int_eq(superpipe_vlun_close(plun), 0);
	finish();
}
END_TEST

START_TEST(test_emul_older_driver_closes_fd2_itself)
{
	struct superpipe_vlun *vlun;

	start(_i, ",legacy_fd", (struct superpipe_options){ 0 });
	vlun = new_vlun(0, 1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 5, 1), 0);
	emul_host_fault(&host, "at=command n=3 action=reset kind=eeh");
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 9, 2), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 9, 2), 0);
	ck_assert_uint_eq(stats().recoveries, 1);
	finish();
}
END_TEST

/* ---- faults ---- */

static void run_under(int config, const char *const rules[], unsigned nr_loads_rounds,
		      struct superpipe_options options)
{
	struct load loads[NR_LOADS];

	start(config, "", options);
	for (; *rules; rules++)
		emul_host_fault(&host, *rules);
	start_loads(loads, new_vlun(0, 1), 100, nr_loads_rounds, NULL);
	join_loads(loads);
	ck_assert_uint_eq(stats().errors, 0);
}

START_TEST(test_emul_resets_under_load_are_pauses_only)
{
	static const char *const rules[] = {
		"at=command every=997 times=20 action=reset kind=eeh",
		"at=command every=1501 times=10 action=reset kind=host",
		"at=command every=1999 times=5 action=reset kind=freeze",
		NULL,
	};

	run_under(_i, rules, 40, (struct superpipe_options){ .queue_depth = 64 });
	ck_assert_uint_ge(stats().recoveries, 10);
	finish();
}
END_TEST

START_TEST(test_emul_resets_by_the_clock_while_vluns_are_resized)
{
	struct load loads[NR_LOADS];
	struct superpipe_vlun *other;
	uint32_t stop = 0;
	uint64_t granted;

	start(_i, "", (struct superpipe_options){ 0 });
	start_loads(loads, new_vlun(0, 1), 20, 0, &stop);
	emul_host_fault(&host, "every=15ms action=reset kind=eeh");
	for (unsigned i = 0; stats().recoveries < 12; i++) {
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &other), 0);
		ck_assert_int_eq(superpipe_vlun_resize(other, 1 + i % 3, &granted), 0);
		ck_assert_uint_eq(granted, 1 + i % 3);
		ck_assert_int_eq(superpipe_vlun_close(other), 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	join_loads(loads);
	ck_assert_uint_eq(stats().errors, 0);
	finish();
}
END_TEST

START_TEST(test_emul_faults_of_commands_are_cured)
{
	static const char *const rules[] = {
		"at=command every=301 times=15 action=busy",
		"at=command every=407 times=15 action=full",
		"at=command every=503 times=5 action=attention asc=0x29",
		"at=command every=603 times=15 action=underrun resid=512",
		"at=command every=701 times=9 action=ioasa ioasc=0x00300000",
		NULL,
	};

	run_under(_i, rules, 30, (struct superpipe_options){ 0 });
	ck_assert_uint_gt(stats().retries, 20);
	finish();
}
END_TEST

START_TEST(test_emul_lost_interrupts_and_commands_are_found)
{
	static const char *const rules[] = {
		"at=interrupt prob=1/3 action=drop-interrupt",
		"at=command every=2000 times=3 action=lose",
		"at=command every=900 times=9 action=spurious-interrupt",
		NULL,
	};

	run_under(_i, rules, 20, (struct superpipe_options){ .watchdog_ms = 100 });
	ck_assert_uint_ge(stats().timeouts, 1);
	finish();
}
END_TEST

START_TEST(test_emul_medium_error_is_told_of_its_block_only)
{
	struct superpipe_vlun *vlun;
	struct sp_wait_io wait;

	start(_i, "", (struct superpipe_options){ 0 });
	vlun = new_vlun(0, 1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 30, 5), 0);
	emul_host_fault(&host, _i & 2 ? "at=read lba=136-143 action=medium"
				      : "at=read lba=17 action=medium");
	sp_wait_init(&wait, vlun, false, 0, 30, 0);
	ck_assert_int_eq(sp_wait_run(sp, &wait), -EIO);
	ck_assert_uint_eq(wait.io.nr_lbas_done, 17);
	sp_wait_fini(&wait);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 18, 12, 5), 0);
	finish();
}
END_TEST

START_TEST(test_emul_failed_sync_is_repeated)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	start(_i, "", (struct superpipe_options){ 0 });
	emul_host_fault(&host, "at=sync every=2 times=10 action=eagain");
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
		ck_assert_int_eq(superpipe_vlun_resize(vlun, 3, &granted), 0);
		ck_assert_uint_eq(granted, 3);
		ck_assert_int_eq(superpipe_vlun_resize(vlun, 1, &granted), 0);
		ck_assert_uint_eq(granted, 1);
		ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	}
	finish();
}
END_TEST

static void freeze(void)
{
	emul_reset(((struct emul_path *)host.dp)->ad, EMUL_RESET_FREEZE, 0);
}

/* Only an ioctl follows the freeze. Its sync would make the adapter fail permanently. */
START_TEST(test_emul_adapter_that_froze_unnoticed_is_recovered_before_an_ioctl)
{
	struct superpipe_vlun *vlun, *other;
	uint64_t granted;

	start(_i, "", (struct superpipe_options){ 0 });
	vlun = new_vlun(0, 1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 30, 5), 0);
	freeze();
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 3, &granted), 0);
	ck_assert_uint_eq(granted, 3);
	freeze();
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &other), 0);
	freeze();
	ck_assert_int_eq(superpipe_vlun_close(other), 0);
	ck_assert_uint_eq(stats().recoveries, 3);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 30, 5), 0);
	freeze();
	finish();
}
END_TEST

START_TEST(test_emul_permanent_failure_ends_everything_with_eio)
{
	struct load loads[NR_LOADS];
	struct superpipe_vlun *vlun;

	start(_i, "", (struct superpipe_options){ 0 });
	vlun = new_vlun(0, 1);
	emul_host_fault(&host, "at=command n=2000 action=fail");
	start_loads(loads, vlun, 100, 40, NULL);
	for (unsigned i = 0; i < NR_LOADS; i++) {
		pthread_join(loads[i].thread, NULL);
		ck_assert_int_eq(loads[i].rc, -EIO);
	}
	ck_assert(superpipe_failed(sp));
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	finish();
}
END_TEST

START_TEST(test_emul_reset_while_attaching_is_survived)
{
	char rule[100];

	emul_host_make(&host, ",luns=2,size=4G");
	for (unsigned nth = 1; nth <= 16; nth++) {
		char names[2][300];
		const char *devices[2] = { names[0], names[1] };
		struct superpipe_options options = { .recover_pause_ms = 2 };

		for (unsigned i = 0; i < 2; i++)
			snprintf(names[i], sizeof(names[i]), "emul:%s,lun=%u", host.dir, i);
		snprintf(rule, sizeof(rule), "at=ioctl n=%u action=reset kind=eeh", nth);
		ck_assert_int_eq(superpipe_open(devices, 2, &options, on_explain, NULL, &sp), 0);
		emul_host_fault(&host, rule);
		ck_assert_int_eq(superpipe_attach(sp), 0);
		ck_assert_int_eq(sp_wait_write(sp, new_vlun(1, 1), 0, 3, 3), 0);
		superpipe_close(sp);
	}
	emul_host_destroy(&host);
}
END_TEST

/* Threads start and stop polling while others submit to an adapter with latency. */
static void *poll_and_stop(void *arg)
{
	const uint32_t *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		superpipe_start_polling(sp);
		for (unsigned i = 0; i < 50; i++)
			(void)superpipe_poll(sp);
		superpipe_stop_polling(sp);
		(void)poll(NULL, 0, 1);
	}
	return NULL;
}

START_TEST(test_emul_late_completions_are_found_with_and_without_polling)
{
	struct load loads[NR_LOADS];
	pthread_t pollers[2];
	uint32_t stop = 0;

	start(_i, ",latency=read:48us,write:20us,riops=324000,wiops=185000",
	      (struct superpipe_options){ 0 });
	start_loads(loads, new_vlun(0, 1), 40, 5, NULL);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&pollers[i], NULL, poll_and_stop, &stop), 0);
	join_loads(loads);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(pollers[i], NULL);
	ck_assert_uint_eq(stats().errors, 0);
	ck_assert_uint_eq(stats().timeouts, 0);
	finish();
}
END_TEST

static Suite *emul_suite(void)
{
	Suite *suite = suite_create("superpipe on the emulator");
	TCase *core = tcase_create("core");
	TCase *faults = tcase_create("faults");

	tcase_add_loop_test(core, test_emul_blocks_are_read_as_they_were_written, 0, NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_blocks_beyond_the_vlun_fail_and_are_told, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_many_threads_with_ios_larger_than_the_queue, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_resizing_one_vlun_does_not_disturb_the_ios_of_another,
			    0, NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_growth_stops_at_the_end_of_the_lun, 0, 4);
	tcase_add_test(core, test_emul_handles_run_out_as_enospc);
	tcase_add_loop_test(core, test_emul_two_luns_have_a_context_each, 0, NR_CONFIGS);
	tcase_add_test(core, test_emul_one_lun_twice_is_refused);
	tcase_add_loop_test(core, test_emul_a_context_that_fails_leaves_the_other_alone, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_resets_under_load_of_two_luns_are_pauses_only, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_whole_lun_takes_large_ios, 0, NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_late_completions_are_found_with_and_without_polling, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(core, test_emul_older_driver_closes_fd2_itself, 0, NR_CONFIGS);
	tcase_set_timeout(core, 120);
	suite_add_tcase(suite, core);

	tcase_add_loop_test(faults, test_emul_resets_under_load_are_pauses_only, 0, NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_resets_by_the_clock_while_vluns_are_resized, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_faults_of_commands_are_cured, 0, NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_lost_interrupts_and_commands_are_found, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_medium_error_is_told_of_its_block_only, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_failed_sync_is_repeated, 0, 2);
	tcase_add_loop_test(faults,
			    test_emul_adapter_that_froze_unnoticed_is_recovered_before_an_ioctl, 0,
			    NR_CONFIGS);
	tcase_add_loop_test(faults, test_emul_permanent_failure_ends_everything_with_eio, 0,
			    NR_CONFIGS);
	tcase_add_test(faults, test_emul_reset_while_attaching_is_survived);
	tcase_set_timeout(faults, 120);
	suite_add_tcase(suite, faults);
	return suite;
}

int main(void)
{
	return run_suite(emul_suite());
}
