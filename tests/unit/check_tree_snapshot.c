/* SPDX-License-Identifier: Apache-2.0 */
/* tree/snapshot: nothing is lost, and no damaged or impossible stream becomes a tree. */
#include "check_tree.h"

#include <endian.h>
#include <sys/sysmacros.h>

#include "support/tree_copy.h"

static const struct tree_caller odd_caller = { .uid = 1,
					       .gid = 2,
					       .now = { .tv_sec = -5, .tv_nsec = 999999999 } };

/* Something of everything, and inodes without a name. */
static struct tree *make_rich_tree(void)
{
	struct tree *tree = make_tree();
	struct tree_inode *dir = make_dir(tree, root_of(tree), "dir"), *inode;
	const struct tree_attr times = { .atime = { -1, 1 },
					 .mtime = { 1, 2 },
					 .ctime = { INT64_C(1) << 40, 3 },
					 .btime = { 7, 4 } };

	ck_assert_int_eq(tree_symlink(tree, dir, "link", "where/to", &odd_caller, &inode), 0);
	ck_assert_int_eq(tree_mknod(tree, dir, "dev", S_IFBLK | 04755, makedev(259, 70000),
				    &odd_caller, &inode),
			 0);
	inode = make_file(tree, dir, "a");
	ck_assert_int_eq(tree_link(tree, inode, root_of(tree), "b", at(3)), 0);
	ck_assert_int_eq(tree_setxattr(tree, inode, "user.empty", "", 0, 0, false, at(4)), 0);
	ck_assert_int_eq(tree_setxattr(tree, inode, "trusted.x", "\0\1", 2, 0, false, at(4)), 0);
	tree_setattr(tree, inode, TREE_SET_ATIME | TREE_SET_MTIME | TREE_SET_CTIME | TREE_SET_BTIME,
		     &times, at(5));
	tree_ref(tree, inode, 3);
	tree_add_writers(tree, inode, 2);
	/* Removed, but used: a directory in a directory, a file, and one that never had a name. */
	inode = make_dir(tree, make_dir(tree, dir, "gone"), "inner");
	tree_ref(tree, inode, 1);
	ck_assert_int_eq(tree_rmdir(tree, find(tree, dir, "gone"), "inner", at(6)), 0);
	ck_assert_int_eq(tree_rmdir(tree, dir, "gone", at(6)), 0);
	inode = make_file(tree, dir, "unlinked");
	tree_ref(tree, inode, 1);
	ck_assert_int_eq(tree_unlink(tree, dir, "unlinked", at(7), &inode), 0);
	ck_assert_int_eq(tree_tmpfile(tree, dir, 0600, at(8), &inode), 0);
	tree_ref(tree, inode, 1);
	return tree;
}

static void compare_inode(const struct tree_inode *a, const struct tree_inode *b)
{
	struct tree_attr attr_a = attr_of(a), attr_b = attr_of(b);

	ck_assert_mem_eq(&attr_a, &attr_b, sizeof(attr_a));
	ck_assert_uint_eq(a->refs, b->refs);
	ck_assert_uint_eq(a->pins, b->pins);
	ck_assert_uint_eq(a->writers, b->writers);
	ck_assert_int_eq(a->linkable, b->linkable);
	ck_assert_int_eq(a->orphaned, b->orphaned);
}

START_TEST(test_snapshot_keeps_every_inode)
{
	struct tree *tree = make_rich_tree(), *copy;
	const struct tree_config config = config_with(0, 0);
	struct memory_stream stream = { .most = 7 };
	struct tree_inode *inode;
	char value[4];

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), 0);
	ck_assert_uint_eq(tree_nr_inodes(copy), tree_nr_inodes(tree));
	for (uint64_t ino = 1; ino < tree->itable.next_ino; ino++)
		compare_inode(tree_get(tree, ino), tree_get(copy, ino));
	ck_assert_str_eq(tree_readlink(find(copy, find(copy, root_of(copy), "dir"), "link")),
			 "where/to");
	inode = find(copy, root_of(copy), "b");
	ck_assert_int_eq(tree_getxattr(inode, "trusted.x", value, sizeof(value)), 2);
	ck_assert_mem_eq(value, "\0\1", 2);
	ck_assert_int_eq(tree_getxattr(inode, "user.empty", value, sizeof(value)), 0);
	memory_stream_fini(&stream);
	end_tree(copy);
	end_tree(tree);
}
END_TEST

START_TEST(test_snapshot_named_leaves_out_what_has_no_name)
{
	struct tree *tree = make_rich_tree(), *copy;
	const struct tree_config config = config_with(0, 0);
	struct memory_stream stream = { .bytes = 0 };
	struct tree_inode *inode;

	tree_copy_write(tree, TREE_SNAPSHOT_NAMED, &stream);
	ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), 0);
	ck_assert_uint_eq(tree_nr_inodes(copy), 5);
	inode = find(copy, root_of(copy), "b");
	ck_assert_ptr_eq(inode, find(copy, find(copy, root_of(copy), "dir"), "a"));
	ck_assert_uint_eq(inode->refs, 0);
	ck_assert_uint_eq(inode->writers, 0);
	memory_stream_fini(&stream);
	end_tree(copy);
	end_tree(tree);
}
END_TEST

