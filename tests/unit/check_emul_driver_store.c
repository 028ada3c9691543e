/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of an adapter: name, creation, and every error in it. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emul/store/layout.h"
#include "emul/store/spec.h"
#include "emul/store/state.h"
#include "support/emul_rig.h"

#define TIMEOUT 300 /* seconds; for slow machines and valgrind */

static char dir[64], text[512];

static void explain(void *arg, const char *why)
{
	(void)arg;
	snprintf(text, sizeof(text), "%s", why);
}

/** Open emul:DIR@suffix and close it again; 0 or why not, with the sentence in text. */
static int try_open(const char *suffix)
{
	char device[512];
	struct devport *dp;
	int rc;

	text[0] = '\0';
	snprintf(device, sizeof(device), "emul:%s%s", dir, suffix);
	rc = devport_emul_ops.open(device, explain, NULL, &dp);
	if (!rc)
		dp->ops->close(dp);
	ck_assert_int_eq(!!rc, !!text[0]);
	return rc;
}

static void setup(void)
{
	strcpy(dir, "/tmp/emul_store.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	emul_rig_remove(dir);
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static bool is_there(const char *name)
{
	return !access(in_dir(name), F_OK);
}

static void poke(const char *name, off_t at, const void *bytes, size_t nr)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, nr, at), (ssize_t)nr);
	close(fd);
}

/* ---- names ---- */

static const struct {
	const char *device;
	int rc;
} specs[] = {
	{ "emul:/a", 0 },
	{ "emul:/a,", 0 },
	{ "emul:/a,luns=64,size=1P,bs=512,mode=ioarrin,handles=256,ports=4,ctx=7,seed=99", 0 },
	{ "emul:/a,latency=48us/20us,riops=324000,wiops=185000,irq=all,bugs=off,legacy_fd", 0 },
	{ "emul:/a,latency=read:48us,write:20us,riops=1,wiops=2", 0 },
	{ "emul:/a,size=1t", 0 },
	{ "emul:/a,lun=3,port=1", 0 },
	{ "emul:/a,latency=0/0", 0 },
	{ "emul:", -EINVAL },
	{ "emul:,luns=1", -EINVAL },
	{ "/dev/sda", -EINVAL },
	{ "emul:/a,luns=0", -EINVAL },
	{ "emul:/a,luns=65", -EINVAL },
	{ "emul:/a,luns=", -EINVAL },
	{ "emul:/a,luns", -EINVAL },
	{ "emul:/a,luns=-1", -EINVAL },
	{ "emul:/a,luns=+1", -EINVAL },
	{ "emul:/a,luns= 1", -EINVAL },
	{ "emul:/a,luns=1x", -EINVAL },
	{ "emul:/a,luns=4294967297", -EINVAL },
	{ "emul:/a,size=0", -EINVAL },
	{ "emul:/a,size=1X", -EINVAL },
	{ "emul:/a,size=1KK", -EINVAL },
	{ "emul:/a,size=18446744073709551616", -EINVAL },
	{ "emul:/a,size=16384P", -EINVAL },
	{ "emul:/a,size=18446744073709551615P", -EINVAL },
	{ "emul:/a,size=4096P,bs=512", -EINVAL },
	{ "emul:/a,size=4097", -EINVAL },
	{ "emul:/a,bs=1024", -EINVAL },
	{ "emul:/a,mode=SQ", -EINVAL },
	{ "emul:/a,handles=4097", -EINVAL },
	{ "emul:/a,ports=5", -EINVAL },
	{ "emul:/a,ctx=509", -EINVAL },
	{ "emul:/a,latency=48us", -EINVAL },
	{ "emul:/a,latency=48/20", -EINVAL },
	{ "emul:/a,latency=read:48", -EINVAL },
	{ "emul:/a,latency=61s/1s", -EINVAL },
	{ "emul:/a,irq=some", -EINVAL },
	{ "emul:/a,bugs=1", -EINVAL },
	{ "emul:/a,lun=64", -EINVAL },
	{ "emul:/a,colour=red", -EINVAL },
	{ "emul:/a,colour:red", -EINVAL },
	{ "emul:/a,=1", -EINVAL },
};

