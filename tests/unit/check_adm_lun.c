/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxlfsadm lun on a fake sysfs, with ordinary files as device nodes, and on an emulated adapter.
 */
#include "adm/lun.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devport/devport.h"

#define WWID_A "600507680ca91f1a5000000000005100"
#define WWID_B "600507680ca91f1a5000000000005101"

static char root[256], sysfs[300], dev[300], proc[300];
static struct lun_host host;

/* ---- the ioctl of the made-up driver ---- */

static struct {
	unsigned calls;
	struct dk_manage_lun args[8];
	int results[8];
} driver;

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(request, DK_IOCTL_MANAGE_LUN);
	ck_assert_uint_lt(driver.calls, 8);
	memcpy(&driver.args[driver.calls], arg, sizeof(struct dk_manage_lun));
	return driver.results[driver.calls++];
}

/* ---- making directories and files --------------------------------------------------------------
 */

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755))
			ck_assert_int_eq(errno, EEXIST);
		*slash = '/';
	}
}

static void put(const void *bytes, size_t length, const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int fd;

	va_start(ap, format);
	vsnprintf(path, sizeof(path), format, ap);
	va_end(ap);
	make_parents(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

#define put_line(line, ...) put(line "\n", sizeof(line), __VA_ARGS__)

static void put_link(const char *target, const char *link_name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", link_name);
	make_parents(path);
	ck_assert_int_eq(symlink(target, path), 0);
}

/* Page 0x83: a vendor's name first, then the NAA-6 one; both must be parsed. */
static void put_page(const char *wwid_text, const char *device)
{
	static const uint8_t head[] = { 0,   0x83, 0,   32,  2,   1,   0, 8, 'I', 'B',
					'M', ' ',  'x', 'y', 'z', ' ', 1, 3, 0,   16 };
	uint8_t page[sizeof(head) + DK_WWID_LEN];

	memcpy(page, head, sizeof(head));
	ck_assert_int_eq(lun_wwid_parse(wwid_text, page + sizeof(head)), 0);
	put(page, sizeof(page), "%s/vpd_pg83", device);
}

static void make_adapter(const char *name, const char *driver_name)
{
	char link[PATH_MAX], target[128];

	snprintf(link, sizeof(link), "%s/class/scsi_host/%s", sysfs, name);
	snprintf(target, sizeof(target), "../../devices/0004:01:00.0/%s/scsi_host/%s", name, name);
	put("", 0, "%s/devices/0004:01:00.0/%s/scsi_host/%s/x", sysfs, name, name);
	put_link(target, link);
	put(driver_name, strlen(driver_name), "%s/proc_name", link);
	put_line("online", "%s/port0", link);
	put_line("offline", "%s/port1", link);
	put("", 0, "%s/port2", link);
}

static void make_path(const char *address, const char *disk, const char *generic,
		      const char *wwid_text)
{
	char device[PATH_MAX];

	snprintf(device, sizeof(device), "%s/class/scsi_device/%s/device", sysfs, address);
	put_line("0", "%s/type", device);
	put_line("legacy", "%s/mode", device);
	put_page(wwid_text, device);
	put("", 0, "%s/scsi_generic/%s/dev", device, generic);
	put("", 0, "%s/%s", dev, generic);
	if (!disk)
		return;
	put("", 0, "%s/block/%s/dev", device, disk);
	put("", 0, "%s/%s", dev, disk);
	put_line("16777216", "%s/block/%s/size", sysfs, disk);
	put_line("4096", "%s/block/%s/queue/logical_block_size", sysfs, disk);
}

static void make_machine(void)
{
	make_adapter("host2", "cxlflash");
	make_adapter("host9", "ahci");
	make_path("2:0:0:0", "sda", "sg0", WWID_A);
	make_path("2:0:0:1", "sdb", "sg1", WWID_B);
	make_path("2:1:0:0", "sdc", "sg2", WWID_A);
	make_path("9:0:0:0", "sdz", "sg9", "600507680ca91f1a50000000000051ff");
}

static void set_mode(const char *address, const char *mode)
{
	put(mode, strlen(mode), "%s/class/scsi_device/%s/device/mode", sysfs, address);
}

static void make_process(int pid, const char *command, const char *const targets[])
{
	char link[PATH_MAX];

	put(command, strlen(command), "%s/%d/comm", proc, pid);
	put("", 0, "%s/%d/fd/x", proc, pid);
	for (int i = 0; targets[i]; i++) {
		snprintf(link, sizeof(link), "%s/%d/fd/%d", proc, pid, i);
		put_link(targets[i], link);
	}
}

static void setup(void)
{
	snprintf(root, sizeof(root), "%s/check_adm_lun.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(sysfs, sizeof(sysfs), "%s/sys", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	snprintf(proc, sizeof(proc), "%s/proc", root);
	memset(&driver, 0, sizeof(driver));
	host = (struct lun_host){
		.sysfs = sysfs, .dev = dev, .proc = proc, .release = "6.12.1", .ioctl = fake_ioctl
	};
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- running the command
 * ------------------------------------------------------------------------- */

static char *said, *complained;

/* Runs `lun WORDS...`; what it printed is in said and complained until the next run. */
static int run(const char *const words[])
{
	size_t said_bytes = 0;
	FILE *out, *saved = stderr;
	size_t complained_bytes = 0;
	int argc = 0, status;

	free(said);
	free(complained);
	out = open_memstream(&said, &said_bytes);
	stderr = open_memstream(&complained, &complained_bytes);
	while (words[argc])
		argc++;
	status = lun_command(&host, argc, (char *const *)words, out);
	fclose(out);
	fclose(stderr);
	stderr = saved;
	return status;
}

#define RUN(...)            run((const char *const[]){ __VA_ARGS__, NULL })
#define ck_said(text)       ck_assert_msg(strstr(said, text), "said: %s", said)
#define ck_complained(text) ck_assert_msg(strstr(complained, text), "complained: %s", complained)

static void drop_output(void)
{
	free(said);
	free(complained);
	said = complained = NULL;
}

/* ---- core
 * ------------------------------------------------------------------------------------------ */

START_TEST(test_lun_paths_with_one_wwid_are_one_lun)
{
	struct lun_list list = { 0 };
	struct lun *lun;

	make_machine();
	ck_assert_int_eq(lun_sysfs_scan(&host, &list), 0);
	ck_assert_uint_eq(list.nr_adapters, 1);
	ck_assert_str_eq(list.adapters[0].name, "host2");
	ck_assert_str_eq(list.adapters[0].address, "0004:01:00.0");
	/* Registers are read only on request. */
	ck_assert_uint_eq(list.adapters[0].nr_ports, 0);
	lun_sysfs_read_ports(&host, &list);
	ck_assert_uint_eq(list.adapters[0].nr_ports, 2);
	ck_assert_str_eq(list.adapters[0].port_state[1], "offline");
	ck_assert_uint_eq(list.nr_luns, 2);
	lun = lun_list_find(&list, WWID_A);
	ck_assert_ptr_nonnull(lun);
	ck_assert_uint_eq(lun->nr_paths, 2);
	ck_assert_uint_eq(lun->paths[0].port, 0);
	ck_assert_uint_eq(lun->paths[1].port, 1);
	ck_assert_uint_eq(lun->bytes, 16777216ull * 512);
	ck_assert_uint_eq(lun->block_bytes, 4096);
	lun_list_fini(&list);
}
END_TEST

START_TEST(test_lun_other_drivers_disks_are_not_listed)
{
	make_machine();
	ck_assert_int_eq(RUN("list"), 0);
	ck_said(WWID_A);
	ck_said("sda,sdc");
	ck_assert_ptr_null(strstr(said, "sdz"));
	ck_assert_ptr_null(strstr(said, "host9"));
}
END_TEST

START_TEST(test_lun_enable_switches_every_path_by_wwid)
{
	uint8_t wwid[DK_WWID_LEN];

	make_machine();
	ck_assert_int_eq(RUN("enable", WWID_A), 0);
	ck_assert_uint_eq(driver.calls, 2);
	ck_assert_int_eq(lun_wwid_parse(WWID_A, wwid), 0);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_mem_eq(driver.args[i].wwid, wwid, DK_WWID_LEN);
		ck_assert_uint_eq(driver.args[i].hdr.flags, DK_MLF_ENABLE_SUPERPIPE);
		ck_assert_uint_eq(driver.args[i].hdr.version, 0);
		ck_assert_uint_eq(driver.args[i].hdr.return_flags, 0);
	}
	ck_said("superpipe mode on 2 paths\n");
}
END_TEST

START_TEST(test_lun_enable_leaves_paths_alone_that_are_there_already)
{
	make_machine();
	set_mode("2:1:0:0", "superpipe");
	ck_assert_int_eq(RUN("enable", WWID_A), 0);
	ck_assert_uint_eq(driver.calls, 1);
	set_mode("2:0:0:0", "superpipe");
	ck_assert_int_eq(RUN("enable", WWID_A), 0);
	ck_assert_uint_eq(driver.calls, 1);
	ck_said("already");
}
END_TEST

START_TEST(test_lun_disable_asks_for_legacy_mode)
{
	make_machine();
	set_mode("2:0:0:0", "superpipe");
	set_mode("2:1:0:0", "superpipe");
	ck_assert_int_eq(RUN("disable", "0x" WWID_A), 0);
	ck_assert_uint_eq(driver.calls, 2);
	ck_assert_uint_eq(driver.args[0].hdr.flags, DK_MLF_DISABLE_SUPERPIPE);
}
END_TEST

START_TEST(test_lun_all_means_all)
{
	make_machine();
	ck_assert_int_eq(RUN("enable", "all"), 0);
	ck_assert_uint_eq(driver.calls, 3);
}
END_TEST

START_TEST(test_lun_a_device_names_its_lun)
{
	char node[PATH_MAX + 8], link[PATH_MAX + 16];

	make_machine();
	snprintf(node, sizeof(node), "%s/sdc", dev);
	ck_assert_int_eq(RUN("enable", node), 0);
	ck_assert_uint_eq(driver.calls, 2);
	snprintf(link, sizeof(link), "%s/by-id", dev);
	put_link("sdb", link);
	ck_assert_int_eq(RUN("enable", link), 0);
	ck_assert_uint_eq(driver.calls, 3);
}
END_TEST

START_TEST(test_lun_wwid_is_read_in_every_spelling)
{
	uint8_t a[DK_WWID_LEN], b[DK_WWID_LEN];
	static const char *const good[] = { "naa." WWID_A, "NAA." WWID_A, "0x" WWID_A, "3" WWID_A,
					    "600507680CA91F1A5000000000005100" };
	static const char *const bad[] = {
		"", "naa.", "6005", (WWID_A "0"), ("0x3" WWID_A), "600507680ca91f1a500000000000510g"
	};

	ck_assert_int_eq(lun_wwid_parse(WWID_A, a), 0);
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		ck_assert_int_eq(lun_wwid_parse(good[i], b), 0);
		ck_assert_mem_eq(a, b, sizeof(a));
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_int_eq(lun_wwid_parse(bad[i], b), -EINVAL);
}
END_TEST

START_TEST(test_lun_json_tells_the_same)
{
	const char *const open_files[] = { "/dev/null", NULL };
	struct json_object *json, *luns, *lun, *value;

	make_machine();
	make_process(77, "idle", open_files);
	set_mode("2:0:0:0", "superpipe");
	ck_assert_int_eq(RUN("list", "--json"), 0);
	json = json_tokener_parse(said);
	ck_assert_ptr_nonnull(json);
	ck_assert(json_object_object_get_ex(json, "luns", &luns));
	ck_assert_uint_eq(json_object_array_length(luns), 2);
	lun = json_object_array_get_idx(luns, 0);
	ck_assert(json_object_object_get_ex(lun, "wwid", &value));
	ck_assert_str_eq(json_object_get_string(value), WWID_A);
	ck_assert(json_object_object_get_ex(lun, "bytes", &value));
	ck_assert_uint_eq(json_object_get_uint64(value), 16777216ull * 512);
	ck_assert(json_object_object_get_ex(lun, "mode", &value));
	ck_assert_str_eq(json_object_get_string(value), "mixed");
	ck_assert(json_object_object_get_ex(lun, "users", &value));
	ck_assert_uint_eq(json_object_array_length(value), 0);
	json_object_put(json);
}
END_TEST

START_TEST(test_lun_processes_that_have_it_open_are_its_users)
{
	char node[PATH_MAX + 8];
	const char *const open_files[] = { "/dev/null", node, "/cxl:3", NULL };

	make_machine();
	snprintf(node, sizeof(node), "%s/sda", dev);
	make_process(4711, "cxlfs\n", open_files);
	ck_assert_int_eq(RUN("list"), 0);
	ck_said("cxlfs (pid 4711)");
}
END_TEST

/* ---- limits
 * ------------------------------------------------------------------------------------------ */

START_TEST(test_lun_damaged_identification_pages_are_survived)
{
	static const uint8_t pages[][12] = {
		{ 0 },
		{ 0, 0x83 },
		{ 0, 0x83, 0xff, 0xff, 1, 3, 0, 16, 0x60 },
		{ 0, 0x83, 0, 8, 1, 3, 0, 0xff, 0x60 },
		{ 0, 0x83, 0, 1, 1 },
	};

	make_machine();
	for (unsigned i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		for (size_t bytes = 0; bytes <= sizeof(pages[i]); bytes++) {
			put(pages[i], bytes, "%s/class/scsi_device/2:0:0:1/device/vpd_pg83", sysfs);
			ck_assert_int_eq(RUN("list"), 0);
			ck_said(WWID_A);
			ck_assert_ptr_null(strstr(said, WWID_B));
			ck_complained("2:0:0:1");
		}
}
END_TEST

START_TEST(test_lun_wwid_attribute_stands_in_for_a_missing_page)
{
	make_machine();
	put("", 0, "%s/class/scsi_device/2:0:0:1/device/vpd_pg83", sysfs);
	put_line("naa." WWID_B, "%s/class/scsi_device/2:0:0:1/device/wwid", sysfs);
	ck_assert_int_eq(RUN("list"), 0);
	ck_said(WWID_B);
}
END_TEST

START_TEST(test_lun_a_path_without_a_disk_goes_by_its_sg_node)
{
	make_machine();
	make_path("2:0:0:5", NULL, "sg5", "600507680ca91f1a5000000000005105");
	ck_assert_int_eq(RUN("enable", "600507680ca91f1a5000000000005105"), 0);
	ck_assert_uint_eq(driver.calls, 1);
}
END_TEST

/* ---- errors
 * ------------------------------------------------------------------------------------------- */

START_TEST(test_lun_no_driver_says_from_which_kernel_it_is_gone)
{
	host.release = "6.18.44";
	ck_assert_int_eq(RUN("list"), 1);
	ck_complained("6.15");
	host.release = "6.15.0";
	ck_assert_int_eq(RUN("list"), 1);
	ck_complained("6.15");
	host.release = "6.14.11";
	ck_assert_int_eq(RUN("list"), 1);
	ck_complained("modprobe cxlflash");
}
END_TEST

START_TEST(test_lun_driver_without_adapter_is_said)
{
	put("", 0, "%s/bus/pci/drivers/cxlflash/bind", sysfs);
	ck_assert_int_eq(RUN("list"), 1);
	ck_complained("found no CXL Flash adapter");
	ck_assert_int_eq(RUN("list", "--json"), 1);
	ck_said("\"luns\"");
}
END_TEST

START_TEST(test_lun_unknown_lun_is_refused)
{
	make_machine();
	ck_assert_int_eq(RUN("enable", "600507680ca91f1a50000000000051ff"), 1);
	ck_complained("600507680ca91f1a50000000000051ff: no LUN");
	ck_assert_int_eq(RUN("disable", "/nonexistent"), 1);
	ck_assert_int_eq(RUN("disable", "sda"), 1);
	ck_assert_uint_eq(driver.calls, 0);
}
END_TEST

START_TEST(test_lun_disable_of_an_attached_lun_says_who_to_stop)
{
	char node[PATH_MAX + 8];
	const char *const open_files[] = { node, "/cxl:3", NULL };

	make_machine();
	set_mode("2:0:0:0", "superpipe");
	snprintf(node, sizeof(node), "%s/sda", dev);
	make_process(4711, "cxlfs\n", open_files);
	ck_assert_int_eq(RUN("disable", WWID_A), 1);
	ck_complained("cxlfs (pid 4711)");
	ck_assert_uint_eq(driver.calls, 0);
}
END_TEST

START_TEST(test_lun_disable_that_the_driver_refuses_is_explained)
{
	make_machine();
	set_mode("2:0:0:0", "superpipe");
	driver.results[0] = -EBUSY;
	ck_assert_int_eq(RUN("disable", WWID_A), 1);
	ck_complained("in use");
	ck_complained("0 of 2 paths");
}
END_TEST

START_TEST(test_lun_one_bad_path_does_not_stop_the_others)
{
	make_machine();
	driver.results[0] = -ENOMEM;
	ck_assert_int_eq(RUN("enable", WWID_A), 1);
	ck_assert_uint_eq(driver.calls, 2);
	ck_complained("1 of 2 paths");
}
END_TEST

START_TEST(test_lun_missing_node_is_explained)
{
	char node[PATH_MAX + 8];

	make_machine();
	snprintf(node, sizeof(node), "%s/sg1", dev);
	ck_assert_int_eq(unlink(node), 0);
	ck_assert_int_eq(RUN("enable", WWID_B), 1);
	ck_complained("sg1");
	ck_complained("No such file");
}
END_TEST

START_TEST(test_lun_wrong_words_are_a_usage_error)
{
	make_machine();
	ck_assert_int_eq(run((const char *const[]){ NULL }), 2);
	ck_assert_int_eq(RUN("list", "--xml"), 2);
	ck_assert_int_eq(RUN("list", "emul:a", "emul:b"), 2);
	ck_assert_int_eq(RUN("enable"), 2);
	ck_assert_int_eq(RUN("enable", "emul:a"), 2);
	ck_assert_int_eq(RUN("enable", "all", "all"), 2);
	ck_assert_int_eq(RUN("switch", "all"), 2);
	ck_complained("usage");
}
END_TEST

/* ---- an emulated adapter
 * -------------------------------------------------------------------------------- */

static char emul_device[PATH_MAX + 8];

static void make_emulated(void)
{
	char device[PATH_MAX + 64];
	struct devport *dp;

	put("", 0, "%s/x", root);
	snprintf(emul_device, sizeof(emul_device), "emul:%s/a\\,b", root);
	snprintf(device, sizeof(device), "%s,luns=2,size=1G,ports=2", emul_device);
	ck_assert_int_eq(devport_find(device)->open(device, NULL, NULL, &dp), 0);
	dp->ops->close(dp);
}

static unsigned count(const char *text, const char *word)
{
	unsigned nr = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		nr++;
	return nr;
}

START_TEST(test_lun_emulated_luns_can_be_listed_and_switched)
{
	make_emulated();
	ck_assert_int_eq(RUN("list", emul_device), 0);
	ck_assert_uint_eq(count(said, "port=1"), 2);
	ck_assert_int_eq(RUN("disable", "all", emul_device), 0);
	ck_assert_int_eq(RUN("list", emul_device), 0);
	ck_assert_uint_eq(count(said, " legacy "), 2);
	ck_assert_int_eq(RUN("enable", "all", emul_device), 0);
	ck_assert_int_eq(RUN("list", emul_device), 0);
	ck_assert_uint_eq(count(said, " superpipe "), 2);
}
END_TEST

START_TEST(test_lun_emulated_lun_that_is_attached_stays)
{
	struct dk_attach attach = { .hdr.flags = O_RDWR, .num_interrupts = 4 };
	struct dk_detach detach = { 0 };
	char device[PATH_MAX + 64], pid[32];
	struct devport *dp;

	make_emulated();
	snprintf(device, sizeof(device), "%s,lun=0", emul_device);
	ck_assert_int_eq(devport_find(device)->open(device, NULL, NULL, &dp), 0);
	ck_assert_int_eq(dp->ops->ioctl(dp, DK_IOCTL_ATTACH, &attach), 0);
	ck_assert_int_eq(RUN("disable", "all", emul_device), 1);
	snprintf(pid, sizeof(pid), "(pid %d)", (int)getpid());
	ck_complained(pid);
	detach.context_id = attach.context_id;
	ck_assert_int_eq(dp->ops->ioctl(dp, DK_IOCTL_DETACH, &detach), 0);
	ck_assert_int_eq(dp->ops->close_adap_fd(dp, (int)attach.adap_fd), 0);
	dp->ops->close(dp);
	ck_assert_int_eq(RUN("disable", "all", emul_device), 0);
}
END_TEST

START_TEST(test_lun_listing_does_not_make_an_adapter)
{
	char device[PATH_MAX + 16];

	put("", 0, "%s/x", root);
	snprintf(device, sizeof(device), "emul:%s/none", root);
	ck_assert_int_eq(RUN("list", device), 1);
	ck_complained("no emulated adapter");
	ck_assert_int_eq(access(device + strlen("emul:"), F_OK), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adm_lun");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	TCase *errors = tcase_create("errors"), *emul = tcase_create("emul");
	TCase *const all[] = { core, limits, errors, emul };
	int status;

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		tcase_add_checked_fixture(all[i], setup, teardown);
		suite_add_tcase(suite, all[i]);
	}
	tcase_add_test(core, test_lun_paths_with_one_wwid_are_one_lun);
	tcase_add_test(core, test_lun_other_drivers_disks_are_not_listed);
	tcase_add_test(core, test_lun_enable_switches_every_path_by_wwid);
	tcase_add_test(core, test_lun_enable_leaves_paths_alone_that_are_there_already);
	tcase_add_test(core, test_lun_disable_asks_for_legacy_mode);
	tcase_add_test(core, test_lun_all_means_all);
	tcase_add_test(core, test_lun_a_device_names_its_lun);
	tcase_add_test(core, test_lun_wwid_is_read_in_every_spelling);
	tcase_add_test(core, test_lun_json_tells_the_same);
	tcase_add_test(core, test_lun_processes_that_have_it_open_are_its_users);
	tcase_add_test(limits, test_lun_damaged_identification_pages_are_survived);
	tcase_add_test(limits, test_lun_wwid_attribute_stands_in_for_a_missing_page);
	tcase_add_test(limits, test_lun_a_path_without_a_disk_goes_by_its_sg_node);
	tcase_add_test(errors, test_lun_no_driver_says_from_which_kernel_it_is_gone);
	tcase_add_test(errors, test_lun_driver_without_adapter_is_said);
	tcase_add_test(errors, test_lun_unknown_lun_is_refused);
	tcase_add_test(errors, test_lun_disable_of_an_attached_lun_says_who_to_stop);
	tcase_add_test(errors, test_lun_disable_that_the_driver_refuses_is_explained);
	tcase_add_test(errors, test_lun_one_bad_path_does_not_stop_the_others);
	tcase_add_test(errors, test_lun_missing_node_is_explained);
	tcase_add_test(errors, test_lun_wrong_words_are_a_usage_error);
	tcase_add_test(emul, test_lun_emulated_luns_can_be_listed_and_switched);
	tcase_add_test(emul, test_lun_emulated_lun_that_is_attached_stays);
	tcase_add_test(emul, test_lun_listing_does_not_make_an_adapter);
	status = run_suite(suite);
	drop_output();
	return status;
}
