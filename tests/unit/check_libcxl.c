/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel devport as built with IBM's libcxl, on a fake library. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devport/devport.h"
#include "fake/libcxl/fake_libcxl.h"
#include "support/open_fds.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

static const struct devport_ops *const ops = &devport_kernel_ops;

/* A file instead of fd2: its mapping dies when it is cut, and that is a SIGBUS as on a card. */
static int fd2;
static struct devport_mmio *mmio;

static void setup(void)
{
	*fake_libcxl() = (struct fake_libcxl){ .mmio_bytes = SISL_MMIO_BYTES };
	fd2 = memfd_create("area", MFD_CLOEXEC);
	ck_assert_int_ge(fd2, 0);
	ck_assert_int_eq(ftruncate(fd2, SISL_MMIO_BYTES), 0);
	/* The first time leaves a descriptor for good, see mmio_guard.c. */
	ck_assert_int_eq(ops->map(NULL, fd2, SISL_MMIO_BYTES, &mmio), 0);
	ops->unmap(mmio);
}

static void teardown(void)
{
	close(fd2);
}

static void setup_mapped(void)
{
	setup();
	ck_assert_int_eq(ops->map(NULL, fd2, SISL_MMIO_BYTES, &mmio), 0);
	ck_assert_uint_eq(fake_libcxl()->nr_handles, 1);
}

static void teardown_mapped(void)
{
	ops->unmap(mmio);
	ck_assert_uint_eq(fake_libcxl()->nr_handles, 0);
	teardown();
}

/* ---- which way ---- */

START_TEST(test_libcxl_is_the_first_choice)
{
	ck_assert_str_eq(devport_kernel_access(), "IBM libcxl");
}
END_TEST

/* OpenCAPI, an unknown kernel interface, sysfs that is not there or says something else. */
START_TEST(test_what_libcxl_refuses_is_done_with_system_calls)
{
	struct fake_libcxl *fake = fake_libcxl();
	unsigned nr_fds = nr_open_fds();
	char event[CXL_EVENT_READ_MIN];

	fake->refuse_fd = _i == 0 ? EINVAL : 0;
	fake->refuse_size = _i == 1 ? ENODEV : 0;
	fake->mmio_bytes = _i == 2 ? 4096 : SISL_MMIO_BYTES;
	fake->refuse_map = _i == 3 ? EIO : 0;
	ck_assert_int_eq(ops->map(NULL, fd2, SISL_MMIO_BYTES, &mmio), 0);
	ck_assert_uint_eq(fake->nr_handles, 0);
	ck_assert_uint_eq(nr_open_fds(), nr_fds);
	ck_assert_int_eq(ops->event_fd(mmio), fd2);
	ops->write64(mmio, SISL_RRQ_START, 0x1122334455667788ull);
	ck_assert_uint_eq(ops->read64(mmio, SISL_RRQ_START), 0x1122334455667788ull);
	ck_assert_int_eq(lseek(fd2, 0, SEEK_END), SISL_MMIO_BYTES);
	ck_assert_int_eq(ops->event_read(mmio, event, sizeof(event)), 0);
	ck_assert_uint_eq(fake->nr_reads_done, 0);
	ops->unmap(mmio);
	ck_assert_int_eq(ops->close_adap_fd(NULL, fd2), 0);
}
END_TEST

START_TEST(test_failure_of_every_way_has_the_drivers_errno)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	mmio = NULL;
	ck_assert_int_eq(ops->map(NULL, null, SISL_MMIO_BYTES, &mmio), -ENODEV);
	ck_assert_int_eq(ops->map(NULL, -1, SISL_MMIO_BYTES, &mmio), -EBADF);
	ck_assert_ptr_null(mmio);
	ck_assert_uint_eq(fake_libcxl()->nr_handles, 0);
	close(null);
}
END_TEST

/* ---- fd2 ---- */

START_TEST(test_unmap_leaves_fd2_open_and_nothing_else)
{
	unsigned nr_fds = nr_open_fds();
	int flags;

	ck_assert_int_eq(ops->map(NULL, fd2, SISL_MMIO_BYTES, &mmio), 0);
	flags = fcntl(ops->event_fd(mmio), F_GETFL);
	ck_assert_int_ne(flags & O_NONBLOCK, 0);
	ck_assert_int_ne(ops->event_fd(mmio), fd2);
	ck_assert_int_eq(fcntl(ops->event_fd(mmio), F_GETFD), FD_CLOEXEC);
	ops->unmap(mmio);
	ck_assert_uint_eq(nr_open_fds(), nr_fds);
	ck_assert_int_ge(fcntl(fd2, F_GETFD), 0);
	ck_assert_int_eq(ops->close_adap_fd(NULL, fd2), 0);
	ck_assert_int_eq(ops->close_adap_fd(NULL, fd2), -EBADF);
}
END_TEST

