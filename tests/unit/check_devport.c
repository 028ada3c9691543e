/* SPDX-License-Identifier: Apache-2.0 */
/* Which devport a device name selects, and the parts of the kernel devport that need no card. */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devport/devport.h"
#include "devport/mmio_guard.h"
#include "devport/scsi_sysfs.h"
#include "wire/cxlflash_abi.h"
#include "wire/sisl.h"

static char explained[512];

static void on_explain(void *arg, const char *text)
{
	(void)arg;
	strncpy(explained, text, sizeof(explained) - 1);
}

START_TEST(test_devport_goes_by_the_form_of_the_name)
{
	ck_assert_ptr_eq(devport_find("emul:/tmp/x"), &devport_emul_ops);
	ck_assert_ptr_eq(devport_find("emul:"), &devport_emul_ops);
	ck_assert_ptr_eq(devport_find("/dev/sda"), &devport_kernel_ops);
	ck_assert_ptr_eq(devport_find("emul"), &devport_kernel_ops);
	ck_assert_ptr_eq(devport_find(""), &devport_kernel_ops);
}
END_TEST

START_TEST(test_kernel_port_says_what_is_wrong_with_a_name)
{
	struct devport *dp = NULL;

	ck_assert_int_eq(devport_kernel_ops.open("/dev/no such disk", on_explain, NULL, &dp),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(explained, "/dev/no such disk: No such file"));
	ck_assert_int_eq(devport_kernel_ops.open("/tmp", on_explain, NULL, &dp), -ENOTBLK);
	ck_assert_ptr_nonnull(strstr(explained, "/tmp is not a device node"));
	ck_assert_int_ne(devport_kernel_ops.open("/dev/null", on_explain, NULL, &dp), 0);
	ck_assert_int_eq(devport_kernel_ops.open("/tmp", NULL, NULL, &dp), -ENOTBLK);
	ck_assert_ptr_null(dp);
	devport_kernel_ops.close(NULL);
	devport_kernel_ops.unmap(NULL);
}
END_TEST

/* ---- sysfs ---- */

static char sysfs[64];

static void make_dir(const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "mkdir -p '%s/%s'", sysfs, name);
	ck_assert_int_eq(system(command), 0);
}

static void make_file(const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", sysfs, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s\n", text);
	fclose(file);
}

static void make_link(const char *name, const char *target)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", sysfs, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

#define SCSI_DEVICE "devices/pci0/0000:01:00.0/host5/target5:0:0/5:0:0:0"

/* A disk 8:16 and an sg node 21:1 of a SCSI host with this driver, in this LUN mode. */
static void setup_sysfs(const char *driver, const char *mode)
{
	strcpy(sysfs, "/tmp/check_devport.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(sysfs));
	make_dir(SCSI_DEVICE);
	make_dir("dev/block/8:16");
	make_dir("dev/char/21:1");
	make_dir("class/scsi_host/host5");
	make_link("dev/block/8:16/device", "../../../" SCSI_DEVICE);
	make_link("dev/char/21:1/device", "../../../" SCSI_DEVICE);
	make_file("class/scsi_host/host5/proc_name", driver);
	if (mode)
		make_file(SCSI_DEVICE "/mode", mode);
}

static void teardown_sysfs(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", sysfs);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(test_sysfs_superpipe_lun_is_taken)
{
	char why[256] = "";

	setup_sysfs("cxlflash", _i ? "superpipe" : NULL);
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(8, 16), why, sizeof(why)), 0);
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFCHR, makedev(21, 1), why, sizeof(why)), 0);
	teardown_sysfs();
}
END_TEST

START_TEST(test_sysfs_legacy_lun_is_refused)
{
	char why[256] = "";

	setup_sysfs("cxlflash", "legacy");
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(8, 16), why, sizeof(why)),
			 -EPERM);
	ck_assert_str_eq(why, "is in legacy mode");
	teardown_sysfs();
}
END_TEST

