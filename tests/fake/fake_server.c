/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/fake_server.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/replica.h"
#include "replica/stream.h"
#include "tree/change.h"
#include "tree/snapshot.h"

#define BLOCK     4096u
#define MAX_FILE  (300u * 1024u)
#define NR_NAMES  12u
#define NR_RECENT 16u /* inodes that are used more often than older ones */

static uint8_t buf[MAX_FILE];

static uint64_t pick(struct fake_server *server, uint64_t limit)
{
	server->random = server->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (server->random >> 33) % limit;
}

/* ---- records ---- */

static void add_locked(struct fake_journal *journal, const struct fake_record *record)
{
	void *copy = malloc(record->bytes);

	if (journal->nr == journal->max) {
		journal->max = journal->max ? journal->max * 2 : 256;
		journal->records =
			reallocarray(journal->records, journal->max, sizeof(struct fake_record));
	}
	memcpy(copy, record->data, record->bytes);
	journal->records[journal->nr++] = (struct fake_record){ copy, record->bytes };
}

static void write_record(struct fake_server *server, const struct fake_record *record)
{
	pthread_mutex_lock(&server->journal->lock);
	if (!server->is_dead)
		add_locked(server->journal, record);
	pthread_mutex_unlock(&server->journal->lock);
}

void fake_journal_fini(struct fake_journal *journal)
{
	for (size_t i = 0; i < journal->nr; i++)
		free(journal->records[i].data);
	free(journal->records);
	journal->records = NULL;
	journal->nr = journal->max = 0;
}

int fake_journal_apply(struct fake_journal *journal, struct replica *replica, size_t from,
		       size_t to)
{
	int err = 0;

	for (size_t i = from; i < to && !err; i++)
		err = replica_apply(replica, journal->records[i].data, journal->records[i].bytes);
	return err;
}

static void *add_item(struct fake_record *record, enum replica_item_kind kind, size_t bytes)
{
	const struct replica_item head = { .kind = kind, .bytes = (uint32_t)bytes };
	size_t total = sizeof(head) + (bytes + 7) / 8 * 8;
	char *item;

	record->data = realloc(record->data, record->bytes + total);
	ck_assert_ptr_nonnull(record->data);
	item = (char *)record->data + record->bytes;
	memset(item, 0, total);
	memcpy(item, &head, sizeof(head));
	record->bytes += total;
	return item + sizeof(head);
}

static void add(struct fake_server *server, enum replica_item_kind kind, const void *data,
		size_t bytes)
{
	memcpy(add_item(&server->group, kind, bytes), data, bytes);
}

static void tree_changed(void *arg, const struct tree_change *change)
{
	struct fake_server *server = arg;

	(void)tree_change_encode(change, add_item(&server->group, REPLICA_ITEM_TREE,
						  tree_change_bytes(change)));
}

static void data_changed(void *arg, const struct data_change *change)
{
	struct fake_record record = { .data = NULL };

	memcpy(add_item(&record, REPLICA_ITEM_DATA, data_change_bytes(change)), change,
	       data_change_bytes(change));
	write_record(arg, &record);
	free(record.data);
}

static void free_freed(struct fake_server *server)
{
	data_file_free(server->freed);
	server->freed = NULL;
}

void fake_server_commit(struct fake_server *server)
{
	if (server->group.bytes)
		write_record(server, &server->group);
	server->group.bytes = 0;
	free_freed(server);
}

void fake_server_leave(struct fake_server *server, struct data_file *file)
{
	ck_assert_uint_lt(server->nr_left, sizeof(server->left) / sizeof(server->left[0]));
	server->left[server->nr_left++] = file;
}

uint64_t fake_server_outcome(struct fake_server *server, uint32_t slot,
			     enum replica_outcome_kind kind, uint64_t value)
{
	const struct replica_outcome outcome = {
		.unique = server->unique += 2, .slot = slot, .kind = kind, .value = value
	};

	add(server, REPLICA_ITEM_OUTCOME, &outcome, sizeof(outcome));
	return outcome.unique;
}

static void payload_free(void *arg, void *payload)
{
	struct fake_server *server = arg;

	free_freed(server); /* as long as a request frees one file */
	server->freed = payload;
}

/* ---- requests ---- */

static const struct tree_caller *caller_of(struct fake_server *server)
{
	static struct tree_caller caller;

	caller = (struct tree_caller){ .uid = (uid_t)pick(server, 3),
				       .gid = 100,
				       .umask = 022,
				       .now = { .tv_sec = (time_t)server->unique } };
	return &caller;
}

