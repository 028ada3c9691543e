/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command file: where the data of a file lie.
 *
 * {"version":1,"command":"file","inode":N,"offset":BYTES}: a long file takes several requests. The
 * answer has at most MAX_EXTENTS extents, and "next", the offset to go on at, unless it is the end.
 */
#include <errno.h>

#include "control/commands.h"

#define MAX_EXTENTS 256

static void put_vlun(struct json_maker *m, struct json_object *array,
		     const struct data_file_vlun *vlun)
{
	struct json_object *o = json_append_object(m, array);

	json_put_number(m, o, "lun", vlun->lun);
	json_put_number(m, o, "handle", vlun->handle);
	json_put_number(m, o, "chunks", vlun->nr_chunks);
	json_put_number(m, o, "used_chunks", vlun->nr_used_chunks);
}

static void put_extent(struct json_maker *m, struct json_object *array,
		       const struct data_file_extent *extent)
{
	struct json_object *o = json_append_object(m, array);

	json_put_number(m, o, "offset", extent->offset);
	json_put_number(m, o, "bytes", extent->bytes);
	json_put_text(m, o, "kind", !extent->written ? "hole" : extent->packed ? "packed" : "own");
	if (!extent->written)
		return;
	json_put_number(m, o, "lun", extent->lun);
	json_put_number(m, o, "handle", extent->handle);
	json_put_number(m, o, "lba", extent->lba);
}

static void put_map(struct json_maker *m, struct json_object *out, const struct data_file_map *map)
{
	struct json_object *vluns = json_put_array(m, out, "vluns"), *extents;

	json_put_number(m, out, "size", map->size);
	json_put_number(m, out, "allocated_bytes", map->allocated_bytes);
	for (unsigned i = 0; i < map->nr_vluns; i++)
		put_vlun(m, vluns, &map->vluns[i]);
	extents = json_put_array(m, out, "extents");
	for (unsigned i = 0; i < map->nr_extents; i++)
		put_extent(m, extents, &map->extents[i]);
	if (map->next_offset < map->size)
		json_put_number(m, out, "next", map->next_offset);
}

int control_file(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	struct data_file_extent extents[MAX_EXTENTS];
	struct data_file_map map = { .extents = extents, .max_extents = MAX_EXTENTS };
	uint64_t inode = json_get_number(request->in, "inode");
	int err = fs_map_file(volume->fs, inode, json_get_number(request->in, "offset"), &map);

	if (err == -ESTALE)
		return control_fail(request, -ENOENT, "there is no inode %llu",
				    (unsigned long long)inode);
	if (err == -EISDIR || err == -EINVAL)
		return control_fail(request, err, "inode %llu is not a regular file",
				    (unsigned long long)inode);
	if (err)
		return err;
	json_put_number(&request->maker, request->out, "inode", inode);
	put_map(&request->maker, request->out, &map);
	return 0;
}