START_TEST(test_sysfs_disk_of_another_driver_is_refused_by_name)
{
	char why[256] = "";

	setup_sysfs("ahci", NULL);
	make_dir("class/scsi_host/host6");
	make_file("class/scsi_host/host6/proc_name", "cxlflash");
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(8, 16), why, sizeof(why)),
			 -ENODEV);
	ck_assert_str_eq(why, "belongs to driver 'ahci', not to a CXL Flash adapter");
	teardown_sysfs();
}
END_TEST

START_TEST(test_sysfs_driver_without_an_adapter_is_told)
{
	char why[256] = "";

	setup_sysfs("ahci", NULL);
	make_dir("bus/pci/drivers/cxlflash");
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(8, 16), why, sizeof(why)),
			 -ENODEV);
	ck_assert_ptr_nonnull(strstr(why, "has found no adapter"));
	teardown_sysfs();
}
END_TEST

START_TEST(test_sysfs_kernel_without_the_driver_is_named)
{
	char why[256] = "";

	setup_sysfs("ahci", NULL);
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(8, 16), why, sizeof(why)),
			 -ENODEV);
	ck_assert(strstr(why, "left Linux with 6.15") || strstr(why, "modprobe cxlflash"));
	teardown_sysfs();
}
END_TEST

START_TEST(test_sysfs_node_that_is_no_scsi_device_is_refused)
{
	char why[256] = "";

	setup_sysfs("cxlflash", NULL);
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFBLK, makedev(7, 0), why, sizeof(why)),
			 -ENOTBLK);
	ck_assert_int_eq(scsi_sysfs_check(sysfs, S_IFREG, makedev(8, 16), why, sizeof(why)),
			 -ENOTBLK);
	/* Without sysfs the driver decides. */
	ck_assert_int_eq(
		scsi_sysfs_check("/nonexistent", S_IFBLK, makedev(8, 16), why, sizeof(why)), 0);
	teardown_sysfs();
}
END_TEST

/* ---- registers of a mapping ---- */

/* A file instead of fd2: its mapping dies when it is cut, and that is a SIGBUS as on a card. */
static int make_area(void)
{
	int fd = memfd_create("area", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, SISL_MMIO_BYTES), 0);
	return fd;
}

START_TEST(test_kernel_registers_are_big_endian_on_the_wire)
{
	const struct devport_ops *ops = &devport_kernel_ops;
	struct devport_mmio *mmio;
	int fd = make_area();
	uint8_t wire[8];

	ck_assert_int_eq(ops->map(NULL, fd, SISL_MMIO_BYTES, &mmio), 0);
	ops->write64(mmio, SISL_RRQ_START, 0x0102030405060708ull);
	ck_assert_int_eq(pread(fd, wire, 8, SISL_RRQ_START), 8);
	ck_assert_mem_eq(wire, "\1\2\3\4\5\6\7\10", 8);
	ck_assert_uint_eq(ops->read64(mmio, SISL_RRQ_START), 0x0102030405060708ull);
	ck_assert_int_eq(pwrite(fd, "\x80\0\0\0\0\0\0\x80", 8, SISL_CMD_ROOM), 8);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), SISL_ENDIAN_BIG);
	ck_assert_int_eq(ops->event_fd(mmio), fd);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_uint_eq(ops->run(mmio), 0);
	ops->unmap(mmio);
	ck_assert_int_eq(ops->close_adap_fd(NULL, fd), 0);
	ck_assert_int_eq(ops->close_adap_fd(NULL, fd), -EBADF);
}
END_TEST

START_TEST(test_kernel_registers_of_a_dead_mapping_read_all_ones)
{
	const struct devport_ops *ops = &devport_kernel_ops;
	struct devport_mmio *mmio;
	int fd = make_area();

	ck_assert_int_eq(ops->map(NULL, fd, SISL_MMIO_BYTES, &mmio), 0);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), SISL_ALL_ONES);
		ops->write64(mmio, SISL_IOARRIN, 1);
	}
	/* A dead mapping stays dead; a new one works. */
	ck_assert_int_eq(ftruncate(fd, SISL_MMIO_BYTES), 0);
	ck_assert_uint_eq(ops->read64(mmio, SISL_INTR_STATUS), SISL_ALL_ONES);
	ops->unmap(mmio);
	ck_assert_int_eq(ops->map(NULL, fd, SISL_MMIO_BYTES, &mmio), 0);
	ck_assert_uint_eq(ops->read64(mmio, SISL_INTR_STATUS), 0);
	ops->unmap(mmio);
	close(fd);
}
END_TEST

