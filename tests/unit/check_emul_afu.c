/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the emulated AFU: both command modes, both block sizes. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/adapter.h"
#include "support/emul_host.h"

static const char *const kinds[] = {
	"size=1G,mode=sq,bs=4096",
	"size=1G,mode=ioarrin,bs=4096,cmdroom=512",
	"size=1G,mode=sq,bs=512",
	"size=1G,mode=ioarrin,bs=512,cmdroom=512",
};

#define NR_KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))
#define QUEUE    64

static struct emul_host host;
static uint8_t *buf;

static void start(int kind)
{
	emul_host_make(&host, kinds[kind]);
	emul_host_attach(&host, QUEUE, QUEUE + 1);
	buf = aligned_alloc(4096, 256 * 4096);
	memset(buf, 0, 256 * 4096);
}

static void stop(void)
{
	free(buf);
	emul_host_destroy(&host);
}

static uint64_t blocks(uint64_t lbas)
{
	return lbas * (SISL_LBA_BYTES / host.block_bytes);
}

static void io(bool write, uint32_t handle, uint64_t lba, void *at)
{
	emul_host_io(&host, write, handle, blocks(lba), (uint32_t)blocks(1), at);
}

static void fill(uint8_t *at, uint8_t seed)
{
	for (unsigned i = 0; i < 4096; i++)
		at[i] = (uint8_t)(seed + i * 7 + i / 256);
}

/* ---- reading and writing ---- */

START_TEST(test_what_is_written_is_read)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 2);
	for (unsigned lba = 0; lba < 8; lba++) {
		fill(buf, (uint8_t)lba);
		io(true, handle, lba, buf);
	}
	for (unsigned lba = 0; lba < 8; lba++) {
		fill(buf, (uint8_t)lba);
		memset(buf + 4096, 0xaa, 4096);
		io(false, handle, lba, buf + 4096);
		ck_assert_mem_eq(buf, buf + 4096, 4096);
	}
	stop();
}
END_TEST

START_TEST(test_blocks_never_written_read_as_zeros_on_a_new_lun)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	memset(buf, 0xaa, 4096);
	io(false, handle, 5, buf);
	for (unsigned i = 0; i < 4096; i++)
		ck_assert_uint_eq(buf[i], 0);
	stop();
}
END_TEST

START_TEST(test_chunks_of_two_vluns_are_apart_and_lead_through_the_lxt)
{
	uint64_t chunk, got;
	uint32_t a, b;

	start(_i);
	chunk = SISL_CHUNK_DEV_BLOCKS * host.block_bytes / SISL_LBA_BYTES;
	a = emul_host_virtual(&host, 1);
	b = emul_host_virtual(&host, 1);
	ck_assert_int_eq(emul_host_resize(&host, a, 2, &got), 0); /* chunks 0 and 2 of the LUN */
	fill(buf, 1);
	io(true, a, chunk - 1, buf);
	fill(buf, 2);
	io(true, a, chunk, buf);
	fill(buf, 3);
	io(true, b, 0, buf);
	fill(buf, 1);
	io(false, a, chunk - 1, buf + 4096);
	ck_assert_mem_eq(buf, buf + 4096, 4096);
	fill(buf, 2);
	io(false, a, chunk, buf + 4096);
	ck_assert_mem_eq(buf, buf + 4096, 4096);
	fill(buf, 3);
	io(false, b, 0, buf + 4096);
	ck_assert_mem_eq(buf, buf + 4096, 4096);
	stop();
}
END_TEST

START_TEST(test_a_physical_handle_moves_a_megabyte_with_one_command)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_direct(&host);
	for (unsigned i = 0; i < 128; i++)
		fill(buf + i * 4096, (uint8_t)i);
	emul_host_io(&host, true, handle, blocks(3), (uint32_t)blocks(128), buf);
	emul_host_io(&host, false, handle, blocks(3), (uint32_t)blocks(128), buf + 128 * 4096);
	ck_assert_mem_eq(buf, buf + 128 * 4096, 128 * 4096);
	stop();
}
END_TEST

