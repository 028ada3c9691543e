/* SPDX-License-Identifier: Apache-2.0 */
/* A whole tree in records. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/minmax.h"
#include "replica/replica_internal.h"
#include "replica/stream.h"
#include "tree/snapshot.h"

static int append(struct replica_parts *parts, const void *part, size_t bytes)
{
	if (parts->max - parts->bytes < bytes) {
		size_t max = 2 * (parts->bytes + bytes);
		char *data = realloc(parts->data, max);

		if (!data)
			return -ENOMEM;
		parts->data = data;
		parts->max = max;
	}
	memcpy(parts->data + parts->bytes, part, bytes);
	parts->bytes += bytes;
	return 0;
}

static ssize_t read_parts(void *arg, void *buf, size_t bytes)
{
	struct replica_parts *parts = arg;
	size_t nr = min_u64(bytes, parts->bytes - parts->at);

	if (nr)
		memcpy(buf, parts->data + parts->at, nr);
	parts->at += nr;
	return (ssize_t)nr;
}

static int read_tree(struct replica *replica, struct record_reader *in)
{
	const struct tree_config config = replica_tree_config(replica);
	struct tree *tree;
	uint16_t type;
	int err = tree_snapshot_read(&config, in, &tree);

	if (err)
		return err;
	tree_free(replica->tree);
	replica->tree = tree;
	err = record_next(in, &type);
	return !err && type != RECORD_END ? -EPROTO : err;
}

static int end_parts(struct replica *replica)
{
	struct record_reader *in;
	int err = record_reader_new(REPLICA_TREE_KIND, REPLICA_TREE_VERSION, read_parts,
				    &replica->parts, &in);

	if (!err) {
		err = read_tree(replica, in);
		record_reader_free(in);
	}
	free(replica->parts.data);
	replica->parts = (struct replica_parts){ .data = NULL };
	return err;
}

int replica_add_part(struct replica *replica, const void *part, size_t bytes)
{
	return bytes ? append(&replica->parts, part, bytes) : end_parts(replica);
}