static int nr_seen;

static void on_foreign_sigbus(int signal_number)
{
	(void)signal_number;
	/* Ends a fault that would repeat forever. */
	if (++nr_seen == 100)
		_exit(99);
}

START_TEST(test_guard_hands_other_sigbus_on_to_who_was_there_before)
{
	signal(SIGBUS, on_foreign_sigbus);
	ck_assert_int_eq(mmio_guard_install(), 0);
	ck_assert_int_eq(mmio_guard_install(), 0);
	raise(SIGBUS);
	ck_assert_int_eq(nr_seen, 1);
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they take SIGBUS as well */
START_TEST(test_guard_does_not_save_a_program_from_its_own_faults)
{
	int fd = make_area(), status;
	pid_t child;

	ck_assert_int_eq(mmio_guard_install(), 0);
	child = fork();
	if (child == 0) {
		volatile char *area = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

		if (ftruncate(fd, 0))
			_exit(43);
		_exit(area[0] + 42);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) < 42 || WEXITSTATUS(status) == 99);
	ck_assert(!WIFSIGNALED(status) || WTERMSIG(status) == SIGBUS);
	close(fd);
}
END_TEST
#endif

START_TEST(test_kernel_mapping_stays_out_of_children)
{
	const struct devport_ops *ops = &devport_kernel_ops;
	struct devport_mmio *mmio;
	int fd = make_area(), status;
	pid_t child;

	ck_assert_int_eq(ops->map(NULL, fd, SISL_MMIO_BYTES, &mmio), 0);
	child = fork();
	if (child == 0) {
		ops->unmap(mmio);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert_uint_eq(ops->read64(mmio, SISL_CMD_ROOM), 0);
	ops->unmap(mmio);
	close(fd);
}
END_TEST

START_TEST(test_kernel_map_failures_are_told_and_leave_nothing)
{
	struct devport_mmio *mmio = NULL;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(devport_kernel_ops.map(NULL, -1, SISL_MMIO_BYTES, &mmio), -EBADF);
	ck_assert_int_eq(devport_kernel_ops.map(NULL, fd, SISL_MMIO_BYTES, &mmio), -ENODEV);
	ck_assert_ptr_null(mmio);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("devport");
	TCase *names = tcase_create("names");
	TCase *sysfs_case = tcase_create("sysfs");
	TCase *registers = tcase_create("registers");

	tcase_add_test(names, test_devport_goes_by_the_form_of_the_name);
	tcase_add_test(names, test_kernel_port_says_what_is_wrong_with_a_name);
	suite_add_tcase(suite, names);
	tcase_add_loop_test(sysfs_case, test_sysfs_superpipe_lun_is_taken, 0, 2);
	tcase_add_test(sysfs_case, test_sysfs_legacy_lun_is_refused);
	tcase_add_test(sysfs_case, test_sysfs_disk_of_another_driver_is_refused_by_name);
	tcase_add_test(sysfs_case, test_sysfs_driver_without_an_adapter_is_told);
	tcase_add_test(sysfs_case, test_sysfs_kernel_without_the_driver_is_named);
	tcase_add_test(sysfs_case, test_sysfs_node_that_is_no_scsi_device_is_refused);
	suite_add_tcase(suite, sysfs_case);
	/* Runs first: the guard can be installed only once, and with CK_FORK=no it stays. */
	tcase_add_test(registers, test_guard_hands_other_sigbus_on_to_who_was_there_before);
	tcase_add_test(registers, test_kernel_registers_are_big_endian_on_the_wire);
	tcase_add_test(registers, test_kernel_registers_of_a_dead_mapping_read_all_ones);
	tcase_add_test(registers, test_kernel_mapping_stays_out_of_children);
	tcase_add_test(registers, test_kernel_map_failures_are_told_and_leave_nothing);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	tcase_add_test(registers, test_guard_does_not_save_a_program_from_its_own_faults);
#endif
	suite_add_tcase(suite, registers);
	return run_suite(suite);
}