START_TEST(test_host_use_words_of_the_ioasa_are_never_written)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf);
	for (unsigned i = 0; i < SISL_HOST_USE_WORDS; i++)
		host.slots[0].ioasa.host_use[i] = 0x5a5a5a5a5a5a5a5a;
	ck_assert_uint_eq(emul_host_do(&host, 0), 0);
	for (unsigned i = 0; i < SISL_HOST_USE_WORDS; i++)
		ck_assert_uint_eq(host.slots[0].ioasa.host_use[i], 0x5a5a5a5a5a5a5a5a);
	ck_assert_uint_eq(host.slots[0].ioasa.resid, 0);
	stop();
}
END_TEST

/* ---- queues ---- */

START_TEST(test_rings_wrap_and_the_toggle_flips)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	for (unsigned round = 0; round < 5 * QUEUE; round++) {
		fill(buf, (uint8_t)round);
		io(true, handle, round, buf);
	}
	ck_assert_uint_eq(host.toggle, 0); /* after five turns of the RRQ */
	for (unsigned round = 0; round < 5 * QUEUE; round++) {
		fill(buf, (uint8_t)round);
		io(false, handle, round, buf + 4096);
		ck_assert_mem_eq(buf, buf + 4096, 4096);
	}
	stop();
}
END_TEST

START_TEST(test_a_full_queue_is_executed_by_one_run)
{
	uint32_t handle;
	bool seen[QUEUE] = { false };

	start(_i);
	handle = emul_host_virtual(&host, 1);
	io(true, handle, 0, buf); /* so that it does not begin at the ring's start */
	for (unsigned i = 0; i < QUEUE; i++) {
		fill(buf + i * 4096, (uint8_t)i);
		emul_host_fill(&host, i, true, handle, blocks(i), (uint32_t)blocks(1),
			       buf + i * 4096);
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), QUEUE);
	for (unsigned i = 0; i < QUEUE; i++) {
		int slot = emul_host_reap(&host);

		ck_assert_int_ge(slot, 0);
		ck_assert(!seen[slot]);
		seen[slot] = true;
		ck_assert_uint_eq(emul_host_ioasc(&host, (unsigned)slot), 0);
	}
	ck_assert_int_eq(emul_host_reap(&host), -1);
	for (unsigned i = 0; i < QUEUE; i++) {
		io(false, handle, i, buf + 255 * 4096);
		ck_assert_mem_eq(buf + i * 4096, buf + 255 * 4096, 4096);
	}
	stop();
}
END_TEST

START_TEST(test_buffers_in_any_order_and_overlapping_blocks_act_as_if_alone)
{
	uint32_t handle;
	uint8_t expect[4][4096];
	/* neighbours backwards, the same block twice, read of what the batch has just written */
	static const struct {
		bool write;
		uint8_t lba, seed;
	} steps[] = {
		{ true, 1, 10 }, { true, 0, 20 }, { true, 1, 30 }, { true, 2, 40 }, { false, 1, 0 },
		{ false, 2, 0 }, { true, 2, 50 }, { false, 2, 0 }, { true, 3, 60 }, { false, 3, 0 },
	};

	start(_i);
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < 10; i++) {
		uint8_t *at = buf + (9 - i) * 8192;

		if (steps[i].write)
			fill(at, steps[i].seed);
		emul_host_fill(&host, i, steps[i].write, handle, blocks(steps[i].lba),
			       (uint32_t)blocks(1), at);
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), 10);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_eq(emul_host_reap(&host), (int)i);
		ck_assert_uint_eq(emul_host_ioasc(&host, i), 0);
		if (steps[i].write)
			fill(expect[steps[i].lba], steps[i].seed);
		else
			ck_assert_mem_eq(buf + (9 - i) * 8192, expect[steps[i].lba], 4096);
	}
	stop();
}
END_TEST

