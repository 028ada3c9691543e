/* SPDX-License-Identifier: Apache-2.0 */
/* Fault rules, resets, late and lost commands and interrupts, and the latency model. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emul/adapter.h"
#include "support/emul_host.h"

static const char *const modes[] = { "size=1G,mode=sq", "size=1G,mode=ioarrin,cmdroom=512" };

#define NR_MODES 2
#define QUEUE    256

static struct emul_host host;
static uint8_t *buf;
static uint32_t handle;

static void start_with(const char *options)
{
	emul_host_make(&host, options);
	emul_host_attach(&host, QUEUE, QUEUE + 1);
	buf = aligned_alloc(4096, QUEUE * 4096);
	memset(buf, 0x22, QUEUE * 4096);
	handle = emul_host_virtual(&host, 1);
}

static void start(int mode)
{
	start_with(modes[mode]);
}

static void stop(void)
{
	free(buf);
	emul_host_destroy(&host);
}

static struct emul_adapter *adapter(void)
{
	return ((struct emul_path *)host.dp)->ad;
}

static uint64_t rd(enum sisl_reg offset)
{
	return host.ops->read64(host.mmio, offset);
}

/* Queue reads or writes of blocks 0 .. nr - 1 in slots of the same numbers. */
static void queue_many(unsigned nr, bool write, uint8_t msi)
{
	for (unsigned i = 0; i < nr; i++) {
		emul_host_fill(&host, i, write, handle, i, 1, buf + i * 4096)->msi = msi;
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
}

static ssize_t read_event(struct cxl_evt *evt)
{
	struct cxl_evt events[CXL_EVENT_READ_MIN / sizeof(struct cxl_evt) + 1];
	ssize_t ret = host.ops->event_read(host.mmio, events, sizeof(events));

	*evt = events[0];
	return ret;
}

static short poll_events(int timeout_ms)
{
	struct pollfd pfd = { .fd = host.ops->event_fd(host.mmio), .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) > 0 ? pfd.revents : 0;
}

/* Waits for completions and sleeps on events as a program does. */
static void reap_by_events(unsigned nr, unsigned *order)
{
	unsigned got = 0;

	while (got < nr) {
		struct cxl_evt evt;
		int slot;

		ck_assert_int_eq(poll_events(10000), POLLIN);
		ck_assert_int_eq(read_event(&evt), 16);
		ck_assert_uint_eq(evt.irq.irq, SISL_LISN_RRQ);
		while ((slot = emul_host_reap(&host)) >= 0) {
			ck_assert_uint_lt(got, nr);
			order[got++] = (unsigned)slot;
		}
	}
}

/* ---- status of commands ---- */

static const struct {
	const char *action;
	uint32_t ioasc, resid, sense;
} statuses[] = {
	{ "medium", 0x80000200, 0, 0x031100 },
	{ "busy", 0x00000800, 0, 0 },
	{ "full", 0x00002800, 0, 0 },
	{ "conflict", 0x00001800, 0, 0 },
	{ "attention", 0x80000200, 0, 0x062900 },
	{ "attention asc=2a ascq=09", 0x80000200, 0, 0x062a09 },
	{ "underrun", 0x1000005a, 4096, 0 },
	{ "underrun resid=512", 0x1000005a, 512, 0 },
	{ "overrun resid=8", 0x2000005a, 8, 0 },
	{ "ioasa ioasc=00310000 extra=0a0000", 0x00310000, 0, 0 },
	{ "ioasa ioasc=00000054", 0x00000054, 0, 0 },
	{ "ioasa ioasc=80000200 sense=7000020000000000000000000401 resid=77", 0x80000200, 77,
	  0x020401 },
};

START_TEST(test_a_rule_decides_the_status)
{
	char rule[200];
	const struct sisl_ioasa *ioasa;

	start(0);
	ioasa = &host.slots[0].ioasa;
	snprintf(rule, sizeof(rule), "at=read n=2 action=%s", statuses[_i].action);
	emul_host_fault(&host, rule);
	emul_host_io(&host, false, handle, 0, 1, buf);
	memset(buf, 0x33, 4096);
	emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), statuses[_i].ioasc);
	ck_assert_uint_eq(ioasa->resid, statuses[_i].resid);
	if (ioasa->flags & SISL_IOASA_SENSE_VALID)
		ck_assert_uint_eq((uint32_t)ioasa->sense[2] << 16 |
					  (uint32_t)ioasa->sense[12] << 8 | ioasa->sense[13],
				  statuses[_i].sense);
	if (strstr(statuses[_i].action, "extra"))
		ck_assert_uint_eq(ioasa->afu_extra, SISL_AFU_EXTRA_PAGE_IN);
	ck_assert_uint_eq(buf[0], 0x33); /* nothing was moved */
	emul_host_io(&host, false, handle, 0, 1, buf);
	stop();
}
END_TEST