/* Drivers without APP_CLOSE_ADAP_FD: the number may be a stranger's by the time of unmap(). */
START_TEST(test_unmap_spares_a_stranger_with_fd2s_number)
{
	int stranger;

	ck_assert_int_eq(ops->map(NULL, fd2, SISL_MMIO_BYTES, &mmio), 0);
	close(fd2);
	stranger = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(stranger, fd2);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
	ops->unmap(mmio);
	ck_assert_int_ge(fcntl(stranger, F_GETFD), 0);
}
END_TEST

/* What is at the address of the mapping in a child is the child's own. */
START_TEST(test_child_closes_what_it_inherited_and_unmaps_nothing)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		unsigned nr_fds = nr_open_fds();

		ops->unmap(mmio);
		_exit(nr_open_fds() == nr_fds - 1 && fcntl(fd2, F_GETFD) >= 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
	ck_assert_int_ge(fcntl(ops->event_fd(mmio), F_GETFD), 0);
}
END_TEST

/* ---- registers ---- */

START_TEST(test_registers_are_big_endian_on_the_wire)
{
	uint8_t wire[8];

	ops->write64(mmio, SISL_RRQ_START, 0x0102030405060708ull);
	ck_assert_int_eq(pread(fd2, wire, 8, SISL_RRQ_START), 8);
	ck_assert_mem_eq(wire, "\1\2\3\4\5\6\7\10", 8);
	ck_assert_uint_eq(ops->read64(mmio, SISL_RRQ_START), 0x0102030405060708ull);
	ck_assert_uint_eq(ops->run(mmio), 0);
}
END_TEST

/* The page of ones that the driver gives to lost contexts. */
START_TEST(test_all_ones_of_a_lost_context_are_a_value)
{
	static const uint8_t ones[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

	ck_assert_int_eq(pwrite(fd2, ones, sizeof(ones), SISL_INTR_STATUS), sizeof(ones));
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(ops->read64(mmio, SISL_INTR_STATUS), SISL_ALL_ONES);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
}
END_TEST

/* Never by libcxl's longjmp: its handler would stay armed for the next fault of the thread. */
START_TEST(test_registers_of_a_dead_mapping_read_all_ones)
{
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
	ck_assert_int_eq(ftruncate(fd2, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		if (_i)
			ops->write64(mmio, SISL_IOARRIN, 1);
		ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), SISL_ALL_ONES);
	}
	ck_assert_uint_eq(fake_libcxl()->nr_jumps, 0);
}
END_TEST

/* ---- events ---- */

static struct cxl_evt interrupt(unsigned lisn)
{
	struct cxl_evt event = { .header = { .type = CXL_EVT_AFU_INTERRUPT, .size = 16 } };

	event.irq.irq = (uint16_t)lisn;
	return event;
}

static void append(struct cxl_evt event)
{
	struct fake_libcxl *fake = fake_libcxl();
	unsigned last = fake->nr_reads - 1;

	memcpy(fake->reads[last].bytes + fake->reads[last].length, &event, event.header.size);
	fake->reads[last].length += event.header.size;
}

static void begin_read(void)
{
	fake_libcxl()->reads[fake_libcxl()->nr_reads++].length = 0;
}

static void read_fails(int error)
{
	fake_libcxl()->reads[fake_libcxl()->nr_reads++].length = -error;
}

static unsigned lisn_at(const char *buf, size_t offset)
{
	struct cxl_evt event;

	memcpy(&event, buf + offset, 16);
	ck_assert_uint_eq(event.header.type, CXL_EVT_AFU_INTERRUPT);
	ck_assert_uint_eq(event.header.size, 16);
	return event.irq.irq;
}

START_TEST(test_no_event_is_eagain_and_rubbish_is_not_returned)
{
	char buf[CXL_EVENT_READ_MIN];

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EAGAIN);
}
END_TEST