START_TEST(test_failing_neighbours_fail_alone)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < 9; i++) {
		struct sisl_ioarcb *ioarcb;

		fill(buf + i * 4096, (uint8_t)(i + 1));
		ioarcb = emul_host_fill(&host, i, true, handle, blocks(i), (uint32_t)blocks(1),
					buf + i * 4096);
		if (i % 3 == 1)
			ioarcb->ctx_id ^= 1;
		if (i % 3 == 2)
			ioarcb->data_ea = 4096; /* no memory there */
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	emul_host_wild(true);
	ck_assert_uint_eq(host.ops->run(host.mmio), 9);
	emul_host_wild(false);
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_int_eq(emul_host_reap(&host), (int)i);
		ck_assert_uint_eq(emul_host_ioasc(&host, i), i % 3 == 0   ? 0
							     : i % 3 == 1 ? 0x00210000
									  : 0x00310000);
	}
	for (unsigned i = 0; i < 9; i++) {
		memset(buf + 200 * 4096, 0xff, 4096);
		io(false, handle, i, buf + 200 * 4096);
		if (i % 3 == 0)
			ck_assert_mem_eq(buf + 200 * 4096, buf + i * 4096, 4096);
		else
			ck_assert_uint_eq(buf[200 * 4096 + 5], 0);
	}
	ck_assert_uint_eq(emul_host_audit(&host, 0), 3); /* the three bad addresses */
	emul_audit_clear(((struct emul_path *)host.dp)->ad);
	stop();
}
END_TEST

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	unsigned nr_run;
	uint32_t handle;
	unsigned first_slot;
	uint8_t *buf;
};

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned completions[EMUL_HOST_SLOTS];

static void reap_all(void)
{
	int slot;

	pthread_mutex_lock(&queue_lock);
	while ((slot = emul_host_reap(&host)) >= 0)
		__atomic_add_fetch(&completions[slot], 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&queue_lock);
}

#define PER_WORKER 8

static void submit_some(struct worker *worker, bool write, unsigned round)
{
	pthread_mutex_lock(&queue_lock);
	for (unsigned i = 0; i < PER_WORKER; i++) {
		emul_host_fill(&host, worker->first_slot + i, write, worker->handle,
			       blocks(round * PER_WORKER + i), (uint32_t)blocks(1),
			       worker->buf + i * 4096);
		emul_host_queue(&host, worker->first_slot + i);
	}
	emul_host_ring(&host);
	pthread_mutex_unlock(&queue_lock);
}

static void wait_for(struct worker *worker, unsigned rounds)
{
	for (unsigned i = 0; i < PER_WORKER; i++)
		while (__atomic_load_n(&completions[worker->first_slot + i], __ATOMIC_ACQUIRE) <
		       rounds) {
			worker->nr_run += host.ops->run(host.mmio);
			reap_all();
		}
	for (unsigned i = 0; i < PER_WORKER; i++)
		ck_assert_uint_eq(emul_host_ioasc(&host, worker->first_slot + i), 0);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint8_t expect[4096];

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < PER_WORKER; i++)
			fill(worker->buf + i * 4096, (uint8_t)(round + i + worker->handle));
		submit_some(worker, true, round);
		wait_for(worker, 2 * round + 1);
		memset(worker->buf, 0, PER_WORKER * 4096);
		submit_some(worker, false, round);
		wait_for(worker, 2 * round + 2);
		for (unsigned i = 0; i < PER_WORKER; i++) {
			fill(expect, (uint8_t)(round + i + worker->handle));
			ck_assert_mem_eq(worker->buf + i * 4096, expect, 4096);
		}
	}
	return NULL;
}

START_TEST(test_many_threads_in_run_lose_nothing)
{
	struct worker workers[4];
	unsigned nr_run = 0;

	start(_i);
	memset(completions, 0, sizeof(completions));
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .handle = emul_host_virtual(&host, 1),
					      .first_slot = i * PER_WORKER,
					      .buf = buf + i * PER_WORKER * 4096 };
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		nr_run += workers[i].nr_run;
	}
	ck_assert_uint_eq(nr_run, 4 * 50 * 2 * PER_WORKER);
	stop();
}
END_TEST

static void *resize_all_the_time(void *arg)
{
	uint32_t handle = *(uint32_t *)arg;
	uint64_t got;

	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(emul_host_resize(&host, handle, i % 3, &got), 0);
	return NULL;
}

START_TEST(test_resizing_one_vlun_leaves_commands_on_another_alone)
{
	struct worker worker = { 0 };
	uint32_t other;
	pthread_t thread;

	start(_i);
	memset(completions, 0, sizeof(completions));
	worker.handle = emul_host_virtual(&host, 1);
	worker.buf = buf;
	other = emul_host_virtual(&host, 0);
	pthread_create(&thread, NULL, resize_all_the_time, &other);
	work(&worker);
	pthread_join(thread, NULL);
	stop();
}
END_TEST

