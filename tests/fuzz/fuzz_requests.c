/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FUSE requests against a whole file system on the fake adapter. Each must be answered once, the
 * tree must stay intact, no flash may leak, and no read may return flash that was not written. A
 * standby that follows must have the same in the end.
 *
 * An input is two bytes of options and then requests, see kernel.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "data/replica.h"
#include "data/snapshot.h"
#include "fuse/io.h"
#include "fuse/takeover/takeover.h"
#include "fuzz/flash.h"
#include "fuzz/kernel.h"
#include "fuzz/standby.h"

#define NR_SLOTS     2
#define HEADER_BYTES (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))

static struct {
	struct fs *fs;
	struct flash *flash;
	struct fuse_session *session;
	struct kernel kernel;
	struct standby standby;
	sem_t replied;
	unsigned nr_replies; /* to the last request */
} rig;

static struct slot_region region;
static struct slot_pool *slots;

/* ---- instead of blocking.c: no threads ---- */

int fs_blocking_new(struct fs_blocking **ret_blocking)
{
	*ret_blocking = NULL;
	return 0;
}

void fs_blocking_free(struct fs_blocking *blocking)
{
	(void)blocking;
}

void fs_blocking_run(struct fs_blocking *blocking, struct fs_io *io)
{
	(void)blocking;
	io->run(io);
}

/* ---- replies ---- */

/* Without an allocation, because replies are large. One thread at a time replies. */
static char message[KERNEL_MAX_DATA + 4096];

static size_t gather(const struct iovec *iov, int count)
{
	size_t bytes = 0;

	for (int i = 0; i < count; i++) {
		FUZZ_REQUIRE(iov[i].iov_len <= sizeof(message) - bytes);
		memcpy(message + bytes, iov[i].iov_base, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	return bytes;
}

static ssize_t receive_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fuse_out_header header;
	size_t bytes = gather(iov, count);

	(void)fd, (void)userdata;
	FUZZ_REQUIRE(bytes >= sizeof(header));
	memcpy(&header, message, sizeof(header));
	if (!header.unique)
		return (ssize_t)bytes; /* a notification */
	rig.nr_replies++;
	kernel_take_reply(&rig.kernel, &header, message + sizeof(header), bytes - sizeof(header));
	sem_post(&rig.replied);
	return (ssize_t)bytes;
}

static ssize_t read_nothing(int fd, void *buf, size_t bytes, void *userdata)
{
	(void)fd, (void)buf, (void)bytes, (void)userdata;
	errno = ENODEV;
	return -1;
}

/* ---- requests ---- */

static void send_request(struct slot *slot, size_t bytes)
{
	const struct fuse_buf buf = { .mem = slot->payload - HEADER_BYTES, .size = bytes };

	rig.nr_replies = 0;
	slot_set_here(slot);
	fuse_session_process_buf(rig.session, &buf);
	slot_set_here(NULL);
	standby_follow(&rig.standby);
	if (!rig.kernel.wants_reply)
		return;
	while (sem_wait(&rig.replied) && errno == EINTR)
		;
	FUZZ_REQUIRE(rig.nr_replies == 1);
}

/* What the adapter does from now on. */
static void trouble(struct fuzz_input *input)
{
	unsigned kind = (unsigned)fuzz_take(input, 1), value = (unsigned)fuzz_take(input, 1);

	if (kind < 64)
		fake_fail_ios(rig.flash->sp, kind & 1, value % 128, value / 64, -EIO);
	else if (kind < 128)
		fake_fail_call(rig.flash->sp, kind % FAKE_NR_CALLS, value % 4,
			       kind & 1 ? -ENOMEM : -ENOSPC);
	else
		fake_limit_growth(rig.flash->sp, value ? value % 8 : UINT64_MAX);
}

static void run(struct fuzz_input *input)
{
	struct slot *slot = slot_pool_get(slots, true);
	size_t bytes;

	send_request(slot, kernel_make_init(&rig.kernel, slot->payload - HEADER_BYTES));
	while (input->bytes) {
		if (*input->data >= 0xf8) {
			(void)fuzz_take(input, 1);
			trouble(input);
			continue;
		}
		bytes = kernel_make(&rig.kernel, input, slot->payload - HEADER_BYTES);
		if (bytes)
			send_request(slot, bytes);
	}
	slot_put(slot);
}

/* ---- start and end ---- */

static void start_once(void)
{
	const struct log_config log = { .level = LOG_LEVEL_ERR, .ident = "fuzz" };

	if (slots)
		return;
	log_open(&log);
	FUZZ_REQUIRE(!slot_region_init(&region, NR_SLOTS));
	slots = slot_pool_new(&region, NR_SLOTS);
	FUZZ_REQUIRE(slots);
}

static void start(unsigned options)
{
	static const struct fuse_custom_io io = { .writev = receive_reply, .read = read_nothing };
	char *argv[] = { "fuzz", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	uint64_t pack_bytes = options >> 3 & 1 ? 4096u << (options >> 4 & 7) : 0;
	unsigned idle_ms = options >> 7 & 1 ? 0 : 2000;
	struct fs_config config = { .atime = options >> 1 & 1 ? TREE_ATIME_NEVER
							      : TREE_ATIME_RELATIVE,
				    .writeback = options >> 2 & 1,
				    .limits.max_inodes = 24,
				    .root_mode = 01777 };

	rig.flash = flash_get(1 + (options & 1), pack_bytes, idle_ms);
	config.volume = rig.flash->volume;
	config.transport.synchronous = true;
	standby_start(&rig.standby);
	config.journal = rig.standby.journal;
	FUZZ_REQUIRE(!fs_new(&config, &rig.fs));
	/* The volume may still be about to give back what the last input had. */
	data_volume_quiesce(rig.flash->volume);
	fs_start_journal(rig.fs, true);
	data_volume_resume(rig.flash->volume);
	rig.session =
		fuse_session_new(&args, fs_operations(), sizeof(struct fuse_lowlevel_ops), rig.fs);
	FUZZ_REQUIRE(rig.session);
	FUZZ_REQUIRE(!fuse_session_custom_io(rig.session, &io, open("/dev/null", O_RDWR)));
	fs_set_session(rig.fs, rig.session);
	fuse_opt_free_args(&args);
	sem_init(&rig.replied, 0, 0);
	kernel_init(&rig.kernel);
}

static void compare(void)
{
	data_volume_quiesce(rig.flash->volume);
	standby_compare(&rig.standby, rig.fs);
	data_volume_set_changed(rig.flash->volume, NULL, NULL);
	data_volume_resume(rig.flash->volume);
}

static void stop(void)
{
	FUZZ_REQUIRE(!tree_check(rig.fs->tree));
	fs_quiesce(rig.fs);
	compare();
	fuse_session_destroy(rig.session);
	fs_free(rig.fs);
	standby_stop(&rig.standby);
	flash_check(rig.flash);
	sem_destroy(&rig.replied);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct fuzz_input input = { data, bytes };

	start_once();
	start((unsigned)fuzz_take(&input, 2));
	run(&input);
	stop();
	return 0;
}