START_TEST(test_a_medium_error_hits_exactly_the_blocks_named)
{
	start(_i);
	emul_host_fault(&host, "at=write lba=10-12 action=medium");
	emul_host_fault(&host, "at=write media=20 action=medium");
	queue_many(32, true, 0);
	ck_assert_uint_eq(host.ops->run(host.mmio), 32);
	for (unsigned i = 0; i < 32; i++) {
		bool bad = (i >= 10 && i <= 12) || i == 20;

		ck_assert_int_eq(emul_host_reap(&host), (int)i);
		ck_assert_uint_eq(emul_host_ioasc(&host, i), bad ? 0x80000200 : 0);
	}
	stop();
}
END_TEST

START_TEST(test_with_all_links_down_commands_end_so_and_with_one_they_take_the_other)
{
	start(0);
	emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0);
	ck_assert_uint_eq(host.slots[0].ioasa.port, 0);
	emul_host_fault(&host, "at=read n=1 action=link-down port=0");
	emul_host_io(&host, false, handle, 0, 1, buf); /* the one that brings it down */
	emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), 0);
	ck_assert_uint_eq(host.slots[0].ioasa.port, 1);
	emul_host_fault(&host, "at=read n=1 action=link-down port=1");
	emul_host_io(&host, false, handle, 0, 1, buf);
	emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	ck_assert_uint_eq(emul_host_do(&host, 0), SISL_FC_RC_LINK_DOWN);
	ck_assert_int_eq(emul_fault_clear(&adapter()->shm->fault, -1), 0);
	emul_host_io(&host, false, handle, 0, 1, buf);
	stop();
}
END_TEST

START_TEST(test_a_link_comes_back_by_itself)
{
	start(0);
	emul_host_fault(&host, "at=read n=1 action=link-down port=0 ms=30");
	emul_host_fault(&host, "at=read n=1 action=link-down port=1 ms=30");
	emul_host_io(&host, false, handle, 0, 1, buf);
	do
		emul_host_fill(&host, 0, false, handle, 0, 1, buf);
	while (emul_host_do(&host, 0) == SISL_FC_RC_LINK_DOWN);
	ck_assert_uint_eq(emul_host_ioasc(&host, 0), 0);
	stop();
}
END_TEST

/* ---- late and lost ---- */

START_TEST(test_a_late_command_completes_behind_the_others)
{
	unsigned order[1];

	start(_i);
	emul_host_fault(&host, "at=read n=3 action=late ms=300");
	queue_many(8, false, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 7);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_int_eq(emul_host_reap(&host), (int)(i < 2 ? i : i + 1));
	ck_assert_int_eq(emul_host_reap(&host), -1);
	reap_by_events(1, order);
	ck_assert_uint_eq(order[0], 2);
	ck_assert_uint_eq(emul_host_ioasc(&host, 2), 0);
	stop();
}
END_TEST

static void context_reset(void)
{
	enum sisl_reg reset = host.sq_mode ? SISL_SQ_CTX_RESET : SISL_IOARRIN;

	host.ops->write64(host.mmio, reset, SISL_CTX_RESET);
	while (rd(reset) & SISL_CTX_RESET)
		;
}

