/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file of an emulated adapter, as a killed process leaves it, with some of its bytes
 * changed. An adapter must refuse such a file, or repair it and work.
 *
 * An input is a byte of flags and then changes: a byte that chooses a part of the file, two of
 * an offset, one of a length, and the new bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emul/adapter.h"
#include "emul/store/layout.h"
#include "emul/store/state.h"
#include "fuzz/fuzz.h"
#include "support/dk.h"

#define OPTIONS "size=4G,luns=2,handles=16"

enum {
	FLAG_OPEN = 1,  /* open the file as a program does; 20 times as slow */
	FLAG_VALID = 2, /* correct the checksum of the head */
};

static char dir[64];
static int file_fd;
static struct emul_shm *shm; /* private: changes do not reach the file */
static uint64_t file_bytes, good_bytes;
static uint8_t *good;    /* what the file holds */
static uint8_t *changed; /* room for as much */

static void open_adapter(const char *options, struct devport **ret_dp)
{
	char device[128];

	snprintf(device, sizeof(device), "emul:%s%s", dir, options);
	FUZZ_REQUIRE(!devport_emul_ops.open(device, NULL, NULL, ret_dp));
}

static void attach_and_grow(struct devport *dp)
{
	struct dk_uvirtual uvirtual;
	struct dk_attach attach;

	FUZZ_REQUIRE(!dk_attach(dp, O_RDWR, &attach));
	for (uint64_t i = 1; i < 4; i++)
		FUZZ_REQUIRE(!dk_user_virtual(dp, attach.context_id, i * SISL_CHUNK_DEV_BLOCKS, 0,
					      &uvirtual));
}

/* Its process ends without closing anything. */
static void __attribute__((noreturn)) make_adapter_and_die(void)
{
	struct emul_adapter *ad;
	struct devport *dp;

	open_adapter("," OPTIONS, &dp);
	ad = ((struct emul_path *)dp)->ad;
	FUZZ_REQUIRE(emul_fault_add(&ad->shm->fault, "at=command n=1000000 action=busy", 1, NULL) ==
		     0);
	FUZZ_REQUIRE(emul_fault_add(&ad->shm->fault, "every=50s times=3 action=reset", 1, NULL) ==
		     1);
	attach_and_grow(dp);
	attach_and_grow(dp);
	_exit(0);
}

static void remove_adapter(void)
{
	static const char *const names[] = { "adapter", "mmio", "lun0", "lun1" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

static void map_file(void)
{
	struct emul_head head;
	char path[128];

	snprintf(path, sizeof(path), "%s/adapter", dir);
	file_fd = open(path, O_RDWR | O_CLOEXEC);
	FUZZ_REQUIRE(file_fd >= 0 && pread(file_fd, &head, sizeof(head), 0) == sizeof(head));
	file_bytes = head.file_bytes;
	good_bytes = head.chunk_offset;
	good = aligned_alloc(_Alignof(struct emul_shm), good_bytes);
	changed = aligned_alloc(_Alignof(struct emul_shm), good_bytes);
	FUZZ_REQUIRE(changed && good && pread(file_fd, good, good_bytes, 0) == (ssize_t)good_bytes);
	shm = mmap(NULL, file_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file_fd,
		   0);
	FUZZ_REQUIRE(shm != MAP_FAILED);
}

static void start_once(void)
{
	pid_t child;
	int status;

	if (file_fd)
		return;
	snprintf(dir, sizeof(dir), "%s/cxlfs-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	FUZZ_REQUIRE(mkdtemp(dir));
	atexit(remove_adapter);
	child = fork();
	if (!child)
		make_adapter_and_die();
	FUZZ_REQUIRE(child > 0 && waitpid(child, &status, 0) == child && !status);
	map_file();
}

static uint64_t start_of_part(unsigned part)
{
	const uint64_t starts[] = {
		offsetof(struct emul_shm, head),
		offsetof(struct emul_shm, lock),
		offsetof(struct emul_shm, driver),
		offsetof(struct emul_shm, lun_table),
		offsetof(struct emul_shm, disk),
		offsetof(struct emul_shm, lun),
		offsetof(struct emul_shm, pe),
		offsetof(struct emul_shm, fault),
		offsetof(struct emul_shm, audit),
		((struct emul_shm *)good)->head.ctx_offset,
		((struct emul_shm *)good)->head.rht_offset,
		((struct emul_shm *)good)->head.handle_offset,
	};

	return starts[part % (sizeof(starts) / sizeof(starts[0]))];
}

static void change(struct fuzz_input input, uint8_t *state)
{
	while (input.bytes) {
		uint64_t at = start_of_part((unsigned)fuzz_take(&input, 1));
		uint64_t length;

		at += fuzz_take(&input, 2);
		length = 1 + fuzz_take(&input, 1) % 8;
		for (uint64_t i = 0; i < length && at + i < good_bytes; i++)
			state[at + i] = (uint8_t)fuzz_take(&input, 1);
	}
}

/* ---- the mapped file, whose head the caller has checked ---- */

static void check_mapped(struct fuzz_input input)
{
	change(input, (uint8_t *)shm);
	memcpy(shm, good, sizeof(shm->head));
	if (!emul_state_check(shm)) {
		emul_state_prepare(shm, -1);
		FUZZ_REQUIRE(!emul_state_check(shm));
	}
	FUZZ_REQUIRE(!madvise(shm, file_bytes, MADV_DONTNEED));
}

/* ---- the file ---- */

static void use(struct devport *dp)
{
	struct emul_adapter *ad = ((struct emul_path *)dp)->ad;
	struct dk_uvirtual uvirtual;
	struct dk_attach attach;
	FILE *out = fopen("/dev/null", "we");

	FUZZ_REQUIRE(out);
	emul_status_print(ad, out);
	emul_audit_print(ad, out);
	fclose(out);
	if (dk_attach(dp, O_RDWR, &attach))
		return;
	(void)dk_user_virtual(dp, attach.context_id, 3 * SISL_CHUNK_DEV_BLOCKS, 0, &uvirtual);
	(void)dk_close_adap_fd(dp, attach.adap_fd);
}

static void check_file(struct fuzz_input input, bool valid)
{
	struct emul_head *head = (struct emul_head *)changed;
	char device[80];
	struct devport *dp;
	int rc;

	memcpy(changed, good, good_bytes);
	change(input, changed);
	if (valid)
		head->crc = emul_layout_crc(head);
	FUZZ_REQUIRE(pwrite(file_fd, changed, good_bytes, 0) == (ssize_t)good_bytes);
	snprintf(device, sizeof(device), "emul:%s", dir);
	rc = devport_emul_ops.open(device, NULL, NULL, &dp);
	/* -ENOENT: a head with a correct checksum that has more LUNs than there are files */
	FUZZ_REQUIRE(rc == 0 || rc == -EUCLEAN || rc == -EINVAL || (valid && rc == -ENOENT));
	if (!rc) {
		use(dp);
		dp->ops->close(dp);
	}
	FUZZ_REQUIRE(pwrite(file_fd, good, good_bytes, 0) == (ssize_t)good_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = { data, bytes };
	unsigned flags = (unsigned)fuzz_take(&input, 1);

	start_once();
	if (flags & FLAG_OPEN)
		check_file(input, flags & FLAG_VALID);
	else
		check_mapped(input);
	return 0;
}