/* The numbers that come next are the same: free ones are used again in the same order. */
START_TEST(test_snapshot_goes_on_with_the_same_numbers)
{
	struct tree *tree = make_tree(), *copy;
	const struct tree_config config = config_with(0, 0);
	struct memory_stream stream = { .bytes = 0 };
	char name[16];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		(void)make_file(tree, root_of(tree), name);
	}
	for (int i = 0; i < 3000; i += 2) {
		snprintf(name, sizeof(name), "%d", (i * 7) % 3000);
		ck_assert_int_eq(tree_unlink(tree, root_of(tree), name, at(9), NULL), 0);
	}
	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "new%d", i);
		compare_inode(make_file(tree, root_of(tree), name),
			      make_file(copy, root_of(copy), name));
	}
	memory_stream_fini(&stream);
	end_tree(copy);
	end_tree(tree);
}
END_TEST

START_TEST(test_snapshot_too_many_inodes)
{
	struct tree *tree = make_rich_tree(), *copy;
	const struct tree_config config = config_with(4, 0);
	struct memory_stream stream = { .bytes = 0 };

	tree_copy_write(tree, TREE_SNAPSHOT_NAMED, &stream);
	ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), -ENOSPC);
	memory_stream_fini(&stream);
	end_tree(tree);
}
END_TEST

START_TEST(test_snapshot_damaged_streams_are_refused)
{
	struct tree *tree = make_rich_tree(), *copy;
	const struct tree_config config = config_with(0, 0);
	struct memory_stream stream = { .bytes = 0 };
	size_t bytes;

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	bytes = stream.bytes;
	for (stream.bytes = 0; stream.bytes < bytes; stream.bytes++)
		ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), -EBADMSG);
	for (size_t bit = 0; bit < bytes * 8; bit++) {
		stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), -EBADMSG);
		stream.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	memory_stream_fini(&stream);
	end_tree(tree);
}
END_TEST

/* Computes the checksums of a changed stream anew. */
static void make_valid(struct memory_stream *stream)
{
	const size_t head = sizeof(struct record_stream_header), field = 8;
	uint64_t sum = record_checksum(0, stream->data, head - field, NULL, 0);
	uint64_t stored = htole64(sum);

	memcpy(stream->data + head - field, &stored, field);
	for (size_t at = head; at < stream->bytes;) {
		struct record_header header;

		memcpy(&header, stream->data + at, sizeof(header));
		sum = record_checksum(sum, &header, sizeof(header) - field,
				      stream->data + at + sizeof(header), le32toh(header.bytes));
		stored = htole64(sum);
		memcpy(stream->data + at + sizeof(header) - field, &stored, field);
		at += sizeof(header) + le32toh(header.bytes);
	}
}

/* Changes one bit after the other in a payload. Return: how many of the streams were refused. */
static unsigned change_payload(struct memory_stream *stream, size_t at, size_t end)
{
	const struct tree_config config = config_with(0, 0);
	unsigned nr_refused = 0;

	for (size_t bit = at * 8; bit < end * 8; bit++) {
		struct tree *copy;
		int err;

		stream->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		make_valid(stream);
		err = tree_copy_read(stream, &config, &copy);
		ck_assert_msg(err == 0 || err == -EPROTO || err == -EMLINK, "%d", err);
		nr_refused += err != 0;
		if (!err)
			end_tree(copy);
		stream->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return nr_refused;
}

/* The table of numbers is made before the inodes are read, so their number must be possible. */
START_TEST(test_snapshot_too_many_numbers)
{
	const size_t at = sizeof(struct record_stream_header) + sizeof(struct record_header);
	const struct tree_config config = config_with(1000, 0);
	struct tree *tree = make_rich_tree(), *copy;
	struct memory_stream stream = { .bytes = 0 };
	uint64_t next_ino = htole64(UINT64_C(1) << 40);

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	memcpy(stream.data + at, &next_ino, sizeof(next_ino));
	make_valid(&stream);
	ck_assert_int_eq(tree_copy_read(&stream, &config, &copy), -ENOSPC);
	memory_stream_fini(&stream);
	end_tree(tree);
}
END_TEST

/* With a right checksum, each change of a payload gives a valid tree or an error. */
START_TEST(test_snapshot_impossible_streams_are_refused)
{
	struct tree *tree = make_rich_tree();
	struct memory_stream stream = { .bytes = 0 };
	struct record_header header;
	unsigned nr_refused = 0;
	size_t at = sizeof(struct record_stream_header), end;

	tree_copy_write(tree, TREE_SNAPSHOT_ALL, &stream);
	for (; at < stream.bytes; at = end) {
		memcpy(&header, stream.data + at, sizeof(header));
		end = at + sizeof(header) + le32toh(header.bytes);
		at += sizeof(header);
		/* It begins with the number of slots, and many slots cost memory. */
		if (le16toh(header.type) == TREE_RECORD_TREE)
			at += 8;
		if (header.type != RECORD_END)
			nr_refused += change_payload(&stream, at, end);
	}
	ck_assert_uint_gt(nr_refused, 500);
	memory_stream_fini(&stream);
	end_tree(tree);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree snapshot");
	TCase *core = tcase_create("core"), *errors = tcase_create("errors");

	tcase_set_timeout(errors, 120);
	tcase_add_test(core, test_snapshot_keeps_every_inode);
	tcase_add_test(core, test_snapshot_named_leaves_out_what_has_no_name);
	tcase_add_test(core, test_snapshot_goes_on_with_the_same_numbers);
	tcase_add_test(errors, test_snapshot_too_many_inodes);
	tcase_add_test(errors, test_snapshot_too_many_numbers);
	tcase_add_test(errors, test_snapshot_damaged_streams_are_refused);
	tcase_add_test(errors, test_snapshot_impossible_streams_are_refused);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, errors);
	return run_suite(suite);
}
