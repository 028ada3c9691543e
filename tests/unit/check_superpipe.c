/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts, handles and commands on a scripted adapter. */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "superpipe/superpipe.h"
#include "support/fake_port.h"
#include "support/sp_wait.h"
#include "wire/cxlflash_abi.h"

static struct fake_port *fake;
static struct superpipe *sp;
static char explained[512];

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	strncpy(explained, text, sizeof(explained) - 1);
}

static void open_sp(const struct fake_port_config *config, struct superpipe_options options,
		    unsigned nr_luns)
{
	const char *devices[2];

	fake = fake_port_new(config);
	for (unsigned i = 0; i < nr_luns; i++)
		devices[i] = fake_port_device(fake, i);
	options.ops = &fake_port_ops;
	explained[0] = '\0';
	ck_assert_int_eq(superpipe_open(devices, nr_luns, &options, on_explain, NULL, &sp), 0);
}

static void start(struct fake_port_config config, struct superpipe_options options)
{
	open_sp(&config, options, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	fake_port_trace_clear(fake);
}

static void finish(void)
{
	superpipe_close(sp);
	ck_assert_uint_eq(fake_port_nr_breaches(fake), 0);
	fake_port_free(fake);
}

static struct superpipe_vlun *new_vlun(uint64_t nr_chunks)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, nr_chunks, &granted), 0);
	ck_assert_uint_eq(granted, nr_chunks);
	return vlun;
}

/* Both command modes and both block sizes: the index of a loop test. */
static struct fake_port_config config_of(int i)
{
	return (struct fake_port_config){ .sq_mode = i & 1, .block_bytes = i & 2 ? 512 : 4096 };
}

#define NR_CONFIGS 4

/* ---- context ---- */

START_TEST(test_context_is_made_and_ended_in_the_order_of_the_table)
{
	open_sp(&(struct fake_port_config){ .sq_mode = true }, (struct superpipe_options){ 0 }, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_str_eq(fake_port_trace(fake), " open attach map virtual release");
	fake_port_trace_clear(fake);
	superpipe_close(sp);
	ck_assert_str_eq(fake_port_trace(fake), " detach unmap close-fd");
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_of_an_older_driver_is_unmapped_and_fd2_left_alone)
{
	open_sp(&(struct fake_port_config){ .driver_closes_fd = true },
		(struct superpipe_options){ 0 }, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	fake_port_trace_clear(fake);
	superpipe_close(sp);
	ck_assert_str_eq(fake_port_trace(fake), " unmap detach");
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_of_all_luns_ends_before_each_gets_its_own)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 2);
	fake_port_trace_clear(fake);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	ck_assert_uint_eq(superpipe_nr_luns(sp), 2);
	ck_assert_ptr_eq(strstr(fake_port_trace(fake),
				" attach reuse map detach detach unmap close-fd attach map "),
			 fake_port_trace(fake));
	ck_assert_uint_eq(fake_port_trace_count(fake, "attach"), 3);
	ck_assert_uint_eq(fake_port_trace_count(fake, "map"), 3);
	fake_port_trace_clear(fake);
	superpipe_close(sp);
	ck_assert_str_eq(fake_port_trace(fake), " detach unmap close-fd detach unmap close-fd");
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_never_attached_is_closed_without_an_ioctl)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 1);
	superpipe_close(sp);
	ck_assert_str_eq(fake_port_trace(fake), " open");
	fake_port_free(fake);
	superpipe_close(NULL);
}
END_TEST

START_TEST(test_context_attach_is_tried_again_and_with_fewer_interrupts)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 1);
	fake_port_refuse(fake, DK_IOCTL_ATTACH, -EAGAIN, 2);
	fake_port_refuse(fake, DK_IOCTL_ATTACH, -EINVAL, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	finish();
}
END_TEST

