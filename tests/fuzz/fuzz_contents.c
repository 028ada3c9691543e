/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of files of a volume that was saved, read into files on the fake adapter. What is
 * read fits, or is refused, and no flash leaks. records.h describes an input.
 */
#include <errno.h>
#include <unistd.h>

#include "data/contents.h"
#include "fake/fake_superpipe.h"
#include "fuzz/records.h"

#define NR_FILES  3
#define NR_CHUNKS 6

static struct data_file *files[NR_FILES];

static int find(void *arg, uint64_t id, struct data_file **ret_file)
{
	(void)arg;
	if (id >= NR_FILES)
		return -ENOENT;
	*ret_file = files[id];
	return 0;
}

static void read_contents(struct fuzz_input input)
{
	struct record_reader *reader;
	struct records records;
	int err;

	records_make(input, DATA_CONTENTS_FILE, DATA_CONTENTS_END - DATA_CONTENTS_FILE + 1,
		     &records);
	err = records_reader(&records, &reader);
	if (!err) {
		err = data_contents_read(reader, find, NULL);
		record_reader_free(reader);
	}
	FUZZ_REQUIRE(err == 0 || err == -EPROTO || err == -EBADMSG || err == -EPROTONOSUPPORT ||
		     err == -ENOSPC || err == -ENOENT || err == -EFBIG || err == -EINVAL);
	records_free(&records);
}

/* The worker may still be releasing what has just been freed. */
static bool flash_is_free(struct data_volume *volume)
{
	struct data_volume_stats stats;

	for (unsigned tries = 0; tries < 2000; tries++) {
		data_volume_get_stats(volume, &stats);
		if (stats.nr_free_chunks == stats.nr_chunks &&
		    stats.nr_free_handles == stats.nr_handles)
			return true;
		usleep(1000);
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct fake_config config = { .nr_chunks = NR_CHUNKS, .max_handles = 4 };
	struct superpipe *sp = fake_new(&config);
	struct data_volume *volume;

	FUZZ_REQUIRE(!data_volume_new(sp, &volume));
	if (bytes % 2)
		data_volume_set_pack_bytes(volume, 32768);
	for (unsigned i = 0; i < NR_FILES; i++)
		FUZZ_REQUIRE(files[i] = data_file_new(volume));
	read_contents((struct fuzz_input){ data, bytes });
	for (unsigned i = 0; i < NR_FILES; i++)
		data_file_free(files[i]);
	FUZZ_REQUIRE(flash_is_free(volume));
	data_volume_free(volume);
	FUZZ_REQUIRE(!fake_free(sp));
	return 0;
}
