/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of files of a volume that was saved, read into files on the fake adapter. What is
 * read fits, or is refused, and no flash leaks. records.h describes an input.
 */
#include <errno.h>

#include "data/contents.h"
#include "fuzz/flash.h"
#include "fuzz/records.h"

#define NR_FILES 3

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct flash *flash = flash_get(1, bytes % 2 ? 16384 : 0, 2000);

	for (unsigned i = 0; i < NR_FILES; i++)
		FUZZ_REQUIRE(files[i] = data_file_new(flash->volume));
	read_contents((struct fuzz_input){ data, bytes });
	for (unsigned i = 0; i < NR_FILES; i++)
		data_file_free(files[i]);
	flash_check(flash);
	return 0;
}