/* ---- registers ---- */

static uint64_t rd(enum sisl_reg offset)
{
	return host.ops->read64(host.mmio, offset);
}

static void wr(enum sisl_reg offset, uint64_t value)
{
	host.ops->write64(host.mmio, offset, value);
}

START_TEST(test_registers_read_back)
{
	start(_i);
	ck_assert_uint_eq(rd(SISL_RRQ_START), (uintptr_t)host.rrq);
	ck_assert_uint_eq(rd(SISL_RRQ_END), (uintptr_t)&host.rrq[QUEUE - 1]);
	ck_assert_uint_eq(rd(SISL_INTR_MASK), ~SISL_ISTATUS_MASK);
	ck_assert_uint_eq(rd(SISL_CTX_CTRL), SISL_LISN_SYNC_ERROR);
	ck_assert_uint_eq(rd(SISL_INTR_STATUS), 0);
	ck_assert_uint_eq(rd(SISL_INTR_CLEAR), 0);
	ck_assert_uint_eq(rd(0x8000), 0);
	if (host.sq_mode) {
		ck_assert_uint_eq(rd(SISL_SQ_HEAD), (uintptr_t)host.sq);
		ck_assert_uint_eq(rd(SISL_SQ_TAIL), (uintptr_t)host.sq);
		ck_assert_uint_eq(rd(SISL_SQ_END), (uintptr_t)&host.sq[QUEUE]);
		ck_assert_uint_eq(rd(SISL_CMD_ROOM), 0);
	} else {
		ck_assert_uint_eq(rd(SISL_CMD_ROOM), 512);
	}
	stop();
}
END_TEST

START_TEST(test_command_room_counts_what_has_not_been_fetched)
{
	uint32_t handle;

	start(_i);
	if (!host.sq_mode) {
		handle = emul_host_virtual(&host, 1);
		for (unsigned i = 0; i < 5; i++) {
			emul_host_fill(&host, i, false, handle, 0, (uint32_t)blocks(1),
				       buf + i * 4096);
			emul_host_queue(&host, i);
			ck_assert_uint_eq(rd(SISL_CMD_ROOM), 511 - i);
		}
		ck_assert_uint_eq(host.ops->run(host.mmio), 5);
		ck_assert_uint_eq(rd(SISL_CMD_ROOM), 512);
	}
	stop();
}
END_TEST

START_TEST(test_a_context_of_the_other_byte_order_is_served)
{
	struct sisl_ioarcb *a;
	uint32_t handle;
	uint64_t entry;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	fill(buf, 9);
	io(true, handle, 3, buf);
	wr(SISL_ENDIAN_CTRL, SISL_ENDIAN_BIG);
	a = emul_host_fill(&host, 1, false, handle, blocks(3), (uint32_t)blocks(1) * 2, buf + 8192);
	a->cdb[13] = (uint8_t)blocks(1); /* half of data_len: there is a residual to look at */
	a->ctx_id = htobe16(a->ctx_id);
	a->req_flags = htobe16(a->req_flags);
	a->res_hndl = htobe32(a->res_hndl);
	a->data_len = htobe32(a->data_len);
	a->data_ea = htobe64(a->data_ea);
	a->ioasa_ea = htobe64(a->ioasa_ea);
	emul_host_queue(&host, 1);
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), 1);
	entry = be64toh(host.rrq[host.rrq_next]);
	ck_assert_uint_eq(entry, (host.sq_mode ? (uintptr_t)&host.slots[1].ioasa
					       : (uintptr_t)&host.slots[1].ioarcb) |
					 1);
	ck_assert_uint_eq(be32toh(host.slots[1].ioasa.resid), 4096);
	ck_assert_mem_eq(buf, buf + 8192, 4096);
	stop();
}
END_TEST