START_TEST(test_context_attach_failure_is_explained_and_leaves_nothing)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 2);
	fake_port_trace_clear(fake);
	fake_port_refuse(fake, DK_IOCTL_ATTACH, -ENODEV, 1);
	ck_assert_int_eq(superpipe_attach(sp), -ENODEV);
	ck_assert_ptr_nonnull(strstr(explained, "the adapter has failed"));
	ck_assert_str_eq(fake_port_trace(fake), "");
	/* A second try works. */
	ck_assert_int_eq(superpipe_attach(sp), 0);
	finish();
}
END_TEST

START_TEST(test_context_of_another_adapter_is_refused_and_undone)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 2);
	fake_port_trace_clear(fake);
	/* The first attach passes, so the refusals have to meet the second. */
	fake_port_refuse_after_effect(fake, DK_IOCTL_ATTACH, 0, 1);
	fake_port_refuse(fake, DK_IOCTL_ATTACH, -EINVAL, 1);
	ck_assert_int_eq(superpipe_attach(sp), -EINVAL);
	ck_assert_ptr_nonnull(strstr(explained, "not on the same adapter"));
	ck_assert_str_eq(fake_port_trace(fake), " attach recover detach close-fd");
	superpipe_close(sp);
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_in_use_the_other_way_is_explained)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 1);
	fake_port_refuse(fake, DK_IOCTL_USER_VIRTUAL, -EINVAL, 2);
	ck_assert_int_eq(superpipe_attach(sp), -EBUSY);
	ck_assert_ptr_nonnull(strstr(explained, "another program"));
	ck_assert_uint_eq(fake_port_trace_count(fake, "close-fd"), 1);
	superpipe_close(sp);
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_tells_what_a_lun_is)
{
	const struct superpipe_lun_info *info;

	open_sp(&(struct fake_port_config){ .block_bytes = 512, .nr_chunks = 5 },
		(struct superpipe_options){ 0 }, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	info = superpipe_lun_info(sp, 0);
	ck_assert_uint_eq(info->block_bytes, 512);
	ck_assert_uint_eq(info->chunk_lbas, 8192);
	ck_assert_uint_eq(info->nr_chunks, 5);
	ck_assert_uint_eq(info->nr_lbas, 5 * 8192);
	ck_assert_uint_eq(info->max_xfer_lbas, 256);
	finish();
}
END_TEST

START_TEST(test_context_lost_during_attach_is_recovered)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 2);
	/* The reuse attach meets a lost context: after its EINVAL cxlfs recovers the context. */
	fake_port_refuse_after_effect(fake, DK_IOCTL_ATTACH, 0, 1);
	fake_port_refuse(fake, DK_IOCTL_ATTACH, -EINTR, 1);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	finish();
}
END_TEST

START_TEST(test_context_that_is_never_mapped_is_not_attached)
{
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 1);
	fake_port_refuse_map(fake, -EIO, 3);
	ck_assert_int_eq(superpipe_attach(sp), 0);
	superpipe_close(sp);
	fake_port_free(fake);

	/* RECOVER_AFU always reports that the context is good. */
	open_sp(&(struct fake_port_config){ 0 }, (struct superpipe_options){ 0 }, 1);
	fake_port_refuse_map(fake, -EIO, 1000);
	ck_assert_int_eq(superpipe_attach(sp), -EIO);
	ck_assert_ptr_nonnull(strstr(explained, "cannot map the registers"));
	ck_assert_uint_eq(fake_port_trace_count(fake, "detach"), 1);
	ck_assert_uint_eq(fake_port_trace_count(fake, "close-fd"), 1);
	superpipe_close(sp);
	fake_port_free(fake);
}
END_TEST

START_TEST(test_context_takes_no_more_luns_than_it_can)
{
	const char *devices[SUPERPIPE_MAX_LUNS + 1];

	for (unsigned i = 0; i <= SUPERPIPE_MAX_LUNS; i++)
		devices[i] = "emul:nowhere";
	ck_assert_int_eq(superpipe_open(devices, SUPERPIPE_MAX_LUNS + 1, NULL, on_explain, NULL,
					&sp),
			 -EINVAL);
	ck_assert_int_eq(superpipe_open(devices, 0, NULL, on_explain, NULL, &sp), -EINVAL);
}
END_TEST

/* ---- handles ---- */