START_TEST(test_device_names_are_judged)
{
	struct emul_spec spec = { .path = (char *)"untouched" };
	int rc;

	text[0] = '\0';
	rc = emul_spec_parse(specs[_i].device, explain, NULL, &spec);
	ck_assert_msg(rc == specs[_i].rc, "%s: %d %s", specs[_i].device, rc, text);
	ck_assert_int_eq(!!text[0], !!rc);
	if (rc)
		ck_assert_str_eq(spec.path, "untouched");
	else
		emul_spec_fini(&spec);
}
END_TEST

START_TEST(test_options_arrive)
{
	struct emul_spec spec;

	ck_assert_int_eq(emul_spec_parse("emul:/a\\,b\\\\c,luns=2,size=3G,bs=512,lun=1,"
					 "latency=read:48us,write:20us,cmdroom=9",
					 NULL, NULL, &spec),
			 0);
	ck_assert_str_eq(spec.path, "/a,b\\c");
	ck_assert_uint_eq(spec.geometry.lun_blocks[1], (3ull << 30) / 512);
	ck_assert_uint_eq(spec.geometry.lun_blocks[2], 0);
	ck_assert_uint_eq(spec.geometry.read_ns, 48000);
	ck_assert_uint_eq(spec.geometry.write_ns, 20000);
	ck_assert_uint_eq(spec.geometry.cmd_room, 9);
	ck_assert_uint_eq(spec.geometry.sq_mode, 1);
	ck_assert_uint_eq(spec.geometry.nr_handles, 4096);
	ck_assert_uint_eq(spec.geometry.nr_ports, 2);
	ck_assert_uint_eq(spec.lun, 1);
	emul_spec_fini(&spec);
}
END_TEST

/* ---- making ---- */

START_TEST(test_missing_directory_is_made)
{
	rmdir(dir);
	ck_assert_int_eq(try_open(""), 0);
	ck_assert(is_there("adapter") && is_there("lun0") && is_there("mmio"));
	ck_assert(!is_there(".adapter.new"));
	ck_assert_int_eq(try_open(""), 0);
}
END_TEST

START_TEST(test_missing_parent_is_enoent)
{
	strcat(dir, "/no/such");
	ck_assert_int_eq(try_open(""), -ENOENT);
	*strrchr(dir, '/') = '\0';
	*strrchr(dir, '/') = '\0';
}
END_TEST

