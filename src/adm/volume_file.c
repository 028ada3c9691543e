/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm file: where the data of a file lie. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "adm/adm.h"
#include "adm/volume.h"

/* Return: the inode; 0 after a message. */
static uint64_t inode_of(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &st)) {
		adm_say("%s: %s", path, strerror(errno));
		return 0;
	}
	return st.stx_ino;
}

static struct json_object *ask(const char *path, uint64_t inode, uint64_t offset)
{
	struct json_object *request = volume_request("file");
	struct json_maker maker = { 0 };

	json_put_number(&maker, request, "inode", inode);
	json_put_number(&maker, request, "offset", offset);
	return volume_ask(path, request, ADM_VOLUME_TIMEOUT_MS);
}

/* Moves the elements of @part into @extents. Return: false: out of memory. */
static bool move_extents(struct json_object *extents, struct json_object *part)
{
	for (size_t i = 0; i < json_object_array_length(part); i++) {
		struct json_object *extent = json_object_get(json_object_array_get_idx(part, i));

		if (json_object_array_add(extents, extent)) {
			json_object_put(extent);
			return false;
		}
	}
	return true;
}

/* Return: the answer with all extents; NULL after a message. */
static struct json_object *ask_all(const char *path, uint64_t inode)
{
	struct json_object *whole = ask(path, inode, 0), *extents = json_get(whole, "extents");

	while (whole && json_get(whole, "next")) {
		struct json_object *part = ask(path, inode, json_get_number(whole, "next")), *next;

		if (!part || !move_extents(extents, json_get(part, "extents"))) {
			json_object_put(part);
			json_object_put(whole);
			return NULL;
		}
		next = json_object_get(json_get(part, "next"));
		json_object_object_del(whole, "next");
		if (next)
			(void)json_object_object_add(whole, "next", next);
		json_object_put(part);
	}
	return whole;
}

static void print_vluns(struct json_object *file, FILE *out)
{
	struct json_object *vluns = json_get(file, "vluns");

	for (size_t i = 0; i < json_object_array_length(vluns); i++) {
		struct json_object *vlun = json_object_array_get_idx(vluns, i);

		fprintf(out,
			"  vLUN of LUN %" PRIu64 ", handle %" PRIu64 ": %" PRIu64
			" chunks, %" PRIu64 " used\n",
			json_get_number(vlun, "lun"), json_get_number(vlun, "handle"),
			json_get_number(vlun, "chunks"), json_get_number(vlun, "used_chunks"));
	}
}

static void print_extent(struct json_object *extent, FILE *out)
{
	const char *kind = json_get_text(extent, "kind");

	fprintf(out, "  %16" PRIu64 " %16" PRIu64 " %-7s", json_get_number(extent, "offset"),
		json_get_number(extent, "bytes"), kind);
	if (strcmp(kind, "hole"))
		fprintf(out, " %3" PRIu64 " %6" PRIu64 " %12" PRIu64,
			json_get_number(extent, "lun"), json_get_number(extent, "handle"),
			json_get_number(extent, "lba"));
	fputc('\n', out);
}

static void print_file(const char *path, struct json_object *file, FILE *out)
{
	struct json_object *extents = json_get(file, "extents");

	volume_print_text(out, path);
	fprintf(out, ": inode %" PRIu64 ", %" PRIu64 " bytes, %" PRIu64 " bytes allocated\n",
		json_get_number(file, "inode"), json_get_number(file, "size"),
		json_get_number(file, "allocated_bytes"));
	print_vluns(file, out);
	if (json_object_array_length(extents) == 0)
		return;
	fprintf(out, "  %16s %16s %-7s %3s %6s %12s\n", "OFFSET", "BYTES", "KIND", "LUN", "HANDLE",
		"LBA");
	for (size_t i = 0; i < json_object_array_length(extents); i++)
		print_extent(json_object_array_get_idx(extents, i), out);
}

int adm_file(int argc, char *argv[], FILE *out)
{
	struct json_object *file;
	const char *path;
	uint64_t inode;
	bool json;
	int result = ADM_OK;

	if (!adm_parse(argc, argv, "--json", &json, &path) || !path)
		return ADM_USAGE;
	inode = inode_of(path);
	file = inode ? ask_all(path, inode) : NULL;
	if (!file)
		return ADM_FAILED;
	if (json)
		result = volume_print_json(file, out);
	else
		print_file(path, file, out);
	json_object_put(file);
	return result;
}