START_TEST(test_a_context_reset_drops_what_is_queued_and_keeps_the_positions)
{
	enum sisl_reg reset;
	uint32_t handle;

	start(_i);
	reset = host.sq_mode ? SISL_SQ_CTX_RESET : SISL_IOARRIN;
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < 3; i++)
		io(true, handle, i, buf);
	for (unsigned i = 0; i < 10; i++) {
		emul_host_fill(&host, i, true, handle, blocks(i), (uint32_t)blocks(1), buf);
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	wr(reset, SISL_CTX_RESET);
	while (rd(reset) & SISL_CTX_RESET)
		;
	ck_assert_uint_eq(host.ops->run(host.mmio), 0);
	ck_assert_int_eq(emul_host_reap(&host), -1);
	if (host.sq_mode)
		ck_assert_uint_eq(rd(SISL_SQ_HEAD), rd(SISL_SQ_TAIL));
	else
		ck_assert_uint_eq(rd(SISL_CMD_ROOM), 512);
	fill(buf, 77);
	io(true, handle, 2, buf);
	io(false, handle, 2, buf + 4096);
	ck_assert_mem_eq(buf, buf + 4096, 4096);
	stop();
}
END_TEST

START_TEST(test_writing_the_ring_registers_starts_the_rings_anew)
{
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	for (unsigned i = 0; i < QUEUE + 5; i++)
		io(true, handle, i, buf);
	emul_host_setup(&host);
	io(false, handle, 1, buf);
	ck_assert_uint_eq(host.rrq_next, 1);
	stop();
}
END_TEST

START_TEST(test_two_mappings_of_a_context_are_one_register_page)
{
	struct devport_mmio *second;

	start(_i);
	ck_assert_int_eq(host.ops->map(host.dp, host.adap_fd, SISL_MMIO_BYTES, &second), 0);
	ck_assert_uint_eq(host.ops->read64(second, SISL_RRQ_START), (uintptr_t)host.rrq);
	host.ops->unmap(second);
	ck_assert_uint_eq(rd(SISL_RRQ_START), (uintptr_t)host.rrq);
	stop();
}
END_TEST

START_TEST(test_unmap_accepts_null)
{
	devport_emul_ops.unmap(NULL);
}
END_TEST

/* ---- events ---- */

START_TEST(test_completions_made_inside_run_do_not_interrupt)
{
	_Alignas(8) char events[CXL_EVENT_READ_MIN];
	uint32_t handle;

	start(_i);
	handle = emul_host_virtual(&host, 1);
	emul_host_fill(&host, 0, false, handle, 0, (uint32_t)blocks(1), buf)->msi = SISL_LISN_RRQ;
	ck_assert_uint_eq(emul_host_do(&host, 0), 0);
	ck_assert_int_eq(host.ops->event_read(host.mmio, events, sizeof(events)), -EAGAIN);
	ck_assert_int_eq(host.ops->event_read(host.mmio, events, sizeof(events) - 1), -EINVAL);
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_afu");
	TCase *tc = tcase_create("core"), *threads = tcase_create("threads");

	tcase_set_timeout(tc, 60);
	tcase_set_timeout(threads, 300);
#define EACH(tcase, test) tcase_add_loop_test(tcase, test, 0, NR_KINDS)
	EACH(tc, test_what_is_written_is_read);
	EACH(tc, test_blocks_never_written_read_as_zeros_on_a_new_lun);
	EACH(tc, test_chunks_of_two_vluns_are_apart_and_lead_through_the_lxt);
	EACH(tc, test_a_physical_handle_moves_a_megabyte_with_one_command);
	EACH(tc, test_host_use_words_of_the_ioasa_are_never_written);
	EACH(tc, test_rings_wrap_and_the_toggle_flips);
	EACH(tc, test_a_full_queue_is_executed_by_one_run);
	EACH(tc, test_buffers_in_any_order_and_overlapping_blocks_act_as_if_alone);
	EACH(tc, test_failing_neighbours_fail_alone);
	EACH(tc, test_registers_read_back);
	EACH(tc, test_command_room_counts_what_has_not_been_fetched);
	EACH(tc, test_a_context_of_the_other_byte_order_is_served);
	EACH(tc, test_a_context_reset_drops_what_is_queued_and_keeps_the_positions);
	EACH(tc, test_writing_the_ring_registers_starts_the_rings_anew);
	EACH(tc, test_two_mappings_of_a_context_are_one_register_page);
	tcase_add_test(tc, test_unmap_accepts_null);
	EACH(tc, test_completions_made_inside_run_do_not_interrupt);
	EACH(threads, test_many_threads_in_run_lose_nothing);
	EACH(threads, test_resizing_one_vlun_leaves_commands_on_another_alone);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, threads);
	return run_suite(suite);
}