START_TEST(test_vlun_is_made_empty_and_then_resized)
{
	struct superpipe_vlun *vlun;
	uint64_t granted = 99;

	start((struct fake_port_config){ .block_bytes = 512 }, (struct superpipe_options){ 0 });
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 3, &granted), 0);
	ck_assert_uint_eq(granted, 3);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 0, &granted), 0);
	ck_assert_uint_eq(granted, 0);
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	ck_assert_str_eq(fake_port_trace(fake), " virtual resize resize release");
	finish();
}
END_TEST

START_TEST(test_vlun_growth_that_is_granted_in_part_is_told)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	fake_port_grant(fake, 2);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 5, &granted), 0);
	ck_assert_uint_eq(granted, 2);
	finish();
}
END_TEST

START_TEST(test_vlun_size_that_would_wrap_in_the_driver_is_cut_to_the_lun)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	start((struct fake_port_config){ .nr_chunks = 9 }, (struct superpipe_options){ 0 });
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, UINT64_MAX / 65536 + 1, &granted), 0);
	ck_assert_uint_eq(granted, 9);
	finish();
}
END_TEST

START_TEST(test_vlun_failed_sync_is_repeated)
{
	struct superpipe_vlun *vlun;
	uint64_t granted;

	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	fake_port_refuse(fake, DK_IOCTL_USER_VIRTUAL, -EAGAIN, 1);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), 0);
	fake_port_refuse_after_effect(fake, DK_IOCTL_VLUN_RESIZE, -EAGAIN, 2);
	fake_port_refuse(fake, DK_IOCTL_VLUN_RESIZE, -EINTR, 1);
	ck_assert_int_eq(superpipe_vlun_resize(vlun, 4, &granted), 0);
	ck_assert_uint_eq(granted, 4);
	fake_port_refuse(fake, DK_IOCTL_RELEASE, -EAGAIN, 1);
	fake_port_refuse(fake, DK_IOCTL_RELEASE, -ENOMEM, 1);
	ck_assert_int_eq(superpipe_vlun_close(vlun), 0);
	ck_assert_uint_eq(fake_port_trace_count(fake, "release"), 1);
	finish();
}
END_TEST

START_TEST(test_vlun_errnos_are_those_of_the_contract)
{
	struct superpipe_vlun *vlun, *vluns[FAKE_MAX_HANDLES];
	uint64_t granted = 77;

	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	for (unsigned i = 0; i < FAKE_MAX_HANDLES; i++)
		ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vluns[i]), 0);
	ck_assert_uint_gt(superpipe_max_handles(sp, 0), FAKE_MAX_HANDLES);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), -ENOSPC);
	ck_assert_uint_eq(superpipe_max_handles(sp, 0), FAKE_MAX_HANDLES);
	fake_port_refuse(fake, DK_IOCTL_VLUN_RESIZE, -ENOSPC, 1);
	ck_assert_int_eq(superpipe_vlun_resize(vluns[0], 1, &granted), -ENOSPC);
	fake_port_refuse(fake, DK_IOCTL_VLUN_RESIZE, -ENOMEM, 1);
	ck_assert_int_eq(superpipe_vlun_resize(vluns[0], 1, &granted), -ENOMEM);
	ck_assert_uint_eq(granted, 77);
	fake_port_refuse(fake, DK_IOCTL_USER_VIRTUAL, -EINVAL, 1);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), -EBUSY);
	fake_port_refuse(fake, DK_IOCTL_USER_VIRTUAL, -ENOSPC, 1);
	ck_assert_int_eq(superpipe_vlun_open(sp, 0, &vlun), -ENOSPC);
	ck_assert_int_eq(superpipe_vlun_open(sp, 1, &vlun), -EINVAL);
	finish(); /* releases what is left */
}
END_TEST

START_TEST(test_vlun_left_open_is_released_at_close)
{
	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	(void)new_vlun(1);
	(void)new_vlun(1);
	fake_port_trace_clear(fake);
	superpipe_close(sp);
	ck_assert_str_eq(fake_port_trace(fake), " release release detach unmap close-fd");
	fake_port_free(fake);
}
END_TEST