START_TEST(test_a_lost_command_never_completes_and_a_context_reset_forgets_it)
{
	start(_i);
	emul_host_fault(&host, "at=write n=2 action=lose");
	queue_many(4, true, 0);
	ck_assert_uint_eq(host.ops->run(host.mmio), 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_ne(emul_host_reap(&host), 1);
	ck_assert_int_eq(emul_host_reap(&host), -1);
	context_reset();
	emul_host_io(&host, true, handle, 1, 1, buf);
	stop();
}
END_TEST

START_TEST(test_after_a_context_reset_late_commands_do_not_complete)
{
	start(_i);
	emul_host_fault(&host, "at=write n=1 action=late ms=40");
	emul_host_fault(&host, "at=read n=1 action=late ms=120");
	memset(buf, 0x77, 4096);
	queue_many(1, true, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 0);
	context_reset();
	/* a later one that is waited for, so that the first's time has certainly passed */
	emul_host_fill(&host, 1, false, handle, 0, 1, buf)->msi = SISL_LISN_RRQ;
	emul_host_queue(&host, 1);
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), 0);
	ck_assert_int_eq(poll_events(10000), POLLIN);
	ck_assert_int_eq(emul_host_reap(&host), 1);
	ck_assert_int_eq(emul_host_reap(&host), -1);
	ck_assert_uint_eq(buf[0], 0); /* the write never reached the medium */
	stop();
}
END_TEST

START_TEST(test_dropped_interrupts_leave_the_completion_to_be_found)
{
	struct cxl_evt evt;

	start_with("size=1G,irq=all");
	emul_host_fault(&host, "at=interrupt n=1 action=drop-interrupt");
	queue_many(1, false, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 1);
	ck_assert_int_eq(read_event(&evt), -EAGAIN);
	ck_assert_int_eq(emul_host_reap(&host), 0);
	queue_many(1, false, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 1);
	ck_assert_int_eq(read_event(&evt), 16);
	ck_assert_int_eq(emul_host_reap(&host), 0);
	stop();
}
END_TEST

START_TEST(test_late_interrupts_come)
{
	struct cxl_evt evt;

	start_with("size=1G,irq=all");
	emul_host_fault(&host, "at=interrupt n=1 action=late ms=10");
	queue_many(1, false, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 1);
	ck_assert_int_eq(emul_host_reap(&host), 0);
	ck_assert_int_eq(poll_events(10000), POLLIN);
	ck_assert_int_eq(read_event(&evt), 16);
	ck_assert_uint_eq(evt.irq.irq, SISL_LISN_RRQ);
	stop();
}
END_TEST

START_TEST(test_spurious_interrupts_come_by_the_clock_and_with_commands)
{
	struct cxl_evt evt;

	start(0);
	emul_host_fault(&host, "at=read n=1 action=spurious-interrupt");
	emul_host_io(&host, false, handle, 0, 1, buf);
	ck_assert_int_eq(read_event(&evt), 16);
	emul_host_fault(&host, "every=5ms times=1 action=spurious-interrupt");
	ck_assert_int_eq(poll_events(10000), POLLIN);
	ck_assert_int_eq(read_event(&evt), 16);
	ck_assert_uint_eq(evt.irq.irq, SISL_LISN_RRQ);
	stop();
}
END_TEST

START_TEST(test_interrupts_coalesce_and_the_lowest_comes_first)
{
	struct cxl_evt evt;

	start_with("size=1G,irq=all");
	for (unsigned i = 0; i < 8; i++) {
		emul_host_fill(&host, i, false, handle, i, 1, buf)->msi = i % 2 ? 3 : 2;
		emul_host_queue(&host, i);
	}
	emul_host_ring(&host);
	ck_assert_uint_eq(host.ops->run(host.mmio), 8);
	ck_assert_int_eq(read_event(&evt), 16);
	ck_assert_uint_eq(evt.irq.irq, 2);
	ck_assert_int_eq(read_event(&evt), 16);
	ck_assert_uint_eq(evt.irq.irq, 3);
	ck_assert_int_eq(read_event(&evt), -EAGAIN);
	ck_assert_int_eq(poll_events(0), 0);
	stop();
}
END_TEST