static struct tree_inode *root_of(const struct fake_server *server)
{
	return tree_get(server->tree, TREE_ROOT_INO);
}

static const char *pick_name(struct fake_server *server)
{
	static char names[2][16];
	static unsigned turn;

	snprintf(names[++turn % 2], sizeof(names[0]), "name%u", (unsigned)pick(server, NR_NAMES));
	return names[turn % 2];
}

/* The root, or a directory in it. */
static struct tree_inode *pick_dir(struct fake_server *server)
{
	struct tree_inode *dir;

	if (pick(server, 2) &&
	    tree_lookup(server->tree, root_of(server), pick_name(server), &dir) == 0 &&
	    S_ISDIR(tree_mode(dir)))
		return dir;
	return root_of(server);
}

static struct tree_inode *pick_inode(struct fake_server *server)
{
	const uint64_t nr = tree_end_of_numbers(server->tree) - 1;
	struct tree_inode *inode = NULL;

	for (unsigned tries = 0; tries < 10 && !inode; tries++) {
		uint64_t ino = 1 + pick(server, nr);

		if (pick(server, 2) && nr > NR_RECENT)
			ino = nr - pick(server, NR_RECENT);
		inode = tree_get(server->tree, ino);
	}
	return inode;
}

static struct tree_inode *pick_file(struct fake_server *server)
{
	for (unsigned tries = 0; tries < 20; tries++) {
		struct tree_inode *inode = pick_inode(server);

		if (inode && S_ISREG(tree_mode(inode)))
			return inode;
	}
	return NULL;
}

static void give_data(struct fake_server *server, struct tree_inode *inode)
{
	struct data_file *file = data_file_new(server->vol);
	struct replica_file item = { .ino = tree_ino(inode), .number = data_file_number(file) };

	tree_set_payload(server->tree, inode, file);
	add(server, REPLICA_ITEM_FILE, &item, sizeof(item));
}

struct tree_inode *fake_server_create(struct fake_server *server, const char *name)
{
	struct tree_inode *inode;

	if (tree_mknod(server->tree, root_of(server), name, S_IFREG | 0644, 0, caller_of(server),
		       &inode))
		return NULL;
	tree_ref(server->tree, inode, 1);
	give_data(server, inode);
	return inode;
}

static void make(struct fake_server *server, uint32_t slot)
{
	static const mode_t types[] = { S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFCHR };
	struct tree_inode *inode, *dir = pick_dir(server);
	int err;

	if (pick(server, 6) == 0)
		err = tree_symlink(server->tree, dir, pick_name(server), "target",
				   caller_of(server), &inode);
	else if (pick(server, 6) == 0)
		err = tree_tmpfile(server->tree, dir, 0600, caller_of(server), &inode);
	else
		err = tree_mknod(server->tree, dir, pick_name(server),
				 types[pick(server, 5)] | 0644, 0, caller_of(server), &inode);
	if (err)
		return;
	tree_ref(server->tree, inode, 1);
	if (S_ISREG(tree_mode(inode)) && pick(server, 3))
		give_data(server, inode);
	(void)fake_server_outcome(server, slot, REPLICA_OUTCOME_ENTRY, 0);
}

static void change_name(struct fake_server *server, uint32_t slot)
{
	struct tree_inode *dir = pick_dir(server), *inode = pick_file(server);
	const char *name = pick_name(server);

	switch (pick(server, 6)) {
	case 0:
		if (inode)
			(void)tree_link(server->tree, inode, dir, name, caller_of(server));
		break;
	case 1:
		(void)tree_rename(server->tree, dir, name, pick_dir(server), pick_name(server), 0,
				  caller_of(server));
		break;
	case 2:
		(void)tree_rmdir(server->tree, dir, name, caller_of(server));
		break;
	default:
		(void)tree_unlink(server->tree, dir, name, caller_of(server), NULL);
		break;
	}
	if (server->group.bytes)
		(void)fake_server_outcome(server, slot, REPLICA_OUTCOME_ERROR, 0);
}