/* ---- commands ---- */

START_TEST(test_io_writes_and_reads_back)
{
	struct superpipe_vlun *vlun;

	start(config_of(_i), (struct superpipe_options){ 0 });
	vlun = new_vlun(1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 3, 1, 0x5a), 0);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 4, 7, 0xa5), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 3, 1, 0x5a), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 4, 7, 0xa5), 0);
	ck_assert_uint_eq(fake_port_media(fake, 0)[3 * 4096 - 1], 0);
	ck_assert_uint_eq(fake_port_media(fake, 0)[11 * 4096], 0);
	finish();
}
END_TEST

START_TEST(test_io_ioarcb_is_as_the_adapter_wants_it)
{
	static const uint8_t cdb_512[16] = { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0x09, 0x18, 0, 0, 0, 8 };
	struct superpipe_vlun *vlun;
	struct sisl_ioarcb ioarcb;

	start((struct fake_port_config){ .block_bytes = 512, .sq_mode = true },
	      (struct superpipe_options){ 0 });
	vlun = new_vlun(1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0x123, 1, 1), 0);
	ioarcb = fake_port_last_ioarcb(fake);
	ck_assert_uint_eq(ioarcb.ctx_id, 7);
	ck_assert_uint_eq(ioarcb.req_flags, SISL_REQ_RES_HNDL | SISL_REQ_HOST_WRITE);
	ck_assert_uint_eq(ioarcb.res_hndl, 0);
	ck_assert_uint_eq(ioarcb.data_len, 4096);
	ck_assert_uint_eq(ioarcb.ioadl_len, 0);
	ck_assert_uint_eq(ioarcb.msi, SISL_LISN_RRQ);
	ck_assert_uint_eq(ioarcb.rrq, 0);
	ck_assert_uint_eq(ioarcb.timeout, 5);
	ck_assert_mem_eq(ioarcb.cdb, cdb_512, sizeof(cdb_512));
	ck_assert_uint_ne(ioarcb.ioasa_ea, 0);
	ck_assert_uint_eq(ioarcb.ioasa_ea % 64, 0);
	finish();
}
END_TEST

START_TEST(test_io_larger_than_the_queue_goes_through)
{
	struct superpipe_vlun *vlun;

	start(config_of(_i), (struct superpipe_options){ .queue_depth = 4 });
	vlun = new_vlun(1);
	for (unsigned round = 0; round < 5; round++) {
		ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 333, (unsigned char)round), 0);
		ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 333, (unsigned char)round), 0);
	}
	ck_assert_uint_eq(fake_port_nr_commands(fake), 5 * 2 * 333);
	finish();
}
END_TEST

START_TEST(test_io_batch_rings_once_where_the_mode_allows)
{
	struct superpipe_vlun *vlun;
	struct sp_wait_io waits[8];

	start((struct fake_port_config){ .sq_mode = _i, .cmd_room = 64 },
	      (struct superpipe_options){ 0 });
	vlun = new_vlun(1);
	for (unsigned i = 0; i < 8; i++) {
		sp_wait_init(&waits[i], vlun, true, i * 2, 2, (unsigned char)i);
		if (i)
			waits[i - 1].io.next = &waits[i].io;
	}
	superpipe_submit(sp, &waits[0].io);
	for (unsigned i = 0; i < 8; i++) {
		sp_wait_for(&waits[i]);
		ck_assert_int_eq(waits[i].io.status, 0);
		ck_assert_uint_eq(waits[i].io.nr_lbas_done, 2);
		ck_assert_uint_eq(waits[i].nr_calls, 1);
		ck_assert_uint_eq(fake_port_media(fake, 0)[i * 2 * 4096], i);
		sp_wait_fini(&waits[i]);
	}
	ck_assert_uint_eq(fake_port_nr_doorbells(fake), _i ? 1 : 16);
	finish();
}
END_TEST