START_TEST(test_file_in_place_of_the_directory_is_enotdir)
{
	rmdir(dir);
	close(open(dir, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(try_open(""), -ENOTDIR);
	unlink(dir);
}
END_TEST

START_TEST(test_foreign_directory_is_left_alone)
{
	struct dirent **names;
	int nr;

	poke("notes.txt", 0, "mine", 4);
	ck_assert_int_eq(try_open(""), -EINVAL);
	nr = scandir(dir, &names, NULL, alphasort);
	ck_assert_int_eq(nr, 3);
	while (nr--)
		free(names[nr]);
	free(names);
}
END_TEST

START_TEST(test_other_options_later_are_refused)
{
	static const char *const others[] = {
		",luns=3",  ",size=2G",  ",bs=512",    ",mode=ioarrin",    ",handles=256",
		",ports=1", ",ctx=9",    ",seed=2",    ",latency=1us/1us", ",riops=5",
		",irq=all", ",bugs=off", ",legacy_fd", ",cmdroom=1",
	};

	ck_assert_int_eq(try_open(",luns=2,size=1G,handles=4096"), 0);
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(try_open(others[i]) == -EINVAL, "%s", others[i]);
	ck_assert_int_eq(try_open(",luns=2,size=1024M,bs=4096,mode=sq,handles=4096,ports=2"), 0);
	ck_assert_int_eq(try_open(",lun=1,port=1"), 0);
	ck_assert_int_eq(try_open(",lun=2"), -ENODEV);
	ck_assert_int_eq(try_open(",port=2"), -ENODEV);
}
END_TEST

START_TEST(test_options_are_compared_while_it_is_open_too)
{
	struct devport *dp;
	char device[128];

	snprintf(device, sizeof(device), "emul:%s", dir);
	ck_assert_int_eq(devport_emul_ops.open(device, NULL, NULL, &dp), 0);
	ck_assert_int_eq(try_open(",bs=512"), -EINVAL);
	ck_assert_int_eq(try_open(",bs=4096"), 0);
	dp->ops->close(dp);
}
END_TEST

START_TEST(test_media_may_be_there_first)
{
	struct stat st;
	struct devport *dp;
	char device[128];

	poke("lun1", (off_t)4096 * 7, "data", 4);
	ck_assert_int_eq(symlink("lun1", in_dir("lun0")), 0);
	snprintf(device, sizeof(device), "emul:%s,luns=2,size=1G", dir);
	ck_assert_int_eq(devport_emul_ops.open(device, NULL, NULL, &dp), 0);
	dp->ops->close(dp);
	ck_assert_int_eq(stat(in_dir("lun1"), &st), 0);
	ck_assert_int_eq(st.st_size, 1 << 30);
	ck_assert_int_eq(lstat(in_dir("lun0"), &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(test_failed_making_leaves_nothing)
{
	struct dirent **names;
	int nr;

	ck_assert_int_eq(mkdir(in_dir("lun1"), 0700), 0);
	ck_assert_int_lt(try_open(",luns=3"), 0);
	nr = scandir(dir, &names, NULL, alphasort);
	ck_assert_int_eq(nr, 3);
	while (nr--)
		free(names[nr]);
	free(names);
	rmdir(in_dir("lun1"));
}
END_TEST

START_TEST(test_two_makers_end_with_one_adapter)
{
	enum { MAKERS = 6 };
	uint64_t cookies[MAKERS];
	pid_t makers[MAKERS];
	int start[2], out[2];

	rmdir(dir);
	ck_assert_int_eq(pipe(start), 0);
	ck_assert_int_eq(pipe(out), 0);
	for (unsigned i = 0; i < MAKERS; i++) {
		makers[i] = fork();
		if (!makers[i]) {
			struct devport *dp;
			char device[128], byte;
			uint64_t cookie;

			close(start[1]);
			(void)!read(start[0], &byte, 1);
			snprintf(device, sizeof(device), "emul:%s", dir);
			if (devport_emul_ops.open(device, NULL, NULL, &dp))
				_exit(1);
			cookie = ((struct emul_path *)dp)->ad->shm->head.cookie_high;
			_exit(write(out[1], &cookie, sizeof(cookie)) != sizeof(cookie));
		}
	}
	close(start[1]);
	for (unsigned i = 0; i < MAKERS; i++)
		emul_rig_wait_child(makers[i]);
	ck_assert_int_eq(read(out[0], cookies, sizeof(cookies)), sizeof(cookies));
	for (unsigned i = 1; i < MAKERS; i++)
		ck_assert_uint_eq(cookies[i], cookies[0]);
}
END_TEST

/* Killed at moments spread over the time that making takes, the maker leaves either no adapter
 * or a whole one; the next maker succeeds in any case. */
START_TEST(test_killed_maker_leaves_no_half_adapter)
{
	enum { KILLS = 60 };
	struct timespec begin, end, delay = { 0, 0 };
	unsigned made = 0;
	int status;
	long whole;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	ck_assert_int_eq(try_open(",luns=8"), 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	whole = (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec;
	if (whole > 900000000)
		whole = 900000000;
	for (unsigned i = 0; i < KILLS; i++) {
		pid_t child;

		emul_rig_remove(dir);
		child = fork();
		if (!child) {
			(void)try_open(",luns=8");
			for (;;)
				pause();
		}
		delay.tv_nsec = whole / KILLS * (i + 1);
		nanosleep(&delay, NULL);
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		made += is_there("adapter");
		ck_assert_msg(!try_open(",luns=8"), "%s", text);
		ck_assert(!is_there(".adapter.new"));
	}
	ck_assert_uint_lt(made, KILLS);
}
END_TEST

/* ---- damage ---- */

/** The adapter file as bytes, to see that a refusal leaves it untouched. */
static uint64_t sum_of(const char *name)
{
	uint8_t bytes[65536];
	uint64_t sum = 0;
	int fd = open(in_dir(name), O_RDONLY);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	got = read(fd, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < got; i++)
		sum = sum * 31 + bytes[i];
	close(fd);
	return sum;
}

static void refused_untouched(void)
{
	uint64_t before = sum_of("adapter");

	ck_assert_int_eq(try_open(""), -EINVAL);
	ck_assert_uint_eq(sum_of("adapter"), before);
}

START_TEST(test_damaged_head_is_refused)
{
	static const size_t places[] = {
		offsetof(struct emul_head, magic),
		offsetof(struct emul_head, head_bytes),
		offsetof(struct emul_head, geometry.block_bytes),
		offsetof(struct emul_head, geometry.nr_luns),
		offsetof(struct emul_head, geometry.lun_blocks) + 5,
		offsetof(struct emul_head, heap_offset),
		offsetof(struct emul_head, endian),
		offsetof(struct emul_head, crc),
	};

	ck_assert_int_eq(try_open(""), 0);
	poke("adapter", (off_t)places[_i], "\x7e", 1);
	refused_untouched();
}
END_TEST

static void read_head(struct emul_head *ret_head)
{
	int fd = open(in_dir("adapter"), O_RDONLY);

	ck_assert_int_eq(read(fd, ret_head, sizeof(*ret_head)), sizeof(*ret_head));
	close(fd);
}

static void write_head(struct emul_head *head)
{
	head->crc = emul_layout_crc(head);
	poke("adapter", 0, head, sizeof(*head));
}

START_TEST(test_newer_version_is_refused_by_name)
{
	struct emul_head head;

	ck_assert_int_eq(try_open(""), 0);
	read_head(&head);
	head.version = EMUL_VERSION + 1;
	write_head(&head);
	refused_untouched();
	ck_assert_ptr_nonnull(strstr(text, "version 2"));
}
END_TEST

START_TEST(test_other_layout_is_refused)
{
	struct emul_head head;

	ck_assert_int_eq(try_open(""), 0);
	read_head(&head);
	head.shm_bytes += 64;
	write_head(&head);
	refused_untouched();
	ck_assert_ptr_nonnull(strstr(text, "another build"));
}
END_TEST

START_TEST(test_truncated_state_is_refused)
{
	static const off_t lengths[] = { 0, 5, 100, 4096, 1 << 20 };

	ck_assert_int_eq(try_open(""), 0);
	ck_assert_int_eq(truncate(in_dir("adapter"), lengths[_i]), 0);
	refused_untouched();
}
END_TEST

START_TEST(test_foreign_state_is_refused)
{
	poke("adapter", 0, "#!/bin/sh\n", 10);
	refused_untouched();
}
END_TEST

START_TEST(test_missing_medium_is_refused)
{
	ck_assert_int_eq(try_open(",luns=2"), 0);
	ck_assert_int_eq(unlink(in_dir("lun1")), 0);
	ck_assert_int_eq(try_open(""), -ENOENT);
	ck_assert(!is_there("lun1"));
}
END_TEST

START_TEST(test_missing_mmio_is_refused)
{
	ck_assert_int_eq(try_open(""), 0);
	ck_assert_int_eq(unlink(in_dir("mmio")), 0);
	ck_assert_int_eq(try_open(""), -ENOENT);
	ck_assert(!is_there("mmio"));
}
END_TEST

/* ---- deaths ---- */

static struct emul_rig rig;

START_TEST(test_holder_of_the_lock_may_die)
{
	struct dk_attach attach;
	struct emul_lun *lun;
	pid_t child;
	int status;

	emul_rig_open(&rig, "");
	lun = &emul_rig_shm(&rig)->lun[0];
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 5);
	emul_rig_virtual(rig.dp, attach.context_id, 9);
	child = fork();
	if (!child) {
		/* in the middle of a change to everything that can be derived */
		emul_lock(emul_rig_ad(&rig));
		lun->users = 77;
		lun->free_chunks = 1;
		memset((char *)emul_rig_shm(&rig) + emul_shm_chunk_offset(emul_rig_shm(&rig), 0), 0,
		       64);
		emul_rig_shm(&rig)->driver.heap_free[0] = 12345;
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	emul_rig_virtual(rig.dp, attach.context_id, 17);
	ck_assert_uint_eq(lun->users, 3);
	ck_assert_uint_eq(lun->free_chunks, 4096 - 5 - 9 - 17);
	ck_assert_int_eq(dk_release(rig.dp, attach.context_id, 1), 0);
	ck_assert_uint_eq(lun->free_chunks, 4096 - 5 - 17);
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	ck_assert_uint_eq(lun->users, 0);
	emul_rig_close(&rig);
}
END_TEST

static void allocate_for_ever(void)
{
	struct devport *dp = emul_rig_path(&rig, "");
	struct dk_attach attach = emul_rig_attach(dp);
	struct dk_uvirtual uvirtual;
	struct dk_resize resize;

	for (unsigned i = 0;; i++) {
		if (dk_user_virtual(dp, attach.context_id, 0, 0, &uvirtual))
			_exit(1);
		(void)dk_resize(dp, attach.context_id, uvirtual.rsrc_handle,
				65536ull * (i % 40 + 1), &resize);
		(void)dk_release(dp, attach.context_id, uvirtual.rsrc_handle - i % 3);
		if (uvirtual.rsrc_handle > 20)
			for (uint64_t h = 0; h <= uvirtual.rsrc_handle; h++)
				(void)dk_release(dp, attach.context_id, h);
	}
}

START_TEST(test_processes_may_die_at_any_moment)
{
	struct timespec delay = { 0, 0 };
	struct dk_attach attach;
	struct emul_lun *lun;
	int status;

	emul_rig_open(&rig, "");
	lun = &emul_rig_shm(&rig)->lun[0];
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, 3);
	for (unsigned i = 0; i < 40; i++) {
		pid_t children[2];

		for (unsigned c = 0; c < 2; c++) {
			children[c] = fork();
			if (!children[c]) {
				(void)dk_close_adap_fd(rig.dp, attach.adap_fd);
				allocate_for_ever();
			}
		}
		delay.tv_nsec = 1000000 + i * 331777;
		nanosleep(&delay, NULL);
		for (unsigned c = 0; c < 2; c++) {
			kill(children[c], SIGKILL);
			ck_assert_int_eq(waitpid(children[c], &status, 0), children[c]);
			ck_assert(WIFSIGNALED(status));
		}
		emul_housekeep(emul_rig_ad(&rig));
		ck_assert_uint_eq(lun->users, 1);
		ck_assert_uint_eq(lun->free_chunks, 4093);
	}
	emul_rig_detach(rig.dp, attach.context_id, attach.adap_fd);
	emul_rig_close(&rig);
}
END_TEST

/* A process holds fd2 of a dead owner, as its only user. Each next user is the first one. */
START_TEST(test_first_users_do_not_use_up_the_heap_while_a_context_stays)
{
	enum { NR_CHUNKS = 20, NR_USERS = 400 }; /* more than a full heap of such tables has */
	struct dk_attach attach;
	int fd;

	emul_rig_open(&rig, "size=16G");
	attach = emul_rig_attach(rig.dp);
	emul_rig_virtual(rig.dp, attach.context_id, NR_CHUNKS);
	fd = fcntl((int)attach.adap_fd, F_DUPFD_CLOEXEC, 0);
	ck_assert_int_eq(dk_close_adap_fd(rig.dp, attach.adap_fd), 0);
	for (unsigned i = 0; i < NR_USERS; i++) {
		struct dk_attach other;

		rig.dp->ops->close(rig.dp);
		rig.dp = emul_rig_path(&rig, "");
		other = emul_rig_attach(rig.dp);
		emul_rig_virtual(rig.dp, other.context_id, NR_CHUNKS);
		emul_rig_detach(rig.dp, other.context_id, other.adap_fd);
	}
	ck_assert_int_eq(dk_detach(rig.dp, attach.context_id), 0);
	close(fd);
	emul_rig_close(&rig);
}
END_TEST

START_TEST(test_reboot_is_a_power_cycle)
{
	struct emul_shm *shm;
	int fd;

	ck_assert_int_eq(try_open(""), 0);
	fd = open(in_dir("adapter"), O_RDWR);
	shm = mmap(NULL, sizeof(*shm), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(shm, MAP_FAILED);
	/* as another boot of the machine has left it: lock taken, a context, a failed adapter */
	memset(&shm->lock, 0xff, sizeof(shm->lock));
	shm->driver.boot_id[0] ^= 1;
	shm->driver.state = EMUL_FAILED;
	shm->pe[1].flags = EMUL_PE_USED;
	shm->lun[0].mode = EMUL_LUN_VIRTUAL;
	shm->audit.count[EMUL_FD2_LEFT_OPEN] = 3;
	ck_assert_int_eq(try_open(""), 0);
	ck_assert_uint_eq(shm->driver.state, EMUL_NORMAL);
	ck_assert_uint_eq(shm->pe[1].flags, 0);
	ck_assert_uint_eq(shm->lun[0].mode, EMUL_LUN_NONE);
	ck_assert_uint_eq(shm->audit.count[EMUL_FD2_LEFT_OPEN], 3);
	munmap(shm, sizeof(*shm));
	close(fd);
}
END_TEST

/* -------------------------------------------------------------------------------------------- */

static void add_making(Suite *suite)
{
	TCase *tc = tcase_create("making");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_missing_directory_is_made);
	tcase_add_test(tc, test_missing_parent_is_enoent);
	tcase_add_test(tc, test_file_in_place_of_the_directory_is_enotdir);
	tcase_add_test(tc, test_foreign_directory_is_left_alone);
	tcase_add_test(tc, test_other_options_later_are_refused);
	tcase_add_test(tc, test_options_are_compared_while_it_is_open_too);
	tcase_add_test(tc, test_media_may_be_there_first);
	tcase_add_test(tc, test_failed_making_leaves_nothing);
	tcase_add_test(tc, test_two_makers_end_with_one_adapter);
	tcase_add_test(tc, test_killed_maker_leaves_no_half_adapter);
	suite_add_tcase(suite, tc);
}

static void add_damage(Suite *suite)
{
	TCase *tc = tcase_create("damage");

	tcase_set_timeout(tc, TIMEOUT);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_damaged_head_is_refused, 0, 8);
	tcase_add_test(tc, test_newer_version_is_refused_by_name);
	tcase_add_test(tc, test_other_layout_is_refused);
	tcase_add_loop_test(tc, test_truncated_state_is_refused, 0, 5);
	tcase_add_test(tc, test_foreign_state_is_refused);
	tcase_add_test(tc, test_missing_medium_is_refused);
	tcase_add_test(tc, test_missing_mmio_is_refused);
	tcase_add_test(tc, test_first_users_do_not_use_up_the_heap_while_a_context_stays);
	tcase_add_test(tc, test_reboot_is_a_power_cycle);
	suite_add_tcase(suite, tc);
}

int main(void)
{
	Suite *suite = suite_create("emul_driver_store");
	TCase *names = tcase_create("names"), *deaths = tcase_create("deaths");

	tcase_add_loop_test(names, test_device_names_are_judged, 0,
			    sizeof(specs) / sizeof(specs[0]));
	tcase_add_test(names, test_options_arrive);
	tcase_set_timeout(names, TIMEOUT);
	suite_add_tcase(suite, names);
	add_making(suite);
	add_damage(suite);
	tcase_add_test(deaths, test_holder_of_the_lock_may_die);
	tcase_add_test(deaths, test_processes_may_die_at_any_moment);
	tcase_set_timeout(deaths, TIMEOUT);
	suite_add_tcase(suite, deaths);
	return run_suite(suite);
}