static void change_inode(struct fake_server *server)
{
	struct tree_inode *inode = pick_inode(server);
	const struct tree_attr attr = { .mode = (mode_t)pick(server, 01000), .uid = 7 };

	if (!inode)
		return;
	switch (pick(server, 4)) {
	case 0:
		(void)tree_setattr(server->tree, inode, (unsigned)pick(server, 4), &attr,
				   caller_of(server));
		break;
	case 1:
		(void)tree_setxattr(server->tree, inode, "user.name", buf, pick(server, 500), 0,
				    false, caller_of(server));
		break;
	case 2:
		tree_touch_modified(server->tree, inode, &caller_of(server)->now);
		break;
	default:
		tree_ref(server->tree, inode, 1);
		break;
	}
}

static bool take_reference(void *arg, const struct tree_dirent *entry)
{
	struct fake_server *server = arg;

	if (entry->name[0] != '.')
		tree_ref(server->tree, tree_get(server->tree, tree_ino(entry->inode)), 1);
	return true;
}

static void list(struct fake_server *server, uint32_t slot)
{
	(void)tree_readdir(server->tree, pick_dir(server), 0, take_reference, server);
	(void)fake_server_outcome(server, slot, REPLICA_OUTCOME_LISTED, 0);
}

static void forget(struct fake_server *server, uint32_t slot)
{
	struct tree_inode *inode = pick_inode(server);

	if (!inode || tree_ino(inode) == TREE_ROOT_INO)
		return;
	tree_unref(server->tree, inode, 1 + pick(server, 20));
	(void)fake_server_outcome(server, slot, REPLICA_OUTCOME_FORGOTTEN, 1);
}

static void change_data(struct fake_server *server)
{
	static const enum data_op_kind kinds[] = { DATA_OP_WRITE,    DATA_OP_WRITE, DATA_OP_WRITE,
						   DATA_OP_ALLOCATE, DATA_OP_PUNCH, DATA_OP_ZERO,
						   DATA_OP_TRUNCATE };
	struct tree_inode *inode = pick_file(server);
	struct data_op op = { .kind = kinds[pick(server, 7)], .buf = buf };

	if (!inode)
		return;
	if (!tree_payload(inode)) {
		give_data(server, inode);
		fake_server_commit(server);
	}
	op.file = tree_payload(inode);
	op.offset = pick(server, MAX_FILE - 1);
	op.bytes = 1 + pick(server, pick(server, 3) ? 5 * BLOCK : MAX_FILE - op.offset);
	if (op.bytes > MAX_FILE - op.offset)
		op.bytes = MAX_FILE - op.offset;
	/* There may be no space. */
	(void)data_run(&op);
}

void fake_server_step(struct fake_server *server)
{
	uint32_t slot = (uint32_t)pick(server, FAKE_SERVER_SLOTS);

	switch (pick(server, 12)) {
	case 0:
	case 1:
		make(server, slot);
		break;
	case 2:
	case 3:
		change_name(server, slot);
		break;
	case 4:
		change_inode(server);
		break;
	case 5:
		list(server, slot);
		break;
	case 6:
	case 7:
		forget(server, slot);
		break;
	default:
		change_data(server);
		break;
	}
	fake_server_commit(server);
}

/* ---- the whole ---- */

static struct data_volume *new_volume(struct superpipe *sp, unsigned pack_blocks)
{
	struct data_volume *vol;

	ck_assert_int_eq(data_volume_new(sp, &vol), 0);
	data_volume_set_pack_bytes(vol, (uint64_t)pack_blocks * BLOCK);
	data_volume_set_idle_ms(vol, 1);
	return vol;
}

static struct tree_config config_of(struct fake_server *server)
{
	return (struct tree_config){ .root_mode = 0755,
				     .hash_seed = 5,
				     .payload_free = payload_free,
				     .payload_arg = server,
				     .changed = tree_changed,
				     .changed_arg = server };
}

static void write_start(struct fake_server *server)
{
	struct replica_start start = { .version = REPLICA_RECORD_VERSION,
				       .root_mode = 0755,
				       .seed = 5 };

	data_volume_geometry(server->vol, &start.geometry);
	server->limits.max_user_inodes = 1000;
	add(server, REPLICA_ITEM_START, &start, sizeof(start));
	add(server, REPLICA_ITEM_LIMITS, &server->limits, sizeof(server->limits));
	fake_server_commit(server);
}

void fake_server_start(struct fake_server *server, struct superpipe *sp,
		       struct fake_journal *journal, uint64_t seed, unsigned pack_blocks,
		       unsigned stripe_blocks)
{
	struct tree_config config;

	*server = (struct fake_server){ .sp = sp, .journal = journal, .random = seed };
	server->vol = new_volume(sp, pack_blocks);
	data_volume_set_stripe_bytes(server->vol, (uint64_t)stripe_blocks * BLOCK);
	config = config_of(server);
	ck_assert_int_eq(tree_new(&config, &server->tree), 0);
	write_start(server);
	data_volume_set_changed(server->vol, data_changed, server);
}