START_TEST(test_io_on_a_whole_lun_uses_large_commands)
{
	struct superpipe_vlun *plun;

	start((struct fake_port_config){ .sq_mode = _i, .max_xfer_lbas = 64 },
	      (struct superpipe_options){ .physical = true });
	ck_assert_int_eq(superpipe_plun_open(sp, 0, &plun), 0);
	ck_assert_int_eq(sp_wait_write(sp, plun, 10, 200, 0x77), 0);
	ck_assert_uint_eq(fake_port_nr_commands(fake), 4);
	ck_assert_uint_eq(fake_port_last_ioarcb(fake).data_len, 8 * 4096);
	ck_assert_int_eq(sp_wait_read(sp, plun, 10, 200, 0x77), 0);
	ck_assert_int_eq(superpipe_vlun_close(plun), 0);
	finish();
}
END_TEST

/* A device that holds commands until fake_port_complete(). If @config has bit 0x2, it does not
 * interrupt.
 */
static struct superpipe_vlun *start_held(int config)
{
	start((struct fake_port_config){ .sq_mode = config & 1,
					 .manual = true,
					 .silent = config & 2 },
	      (struct superpipe_options){ 0 });
	return new_vlun(1);
}

START_TEST(test_io_late_completion_is_reaped_by_the_interrupt)
{
	struct superpipe_vlun *vlun = start_held(_i);
	struct sp_wait_io wait;

	sp_wait_init(&wait, vlun, true, 0, 3, 9);
	superpipe_submit(sp, &wait.io);
	ck_assert_uint_eq(fake_port_nr_held(fake), 3);
	ck_assert(!sp_wait_ended(&wait));
	ck_assert_uint_eq(fake_port_complete(fake, 3), 3);
	sp_wait_for(&wait); /* silent: a lost interrupt must not matter */
	ck_assert_int_eq(wait.io.status, 0);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

START_TEST(test_io_completion_is_found_by_a_polling_thread)
{
	struct superpipe_vlun *vlun = start_held(_i);
	struct sp_wait_io wait;

	for (unsigned i = 0; i < 20; i++) {
		sp_wait_init(&wait, vlun, true, i, 1, 9);
		superpipe_start_polling(sp);
		superpipe_submit(sp, &wait.io);
		ck_assert(!superpipe_poll(sp));
		ck_assert(!sp_wait_ended(&wait));
		ck_assert_uint_eq(fake_port_complete(fake, 1), 1);
		/* The reaper checks from time to time and may find it first. */
		ck_assert(superpipe_poll(sp) || sp_wait_ended(&wait));
		sp_wait_for(&wait);
		superpipe_stop_polling(sp);
		ck_assert_int_eq(wait.io.status, 0);
		sp_wait_fini(&wait);
	}
	finish();
}
END_TEST

START_TEST(test_io_interrupts_if_the_polling_thread_does_not_poll)
{
	struct superpipe_vlun *vlun = start_held(_i);
	struct superpipe_stats stats;
	struct sp_wait_io wait;

	superpipe_start_polling(sp);
	sp_wait_init(&wait, vlun, true, 0, 1, 9);
	superpipe_submit(sp, &wait.io);
	ck_assert_uint_eq(fake_port_complete(fake, 1), 1);
	sp_wait_for(&wait);
	sp_wait_fini(&wait);
	do {
		sched_yield();
		superpipe_get_stats(sp, &stats);
	} while (!stats.interrupts);
	superpipe_stop_polling(sp);
	finish();
}
END_TEST

START_TEST(test_io_is_reaped_by_the_reaper_after_polling_stops)
{
	struct superpipe_vlun *vlun = start_held(_i);
	struct sp_wait_io wait;

	for (unsigned i = 0; i < 20; i++) {
		sp_wait_init(&wait, vlun, true, i, 1, 9);
		superpipe_start_polling(sp);
		superpipe_start_polling(sp);
		superpipe_submit(sp, &wait.io);
		superpipe_stop_polling(sp);
		if (i & 1)
			superpipe_stop_polling(sp);
		ck_assert_uint_eq(fake_port_complete(fake, 1), 1);
		if (!(i & 1))
			superpipe_stop_polling(sp);
		sp_wait_for(&wait);
		ck_assert_int_eq(wait.io.status, 0);
		sp_wait_fini(&wait);
	}
	finish();
}
END_TEST

struct chain {
	struct superpipe_io io;
	unsigned left;
	bool inside;
	unsigned depth, max_depth;
	pthread_mutex_t lock;
	pthread_cond_t over;
};

static void on_chain_done(struct superpipe_io *io)
{
	struct chain *chain = (struct chain *)io;

	ck_assert_int_eq(io->status, 0);
	if (++chain->depth > chain->max_depth)
		chain->max_depth = chain->depth;
	pthread_mutex_lock(&chain->lock);
	if (--chain->left) {
		pthread_mutex_unlock(&chain->lock);
		superpipe_submit(sp, io);
		chain->depth--;
		return;
	}
	chain->depth--;
	pthread_cond_signal(&chain->over);
	pthread_mutex_unlock(&chain->lock);
}

START_TEST(test_io_callback_that_submits_does_not_deepen_the_stack)
{
	static char buf[4096] __attribute__((aligned(4096)));
	struct chain chain = { .left = 20000,
			       .lock = PTHREAD_MUTEX_INITIALIZER,
			       .over = PTHREAD_COND_INITIALIZER };

	start((struct fake_port_config){ .sq_mode = _i }, (struct superpipe_options){ 0 });
	chain.io = (struct superpipe_io){ .vlun = new_vlun(1),
					  .lba = 1,
					  .nr_lbas = 1,
					  .write = true,
					  .buf = buf,
					  .done = on_chain_done };
	superpipe_submit(sp, &chain.io);
	pthread_mutex_lock(&chain.lock);
	while (chain.left)
		pthread_cond_wait(&chain.over, &chain.lock);
	pthread_mutex_unlock(&chain.lock);
	ck_assert_uint_eq(chain.max_depth, 1);
	finish();
}
END_TEST

struct worker {
	struct superpipe_vlun *vlun;
	uint64_t first_lba;
	unsigned nr_rounds;
	unsigned char seed;
	int rc;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (unsigned i = 0; i < worker->nr_rounds && !worker->rc; i++) {
		unsigned char fill = (unsigned char)(worker->seed + i);
		uint32_t nr_lbas = 1 + i % 37;

		worker->rc = sp_wait_write(sp, worker->vlun, worker->first_lba, nr_lbas, fill);
		if (!worker->rc)
			worker->rc =
				sp_wait_read(sp, worker->vlun, worker->first_lba, nr_lbas, fill);
	}
	return NULL;
}

#define NR_WORKERS 8

START_TEST(test_io_of_many_threads_each_finds_its_own_data)
{
	struct worker workers[NR_WORKERS];
	pthread_t threads[NR_WORKERS];

	start(config_of(_i), (struct superpipe_options){ .queue_depth = 32 });
	for (unsigned i = 0; i < NR_WORKERS; i++) {
		workers[i] = (struct worker){ .vlun = new_vlun(1),
					      .nr_rounds = 60,
					      .first_lba = i * 40,
					      .seed = (unsigned char)(i * 31) };
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < NR_WORKERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(workers[i].rc, 0);
	}
	finish();
}
END_TEST

START_TEST(test_io_waits_for_room_and_goes_on_by_itself)
{
	struct superpipe_vlun *vlun;
	struct sp_wait_io wait;

	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	vlun = new_vlun(1);
	fake_port_set_room(fake, 0);
	sp_wait_init(&wait, vlun, true, 0, 2, 9);
	superpipe_submit(sp, &wait.io);
	ck_assert(!sp_wait_ended(&wait));
	ck_assert_uint_eq(fake_port_nr_doorbells(fake), 0);
	fake_port_set_room(fake, 1);
	sp_wait_for(&wait);
	ck_assert_int_eq(wait.io.status, 0);
	sp_wait_fini(&wait);
	finish();
}
END_TEST

START_TEST(test_stats_count_what_happened)
{
	struct superpipe_stats stats;
	struct superpipe_vlun *vlun;

	start((struct fake_port_config){ 0 }, (struct superpipe_options){ 0 });
	vlun = new_vlun(1);
	ck_assert_int_eq(sp_wait_write(sp, vlun, 0, 5, 1), 0);
	ck_assert_int_eq(sp_wait_read(sp, vlun, 0, 2, 1), 0);
	superpipe_get_stats(sp, &stats);
	ck_assert_uint_eq(stats.commands, 7);
	ck_assert_uint_eq(stats.writes, 5);
	ck_assert_uint_eq(stats.reads, 2);
	ck_assert_uint_eq(stats.errors, 0);
	ck_assert_uint_eq(stats.recoveries, 0);
	finish();
}
END_TEST

static Suite *superpipe_suite(void)
{
	Suite *suite = suite_create("superpipe");
	TCase *context = tcase_create("context");
	TCase *handles = tcase_create("handles");
	TCase *commands = tcase_create("commands");

	tcase_add_test(context, test_context_is_made_and_ended_in_the_order_of_the_table);
	tcase_add_test(context, test_context_of_an_older_driver_is_unmapped_and_fd2_left_alone);
	tcase_add_test(context, test_context_of_all_luns_ends_before_each_gets_its_own);
	tcase_add_test(context, test_context_never_attached_is_closed_without_an_ioctl);
	tcase_add_test(context, test_context_attach_is_tried_again_and_with_fewer_interrupts);
	tcase_add_test(context, test_context_attach_failure_is_explained_and_leaves_nothing);
	tcase_add_test(context, test_context_of_another_adapter_is_refused_and_undone);
	tcase_add_test(context, test_context_in_use_the_other_way_is_explained);
	tcase_add_test(context, test_context_tells_what_a_lun_is);
	tcase_add_test(context, test_context_lost_during_attach_is_recovered);
	tcase_add_test(context, test_context_that_is_never_mapped_is_not_attached);
	tcase_add_test(context, test_context_takes_no_more_luns_than_it_can);
	suite_add_tcase(suite, context);

	tcase_add_test(handles, test_vlun_is_made_empty_and_then_resized);
	tcase_add_test(handles, test_vlun_growth_that_is_granted_in_part_is_told);
	tcase_add_test(handles, test_vlun_size_that_would_wrap_in_the_driver_is_cut_to_the_lun);
	tcase_add_test(handles, test_vlun_failed_sync_is_repeated);
	tcase_add_test(handles, test_vlun_errnos_are_those_of_the_contract);
	tcase_add_test(handles, test_vlun_left_open_is_released_at_close);
	suite_add_tcase(suite, handles);

	tcase_set_timeout(commands, 120);
	tcase_add_loop_test(commands, test_io_writes_and_reads_back, 0, NR_CONFIGS);
	tcase_add_test(commands, test_io_ioarcb_is_as_the_adapter_wants_it);
	tcase_add_loop_test(commands, test_io_larger_than_the_queue_goes_through, 0, NR_CONFIGS);
	tcase_add_loop_test(commands, test_io_batch_rings_once_where_the_mode_allows, 0, 2);
	tcase_add_loop_test(commands, test_io_on_a_whole_lun_uses_large_commands, 0, 2);
	tcase_add_loop_test(commands, test_io_late_completion_is_reaped_by_the_interrupt, 0, 4);
	tcase_add_loop_test(commands, test_io_completion_is_found_by_a_polling_thread, 0, 4);
	tcase_add_loop_test(commands, test_io_is_reaped_by_the_reaper_after_polling_stops, 0, 4);
	tcase_add_loop_test(commands, test_io_interrupts_if_the_polling_thread_does_not_poll, 0, 2);
	tcase_add_loop_test(commands, test_io_callback_that_submits_does_not_deepen_the_stack, 0,
			    2);
	tcase_add_loop_test(commands, test_io_of_many_threads_each_finds_its_own_data, 0,
			    NR_CONFIGS);
	tcase_add_test(commands, test_io_waits_for_room_and_goes_on_by_itself);
	tcase_add_test(commands, test_stats_count_what_happened);
	suite_add_tcase(suite, commands);
	return suite;
}

int main(void)
{
	return run_suite(superpipe_suite());
}
