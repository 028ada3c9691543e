/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to follow a volume.
 *
 *	replica [FILES]
 *
 * A replica gets the records of FILES (100,000) small files that are made, and of as many that are
 * deleted: nanoseconds for each file and each record, and the memory of a file. How long it takes
 * to save them, and to load them again.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/alloc/change.h"
#include "replica/replica.h"
#include "support/load.h"
#include "tree/change.h"

#define BATCH        1000
#define CHUNK_BLOCKS 65536u
#define MAX_RECORDS  (BATCH * 8)

/* The records of some requests, each in a part of a buffer. */
static uint64_t buf[BATCH * 200];
static size_t starts[MAX_RECORDS + 1], nr_records, nr_words;
static struct tree *tree;

static void end_record(void)
{
	starts[++nr_records] = nr_words;
}

static void *add_item(enum replica_item_kind kind, size_t bytes)
{
	const struct replica_item item = { .kind = kind, .bytes = (uint32_t)bytes };
	size_t at = nr_words;

	memcpy(&buf[at], &item, sizeof(item));
	nr_words += 1 + (bytes + 7) / 8;
	return &buf[at + 1];
}

static void write_tree(void *arg, const struct tree_change *change)
{
	(void)arg;
	(void)tree_change_encode(change, add_item(REPLICA_ITEM_TREE, tree_change_bytes(change)));
}

static void write_data(const struct data_change *change, const struct data_change_extent *extent)
{
	char *item = add_item(REPLICA_ITEM_DATA, data_change_bytes(change));

	memcpy(item, change, sizeof(*change));
	if (extent)
		memcpy(item + sizeof(*change), extent, sizeof(*extent));
	end_record();
}

#define DATA(of_kind, ...)            \
	(&(const struct data_change){ \
		.version = DATA_CHANGE_VERSION, .kind = (of_kind), __VA_ARGS__ })

static void write_outcome(void)
{
	const struct replica_outcome outcome = { .unique = 2, .kind = REPLICA_OUTCOME_CREATED };

	memcpy(add_item(REPLICA_ITEM_OUTCOME, sizeof(outcome)), &outcome, sizeof(outcome));
	end_record();
}

/* ---- requests ---- */

static const struct tree_caller caller = { .uid = 1000, .gid = 1000, .now = { .tv_sec = 1 } };

/* A file of one block in a segment. */
static void create(uint64_t nr)
{
	const uint64_t segment = 1 + nr / CHUNK_BLOCKS;
	const struct data_change_extent extent = { .segment = segment,
						   .start = (uint32_t)(nr % CHUNK_BLOCKS),
						   .nr_blocks = 1,
						   .written = 1 };
	const struct replica_file file = { .ino = nr + 2, .number = nr + 1 };
	struct tree_inode *inode;
	char name[24];

	snprintf(name, sizeof(name), "file-%lu", (unsigned long)nr);
	if (nr % CHUNK_BLOCKS == 0)
		write_data(DATA(DATA_CHANGE_SEGMENT, .number = segment, .nr = 1), NULL);
	load_need(!tree_mknod(tree, tree_get(tree, TREE_ROOT_INO), name, 0644, 0, &caller, &inode),
		  "mknod");
	tree_ref(tree, inode, 1);
	write_outcome();
	write_data(DATA(DATA_CHANGE_FILE_NEW, .number = nr + 1), NULL);
	memcpy(add_item(REPLICA_ITEM_FILE, sizeof(file)), &file, sizeof(file));
	end_record();
	write_data(DATA(DATA_CHANGE_FILE, .number = nr + 1, .size = 4096), NULL);
	write_data(DATA(DATA_CHANGE_EXTENTS, .number = nr + 1, .last = 1, .nr_extents = 1),
		   &extent);
}

static void delete (uint64_t nr)
{
	char name[24];

	snprintf(name, sizeof(name), "file-%lu", (unsigned long)nr);
	load_need(!tree_unlink(tree, tree_get(tree, TREE_ROOT_INO), name, &caller, NULL), "unlink");
	write_outcome();
	tree_unref(tree, tree_get(tree, nr + 2), 1);
	write_outcome();
	write_data(DATA(DATA_CHANGE_FILE_GONE, .number = nr + 1), NULL);
}

/* ---- measuring ---- */

static double nr_applied;

/* Return: seconds. */
static double apply(struct replica *replica)
{
	double start = load_now();

	for (size_t i = 0; i < nr_records; i++)
		load_need(!replica_apply(replica, &buf[starts[i]],
					 (starts[i + 1] - starts[i]) * sizeof(buf[0])),
			  "apply");
	nr_applied += (double)nr_records;
	nr_records = nr_words = 0;
	return load_now() - start;
}

/* Return: seconds. */
static double follow(struct replica *replica, uint64_t nr_files, void request(uint64_t nr))
{
	double seconds = 0;

	nr_applied = 0;
	for (uint64_t nr = 0; nr < nr_files; nr++) {
		request(nr);
		if (nr % BATCH == BATCH - 1)
			seconds += apply(replica);
	}
	return seconds;
}

static void print_times(const char *name, double seconds, uint64_t nr_files)
{
	load_print(name, "-ns-per-file", seconds * 1e9 / (double)nr_files);
	load_print(name, "-ns-per-record", seconds * 1e9 / nr_applied);
}

static double in_use(void)
{
	return (double)mallinfo2().uordblks;
}

static void measure_streams(struct replica *replica, uint64_t nr_files)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	double start = load_now();
	struct replica *copy;
	double before;

	load_need(fd >= 0 && !replica_save(replica, fd), "save");
	load_print("save", "-ns-per-file", (load_now() - start) * 1e9 / (double)nr_files);
	load_print("stream", "-bytes-per-file", (double)lseek(fd, 0, SEEK_CUR) / (double)nr_files);
	load_need(lseek(fd, 0, SEEK_SET) == 0, "seek");
	load_need(!replica_new(&copy), "copy");
	before = in_use();
	start = load_now();
	load_need(!replica_load(copy, fd), "load");
	load_print("load", "-ns-per-file", (load_now() - start) * 1e9 / (double)nr_files);
	load_print("memory", "-bytes-per-file", (in_use() - before) / (double)nr_files);
	replica_free(copy);
	close(fd);
}

static void no_payload(void *arg, void *payload)
{
	(void)arg;
	(void)payload;
}

static void begin(struct replica *replica)
{
	const struct tree_config config = { .root_mode = 0755,
					    .payload_free = no_payload,
					    .changed = write_tree };
	const struct replica_start start = { .version = REPLICA_RECORD_VERSION,
					     .root_mode = 0755,
					     .geometry = { .chunk_blocks = CHUNK_BLOCKS,
							   .nr_luns = 1 } };

	load_need(!tree_new(&config, &tree), "tree");
	memcpy(add_item(REPLICA_ITEM_START, sizeof(start)), &start, sizeof(start));
	end_record();
	(void)apply(replica);
}

int main(int argc, char **argv)
{
	uint64_t nr_files = argc > 1 ? (uint64_t)load_number(argv[1]) : 100000;
	struct replica *replica;

	load_need(nr_files % BATCH == 0, "FILES is a multiple of 1000");
	load_need(!replica_new(&replica), "replica");
	begin(replica);
	print_times("create", follow(replica, nr_files, create), nr_files);
	measure_streams(replica, nr_files);
	print_times("delete", follow(replica, nr_files, delete), nr_files);
	replica_free(replica);
	tree_free(tree);
	return 0;
}