/* poll(2) says nothing of those that libcxl holds: one call has to return them all. */
START_TEST(test_all_events_of_a_read_come_at_once)
{
	struct cxl_evt fault = { .header = { .type = CXL_EVT_DATA_STORAGE, .size = 40 },
				 .fault = { .addr = 0x1000 } };
	char buf[CXL_EVENT_READ_MIN];
	struct cxl_evt seen;

	begin_read();
	append(interrupt(1));
	append(fault);
	append(interrupt(2));
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), 16 + 40 + 16);
	ck_assert_uint_eq(lisn_at(buf, 0), 1);
	memcpy(&seen, buf + 16, sizeof(seen));
	ck_assert_mem_eq(&seen, &fault, sizeof(seen));
	ck_assert_uint_eq(lisn_at(buf, 56), 2);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EAGAIN);
}
END_TEST

START_TEST(test_events_of_several_reads_stay_in_order)
{
	char buf[CXL_EVENT_READ_MIN];

	begin_read();
	append(interrupt(1));
	begin_read();
	append(interrupt(2));
	append(interrupt(3));
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), 48);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(lisn_at(buf, 16 * i), i + 1);
}
END_TEST

START_TEST(test_what_does_not_fit_comes_next)
{
	char buf[CXL_EVENT_READ_MIN];

	begin_read();
	for (unsigned i = 0; i < 256; i++)
		append(interrupt(i + 1));
	begin_read();
	for (unsigned i = 0; i < 256; i++)
		append(interrupt(i + 257));
	for (unsigned round = 0; round < 2; round++) {
		ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), sizeof(buf));
		for (unsigned i = 0; i < 256; i++)
			ck_assert_uint_eq(lisn_at(buf, 16 * i), 256 * round + i + 1);
	}
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EAGAIN);
}
END_TEST

START_TEST(test_closed_context_is_eio_after_the_last_event)
{
	char buf[CXL_EVENT_READ_MIN];

	begin_read();
	append(interrupt(2));
	read_fails(EIO);
	read_fails(EIO);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), 16);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EIO);
}
END_TEST

START_TEST(test_other_failures_of_a_read_keep_their_errno)
{
	char buf[CXL_EVENT_READ_MIN];

	read_fails(EINTR);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EINTR);
	begin_read(); /* of nothing at all */
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EAGAIN);
}
END_TEST

/* An event without a size would be returned forever. */
START_TEST(test_event_without_a_size_is_eio)
{
	char buf[CXL_EVENT_READ_MIN];

	begin_read();
	append(interrupt(2));
	append(interrupt(2));
	memset(fake_libcxl()->reads[0].bytes + 16, 0, 8);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), 16);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EIO);
	ck_assert_int_eq(ops->event_read(mmio, buf, sizeof(buf)), -EIO);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

static void add_choice(Suite *suite)
{
	TCase *tc = tcase_create("choice");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_libcxl_is_the_first_choice);
	tcase_add_loop_test(tc, test_what_libcxl_refuses_is_done_with_system_calls, 0, 4);
	tcase_add_test(tc, test_failure_of_every_way_has_the_drivers_errno);
	tcase_add_test(tc, test_unmap_leaves_fd2_open_and_nothing_else);
	tcase_add_test(tc, test_unmap_spares_a_stranger_with_fd2s_number);
	suite_add_tcase(suite, tc);
}

static void add_registers(Suite *suite)
{
	TCase *tc = tcase_create("registers");

	tcase_add_checked_fixture(tc, setup_mapped, teardown_mapped);
	tcase_add_test(tc, test_child_closes_what_it_inherited_and_unmaps_nothing);
	tcase_add_test(tc, test_registers_are_big_endian_on_the_wire);
	tcase_add_test(tc, test_all_ones_of_a_lost_context_are_a_value);
	tcase_add_loop_test(tc, test_registers_of_a_dead_mapping_read_all_ones, 0, 2);
	suite_add_tcase(suite, tc);
}

static void add_events(Suite *suite)
{
	TCase *tc = tcase_create("events");

	tcase_add_checked_fixture(tc, setup_mapped, teardown_mapped);
	tcase_add_test(tc, test_no_event_is_eagain_and_rubbish_is_not_returned);
	tcase_add_test(tc, test_all_events_of_a_read_come_at_once);
	tcase_add_test(tc, test_events_of_several_reads_stay_in_order);
	tcase_add_test(tc, test_what_does_not_fit_comes_next);
	tcase_add_test(tc, test_closed_context_is_eio_after_the_last_event);
	tcase_add_test(tc, test_other_failures_of_a_read_keep_their_errno);
	tcase_add_test(tc, test_event_without_a_size_is_eio);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("libcxl");

	add_choice(suite);
	add_registers(suite);
	add_events(suite);
	return run_suite(suite);
}
