/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends COUNT commands of 4 KiB through the data layer, for a program that counts instructions.
 *
 *	commands DEVICE read|write REQUEST-BYTES COUNT
 *
 * One request at a time, always on the same part of one file, which is written first. Start and
 * stop cost the same for every COUNT, so the difference of two runs is the cost of the commands.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "support/load.h"

#define FILE_BYTES (8ull << 20)

struct run {
	struct superpipe *sp;
	struct data_volume *vol;
	struct data_file *file;
	enum data_op_kind kind;
	uint64_t request_bytes, nr_requests;
	void *buf;
};

static void say(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "commands: %s\n", text);
}

static void open_volume(struct run *run, const char *device)
{
	const char *const devices[] = { device };
	/* Nobody looks after the commands while valgrind takes its time. */
	const struct superpipe_options options = { .watchdog_ms = 600000 };

	load_need(superpipe_open(devices, 1, &options, say, NULL, &run->sp) == 0, "open");
	load_need(superpipe_attach(run->sp) == 0, "attach");
	load_need(data_volume_new(run->sp, &run->vol) == 0, "volume");
	run->file = data_file_new(run->vol);
	load_need(run->file != NULL, "file");
}

static void close_volume(struct run *run)
{
	data_file_free(run->file);
	data_volume_free(run->vol);
	superpipe_close(run->sp);
}

static void request(struct run *run, enum data_op_kind kind, uint64_t offset, uint64_t bytes)
{
	struct data_op op = {
		.file = run->file, .kind = kind, .offset = offset, .bytes = bytes, .buf = run->buf
	};

	load_need(data_run(&op) == (ssize_t)bytes, "request");
}

static void run_requests(struct run *run)
{
	for (uint64_t i = 0; i < run->nr_requests; i++)
		request(run, run->kind, i * run->request_bytes % FILE_BYTES, run->request_bytes);
}

int main(int argc, char **argv)
{
	struct run run = { 0 };

	load_need(argc == 5, "usage: commands DEVICE read|write REQUEST-BYTES COUNT");
	run.kind = strcmp(argv[2], "read") ? DATA_OP_WRITE : DATA_OP_READ;
	run.request_bytes = (uint64_t)load_number(argv[3]);
	run.nr_requests = (uint64_t)load_number(argv[4]) / (run.request_bytes / DATA_BLOCK_BYTES);
	load_need(posix_memalign(&run.buf, DATA_BLOCK_BYTES, FILE_BYTES) == 0, "memory");
	memset(run.buf, 'c', FILE_BYTES);
	open_volume(&run, argv[1]);
	request(&run, DATA_OP_WRITE, 0, FILE_BYTES);
	run_requests(&run);
	close_volume(&run);
	free(run.buf);
	return 0;
}