/* ---- resets ---- */

START_TEST(test_a_reset_at_a_command_loses_it_and_all_behind_it)
{
	start(_i);
	emul_host_fault(&host, "at=write n=5 action=reset");
	queue_many(16, true, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(emul_host_reap(&host), (int)i);
	ck_assert_int_eq(emul_host_reap(&host), -1);
	ck_assert_uint_eq(rd(SISL_INTR_STATUS), SISL_ALL_ONES);
	ck_assert_uint_eq(rd(SISL_SQ_HEAD), SISL_ALL_ONES);
	ck_assert_int_eq(emul_host_recover(&host), 1);
	ck_assert_int_eq(emul_host_recover(&host), 0);
	for (unsigned i = 0; i < 8; i++) {
		emul_host_io(&host, false, handle, i, 1, buf);
		ck_assert_uint_eq(buf[0], i < 4 ? 0x22 : 0);
		emul_host_io(&host, true, handle, i, 1, buf);
	}
	stop();
}
END_TEST

START_TEST(test_an_eeh_reset_closes_the_events_and_a_host_reset_does_not)
{
	struct cxl_evt evt;

	start(0);
	emul_host_fault(&host, "at=write n=1 action=reset kind=host");
	emul_host_fault(&host, "at=write n=2 action=reset kind=eeh");
	queue_many(1, true, 0);
	host.ops->run(host.mmio);
	ck_assert_uint_eq(rd(SISL_CMD_ROOM), SISL_ALL_ONES);
	ck_assert_int_eq(poll_events(50), 0);
	ck_assert_int_eq(read_event(&evt), -EAGAIN);
	ck_assert_int_eq(emul_host_recover(&host), 1);
	queue_many(1, true, 0);
	host.ops->run(host.mmio);
	ck_assert_int_ne(poll_events(10000) & POLLERR, 0);
	ck_assert_int_eq(read_event(&evt), -EIO);
	ck_assert_int_eq(emul_host_recover(&host), 1);
	ck_assert_int_eq(poll_events(0), 0);
	emul_host_io(&host, true, handle, 0, 1, buf);
	stop();
}
END_TEST

START_TEST(test_stores_after_all_ones_are_audited_and_swallowed)
{
	start(0);
	emul_reset(adapter(), EMUL_RESET_HOST, 0);
	host.ops->write64(host.mmio, SISL_INTR_MASK, 5); /* nobody knows yet */
	ck_assert_uint_eq(emul_host_audit(&host, 0), 0);
	ck_assert_uint_eq(rd(SISL_INTR_MASK), SISL_ALL_ONES);
	host.ops->write64(host.mmio, SISL_INTR_MASK, 5);
	ck_assert_uint_eq(emul_host_audit(&host, 0), 1);
	emul_audit_clear(adapter());
	ck_assert_int_eq(emul_host_recover(&host), 1);
	stop();
}
END_TEST

START_TEST(test_permanent_failure_reads_all_ones_and_closes)
{
	struct dk_recover_afu recover;
	struct cxl_evt evt;

	start(_i);
	emul_host_fault(&host, "at=command n=2 action=fail");
	queue_many(4, true, 0);
	host.ops->run(host.mmio);
	ck_assert_int_eq(emul_host_reap(&host), 0);
	ck_assert_int_eq(emul_host_reap(&host), -1);
	ck_assert_uint_eq(rd(SISL_CMD_ROOM), SISL_ALL_ONES);
	ck_assert_int_ne(poll_events(10000) & POLLERR, 0);
	ck_assert_int_eq(read_event(&evt), -EIO);
	memset(&recover, 0, sizeof(recover));
	recover.context_id = host.cookie;
	ck_assert_int_eq(host.ops->ioctl(host.dp, DK_IOCTL_RECOVER_AFU, &recover), -ENODEV);
	stop();
}
END_TEST

static uint64_t times_taken(unsigned rule)
{
	char text[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	ck_assert_int_eq(emul_fault_print(&adapter()->shm->fault, rule, text, &seen, &taken), 0);
	return taken;
}

START_TEST(test_resets_by_the_clock_happen_again_and_again)
{
	unsigned recoveries = 0;

	start(_i);
	emul_host_fault(&host, "every=20ms times=3 action=reset");
	/* Two resets in quick succession need one recovery; the last may not have ended yet. */
	for (bool done = false; !done || times_taken(0) < 3 || !recoveries;) {
		if (rd(SISL_INTR_STATUS) == SISL_ALL_ONES)
			recoveries += (unsigned)emul_host_recover(&host);
		emul_host_fill(&host, 0, true, handle, 0, 1, buf);
		emul_host_queue(&host, 0);
		emul_host_ring(&host);
		host.ops->run(host.mmio);
		done = emul_host_reap(&host) == 0;
	}
	emul_audit_clear(adapter()); /* the doorbell may have been rung after all ones were read */
	stop();
}
END_TEST

/* A write in progress at the reset ends before RECOVER_AFU returns. */
static void *write_forever(void *arg)
{
	_Atomic bool *stop_writing = arg;

	while (!atomic_load(stop_writing))
		host.ops->run(host.mmio);
	return NULL;
}

START_TEST(test_nothing_of_the_old_context_reaches_the_medium_after_recovery)
{
	start(_i);
	for (unsigned round = 0; round < 20; round++) {
		_Atomic bool stop_writing = false;
		pthread_t thread;

		memset(buf, 0xee, QUEUE * 4096);
		queue_many(QUEUE, true, 0);
		pthread_create(&thread, NULL, write_forever, &stop_writing);
		emul_reset(adapter(), EMUL_RESET_HOST, 0);
		atomic_store(&stop_writing, true);
		pthread_join(thread, NULL);
		ck_assert_int_eq(emul_host_recover(&host), 1);
		memset(buf, 0x11, QUEUE * 4096);
		for (unsigned write = 2; write-- > 0;) {
			queue_many(QUEUE, write, 0);
			ck_assert_uint_eq(host.ops->run(host.mmio), QUEUE);
			for (unsigned i = 0; i < QUEUE; i++)
				ck_assert_int_eq(emul_host_reap(&host), (int)i);
		}
		for (unsigned i = 0; i < QUEUE; i++)
			ck_assert_uint_eq(buf[i * 4096], 0x11);
	}
	stop();
}
END_TEST

/* ---- processes ---- */

START_TEST(test_a_child_reads_all_ones_and_its_accesses_are_audited)
{
	int status;
	pid_t pid;

	start(0);
	pid = fork();
	if (pid == 0) {
		bool good = rd(SISL_INTR_STATUS) == SISL_ALL_ONES;

		host.ops->write64(host.mmio, SISL_INTR_MASK, 0);
		good = good && host.ops->run(host.mmio) == 0;
		host.ops->unmap(host.mmio);
		host.ops->close_adap_fd(host.dp, host.adap_fd);
		host.ops->close(host.dp);
		_exit(good ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(rd(SISL_INTR_MASK), ~SISL_ISTATUS_MASK);
	ck_assert_uint_eq(emul_host_audit(&host, 0), 2);
	ck_assert_uint_eq(emul_host_audit(&host, 1ull << EMUL_MMIO_FOREIGN), 0);
	emul_audit_clear(adapter());
	emul_host_io(&host, true, handle, 0, 1, buf);
	stop();
}
END_TEST

START_TEST(test_a_child_that_unmaps_first_disturbs_nobody)
{
	int status;
	pid_t pid;

	start(_i);
	queue_many(8, true, 0);
	pid = fork();
	if (pid == 0) {
		host.ops->unmap(host.mmio);
		host.ops->close_adap_fd(host.dp, host.adap_fd);
		host.ops->close(host.dp);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(host.ops->run(host.mmio), 8);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(emul_host_reap(&host), (int)i);
	stop();
}
END_TEST

/* ---- latency model ---- */

#define LATENCY "size=1G,latency=2ms/1ms"

START_TEST(test_with_a_latency_completions_come_later_and_interrupt)
{
	unsigned order[16];

	start_with(_i ? LATENCY ",mode=ioarrin" : LATENCY);
	for (unsigned i = 0; i < 16; i++)
		memset(buf + i * 4096, (int)i + 1, 4096);
	queue_many(16, true, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 0);
	reap_by_events(16, order);
	memset(buf, 0, 16 * 4096);
	queue_many(16, false, SISL_LISN_RRQ);
	ck_assert_uint_eq(host.ops->run(host.mmio), 0);
	reap_by_events(16, order);
	for (unsigned i = 0; i < 16; i++) {
		ck_assert_uint_eq(emul_host_ioasc(&host, i), 0);
		ck_assert_uint_eq(buf[i * 4096], i + 1);
	}
	stop();
}
END_TEST

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Never earlier than the model says. A benchmark measures how much later. */
START_TEST(test_no_completion_comes_before_its_time)
{
	unsigned order[QUEUE];
	uint64_t begun;

	start_with("size=1G,latency=3ms/3ms,riops=10000,wiops=10000");
	begun = now_ns();
	queue_many(100, false, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	reap_by_events(100, order);
	/* 99 slots of 100 us, then the latency less its sixteenth */
	ck_assert_uint_ge(now_ns() - begun, 99 * 100000 + 3000000 - 3000000 / 16);
	stop();
}
END_TEST

START_TEST(test_quick_writes_overtake_slow_reads)
{
	unsigned order[2];

	start_with("size=1G,latency=50ms/1ms");
	emul_host_fill(&host, 0, false, handle, 0, 1, buf)->msi = SISL_LISN_RRQ;
	emul_host_queue(&host, 0);
	emul_host_fill(&host, 1, true, handle, 1, 1, buf + 4096)->msi = SISL_LISN_RRQ;
	emul_host_queue(&host, 1);
	emul_host_ring(&host);
	host.ops->run(host.mmio);
	reap_by_events(2, order);
	ck_assert_uint_eq(order[0], 1);
	ck_assert_uint_eq(order[1], 0);
	stop();
}
END_TEST

START_TEST(test_the_order_of_a_deep_queue_is_shuffled_the_same_way_for_a_seed)
{
	unsigned order[2][64];
	bool sorted = true;

	for (unsigned round = 0; round < 2; round++) {
		start_with("size=1G,latency=40ms/40ms,seed=7");
		queue_many(64, false, SISL_LISN_RRQ);
		host.ops->run(host.mmio);
		reap_by_events(64, order[round]);
		stop();
	}
	ck_assert_mem_eq(order[0], order[1], sizeof(order[0]));
	for (unsigned i = 0; i < 64; i++)
		sorted = sorted && order[0][i] == i;
	ck_assert(!sorted);
}
END_TEST

START_TEST(test_a_command_may_time_out_before_the_model_lets_it_end)
{
	struct sisl_ioarcb *ioarcb;
	unsigned order[1];

	start_with("size=1G,latency=60s/60s");
	ioarcb = emul_host_fill(&host, 0, true, handle, 0, 1, buf);
	ioarcb->msi = SISL_LISN_RRQ;
	ioarcb->timeout = 5;
	ioarcb->req_flags |= SISL_REQ_TIMEOUT_MSECS;
	emul_host_queue(&host, 0);
	emul_host_ring(&host);
	host.ops->run(host.mmio);
	reap_by_events(1, order);
	ck_assert_uint_eq(emul_host_ioasc(&host, 0), 0x00510000);
	stop();
}
END_TEST

START_TEST(test_commands_on_their_way_die_with_the_context)
{
	start_with(_i ? "size=1G,latency=60s/60s,mode=ioarrin" : "size=1G,latency=60s/60s");
	queue_many(32, true, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	emul_reset(adapter(), EMUL_RESET_EEH, 0);
	ck_assert_int_eq(emul_host_recover(&host), 1);
	queue_many(32, true, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	context_reset();
	ck_assert_int_eq(emul_host_reap(&host), -1);
	queue_many(32, true, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	stop(); /* unmapped with commands in flight */
}
END_TEST

START_TEST(test_shrinking_under_commands_on_their_way_ends_them_with_bounds)
{
	unsigned order[4];
	uint64_t got;

	start_with("size=1G,latency=30ms/30ms");
	queue_many(4, true, SISL_LISN_RRQ);
	host.ops->run(host.mmio);
	ck_assert_int_eq(emul_host_resize(&host, handle, 0, &got), 0);
	reap_by_events(4, order);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(emul_host_ioasc(&host, i), 0x00130000);
	emul_audit_clear(adapter());
	stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emul_afu_faults");
	TCase *faults = tcase_create("faults"), *resets = tcase_create("resets");
	TCase *latency = tcase_create("latency");

	tcase_set_timeout(faults, 120);
	tcase_set_timeout(resets, 120);
	tcase_set_timeout(latency, 120);
	tcase_add_loop_test(faults, test_a_rule_decides_the_status, 0,
			    (int)(sizeof(statuses) / sizeof(statuses[0])));
	tcase_add_loop_test(faults, test_a_medium_error_hits_exactly_the_blocks_named, 0, NR_MODES);
	tcase_add_test(faults,
		       test_with_all_links_down_commands_end_so_and_with_one_they_take_the_other);
	tcase_add_test(faults, test_a_link_comes_back_by_itself);
	tcase_add_loop_test(faults, test_a_late_command_completes_behind_the_others, 0, NR_MODES);
	tcase_add_loop_test(faults,
			    test_a_lost_command_never_completes_and_a_context_reset_forgets_it, 0,
			    NR_MODES);
	tcase_add_loop_test(faults, test_after_a_context_reset_late_commands_do_not_complete, 0,
			    NR_MODES);
	tcase_add_test(faults, test_dropped_interrupts_leave_the_completion_to_be_found);
	tcase_add_test(faults, test_late_interrupts_come);
	tcase_add_test(faults, test_spurious_interrupts_come_by_the_clock_and_with_commands);
	tcase_add_test(faults, test_interrupts_coalesce_and_the_lowest_comes_first);
	tcase_add_loop_test(resets, test_a_reset_at_a_command_loses_it_and_all_behind_it, 0,
			    NR_MODES);
	tcase_add_test(resets, test_an_eeh_reset_closes_the_events_and_a_host_reset_does_not);
	tcase_add_test(resets, test_stores_after_all_ones_are_audited_and_swallowed);
	tcase_add_loop_test(resets, test_permanent_failure_reads_all_ones_and_closes, 0, NR_MODES);
	tcase_add_loop_test(resets, test_resets_by_the_clock_happen_again_and_again, 0, NR_MODES);
	tcase_add_loop_test(resets,
			    test_nothing_of_the_old_context_reaches_the_medium_after_recovery, 0,
			    NR_MODES);
	tcase_add_test(resets, test_a_child_reads_all_ones_and_its_accesses_are_audited);
	tcase_add_loop_test(resets, test_a_child_that_unmaps_first_disturbs_nobody, 0, NR_MODES);
	tcase_add_loop_test(latency, test_with_a_latency_completions_come_later_and_interrupt, 0,
			    NR_MODES);
	tcase_add_test(latency, test_no_completion_comes_before_its_time);
	tcase_add_test(latency, test_quick_writes_overtake_slow_reads);
	tcase_add_test(latency, test_the_order_of_a_deep_queue_is_shuffled_the_same_way_for_a_seed);
	tcase_add_test(latency, test_a_command_may_time_out_before_the_model_lets_it_end);
	tcase_add_loop_test(latency, test_commands_on_their_way_die_with_the_context, 0, NR_MODES);
	tcase_add_test(latency, test_shrinking_under_commands_on_their_way_ends_them_with_bounds);
	suite_add_tcase(suite, faults);
	suite_add_tcase(suite, resets);
	suite_add_tcase(suite, latency);
	return run_suite(suite);
}