void fake_server_die(struct fake_server *server)
{
	pthread_mutex_lock(&server->journal->lock);
	server->is_dead = true;
	pthread_mutex_unlock(&server->journal->lock);
}

void fake_server_quiesce(struct fake_server *server)
{
	data_volume_quiesce(server->vol);
	server->is_quiesced = true;
}

void fake_server_stop(struct fake_server *server)
{
	fake_server_die(server);
	tree_free(server->tree);
	free_freed(server);
	while (server->nr_left)
		data_file_free(server->left[--server->nr_left]);
	if (server->is_quiesced)
		data_volume_resume(server->vol);
	data_volume_free(server->vol);
	free(server->group.data);
}

struct walk {
	const struct tree *tree;
	uint64_t ino;
};

static bool next_file(void *arg, uint64_t *ret_ino, struct data_file **ret_file)
{
	struct walk *walk = arg;

	while (++walk->ino < tree_end_of_numbers(walk->tree)) {
		const struct tree_inode *inode = tree_get(walk->tree, walk->ino);

		if (!inode || !tree_payload(inode))
			continue;
		*ret_ino = walk->ino;
		*ret_file = tree_payload(inode);
		return true;
	}
	return false;
}

void fake_server_save(struct fake_server *server, struct memory_stream *stream)
{
	struct walk walk = { .tree = server->tree };
	struct record_writer *out;

	ck_assert_int_eq(record_writer_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION,
					   memory_stream_write, stream, &out),
			 0);
	replica_stream_put_limits(out, &server->limits);
	record_begin(out, REPLICA_STREAM_COUNTS, 0);
	record_end(out);
	ck_assert_int_eq(tree_snapshot_write(server->tree, TREE_SNAPSHOT_ALL, out), 0);
	ck_assert_int_eq(data_snapshot_write(server->vol, next_file, &walk, out), 0);
	ck_assert_int_eq(record_writer_finish(out), 0);
	record_writer_free(out);
}

static int add_file(void *arg, uint64_t ino, struct data_file *file)
{
	struct fake_server *server = arg;
	struct tree_inode *inode = tree_get(server->tree, ino);

	if (!inode || !S_ISREG(tree_mode(inode)) || tree_payload(inode))
		return -EPROTO;
	tree_set_payload(server->tree, inode, file);
	return 0;
}

static int read_all(struct fake_server *server, struct record_reader *in)
{
	const struct tree_config config = config_of(server);
	const void *counts;
	uint16_t type = 1;
	int err = replica_stream_get_limits(in, &server->limits);

	if (!err)
		err = replica_stream_get_counts(in, 0, &counts);
	if (!err)
		err = tree_snapshot_read(&config, in, &server->tree);
	if (!err)
		err = data_snapshot_read(server->vol, in, add_file, server);
	if (!err)
		err = record_next(in, &type);
	return !err && type != RECORD_END ? -EPROTO : err;
}

int fake_server_load(struct fake_server *server, struct superpipe *sp, struct fake_journal *journal,
		     unsigned pack_blocks, struct memory_stream *stream)
{
	struct record_reader *in;
	int err;

	*server = (struct fake_server){ .sp = sp, .journal = journal };
	server->vol = new_volume(sp, pack_blocks);
	fake_server_quiesce(server);
	stream->at = 0;
	err = record_reader_new(REPLICA_STREAM_KIND, REPLICA_STREAM_VERSION, memory_stream_read,
				stream, &in);
	if (err)
		return err;
	err = read_all(server, in);
	record_reader_free(in);
	return err;
}

void fake_server_resume(struct fake_server *server, uint64_t seed)
{
	server->random = seed;
	server->unique = seed << 32;
	data_volume_set_changed(server->vol, data_changed, server);
	data_volume_resume(server->vol);
	server->is_quiesced = false;
}

void fake_save_replica(struct replica *replica, struct memory_stream *stream)
{
	int fd = memfd_create("stream", MFD_CLOEXEC);
	char part[65536];
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(replica_save(replica, fd), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, part, sizeof(part))) > 0)
		(void)memory_stream_write(stream, part, (size_t)n);
	close(fd);
}
