/* SPDX-License-Identifier: Apache-2.0 */
/* Changes as bytes. */
#include "tree/change.h"

#include <errno.h>
#include <string.h>

#define VERSION 1

struct header {
	uint32_t bytes; /* of header and fields */
	uint16_t version;
	uint16_t kind;
	uint32_t fields; /* a bit for each that follows, in this order */
};
_Static_assert(sizeof(struct header) == 12, "as written");

enum type { FLAG, U32, U64, TIME, STRING, BYTES };

struct field {
	enum type type;
	size_t at; /* in struct tree_change */
};

enum field_number {
	INO,
	OTHER_INO,
	NEW_INO,
	NAME,
	NEW_NAME,
	VALUE,
	COUNT,
	CALLER_UID,
	CALLER_GID,
	CALLER_UMASK,
	CALLER_MAY_SETGID,
	CALLER_NOW,
	WHAT,
	CLEAR_SGID,
	MODE,
	RDEV,
	UID,
	GID,
	ATIME,
	MTIME,
	CTIME,
	BTIME,
	NR_FIELDS
};

#define AT(member) offsetof(struct tree_change, member)

static const struct field fields[NR_FIELDS] = {
	[INO] = { U64, AT(ino) },
	[OTHER_INO] = { U64, AT(other_ino) },
	[NEW_INO] = { U64, AT(new_ino) },
	[NAME] = { STRING, AT(name) },
	[NEW_NAME] = { STRING, AT(new_name) },
	[VALUE] = { BYTES, AT(value) },
	[COUNT] = { U64, AT(count) },
	[CALLER_UID] = { U32, AT(caller.uid) },
	[CALLER_GID] = { U32, AT(caller.gid) },
	[CALLER_UMASK] = { U32, AT(caller.umask) },
	[CALLER_MAY_SETGID] = { FLAG, AT(caller.may_setgid) },
	[CALLER_NOW] = { TIME, AT(caller.now) },
	[WHAT] = { U32, AT(what) },
	[CLEAR_SGID] = { FLAG, AT(clear_sgid) },
	[MODE] = { U32, AT(mode) },
	[RDEV] = { U64, AT(rdev) },
	[UID] = { U32, AT(uid) },
	[GID] = { U32, AT(gid) },
	[ATIME] = { TIME, AT(atime) },
	[MTIME] = { TIME, AT(mtime) },
	[CTIME] = { TIME, AT(ctime) },
	[BTIME] = { TIME, AT(btime) },
};
_Static_assert(sizeof(mode_t) == 4 && sizeof(uid_t) == 4 && sizeof(gid_t) == 4, "U32");
_Static_assert(sizeof(dev_t) == 8, "U64");

#define BIT(field)   (UINT32_C(1) << (field))
#define IN_DIRECTORY (BIT(INO) | BIT(NAME) | BIT(CALLER_NOW))
#define MAKES_INODE                                                             \
	(BIT(NEW_INO) | BIT(CALLER_UID) | BIT(CALLER_GID) | BIT(CALLER_UMASK) | \
	 BIT(CALLER_MAY_SETGID))

static const uint32_t fields_of_kind[TREE_NR_CHANGES] = {
	[TREE_CHANGE_MKNOD] = IN_DIRECTORY | MAKES_INODE | BIT(MODE) | BIT(RDEV),
	[TREE_CHANGE_SYMLINK] = IN_DIRECTORY | MAKES_INODE | BIT(VALUE),
	[TREE_CHANGE_TMPFILE] = BIT(INO) | MAKES_INODE | BIT(CALLER_NOW) | BIT(MODE),
	[TREE_CHANGE_LINK] = IN_DIRECTORY | BIT(OTHER_INO),
	[TREE_CHANGE_UNLINK] = IN_DIRECTORY,
	[TREE_CHANGE_RMDIR] = IN_DIRECTORY,
	[TREE_CHANGE_RENAME] =
		IN_DIRECTORY | MAKES_INODE | BIT(OTHER_INO) | BIT(NEW_NAME) | BIT(WHAT),
	[TREE_CHANGE_SETATTR] = BIT(INO) | BIT(CALLER_MAY_SETGID) | BIT(CALLER_NOW) | BIT(WHAT) |
				BIT(MODE) | BIT(UID) | BIT(GID) | BIT(ATIME) | BIT(MTIME) |
				BIT(CTIME) | BIT(BTIME),
	[TREE_CHANGE_DROP_SETID] = BIT(INO) | BIT(CALLER_MAY_SETGID),
	[TREE_CHANGE_TOUCH_MODIFIED] = BIT(INO) | BIT(CALLER_NOW),
	[TREE_CHANGE_TOUCH_ACCESSED] = BIT(INO) | BIT(CALLER_NOW),
	[TREE_CHANGE_SETXATTR] = IN_DIRECTORY | BIT(VALUE) | BIT(CLEAR_SGID),
	[TREE_CHANGE_REMOVEXATTR] = IN_DIRECTORY,
	[TREE_CHANGE_REF] = BIT(INO) | BIT(COUNT),
	[TREE_CHANGE_UNREF] = BIT(INO) | BIT(COUNT),
	[TREE_CHANGE_ADD_WRITERS] = BIT(INO) | BIT(COUNT),
	[TREE_CHANGE_SET_MAX_INODES] = BIT(COUNT),
};

/* Visits the fields of a mask from the lowest on. */
#define FOR_EACH_FIELD(number, mask)                                                              \
	for (uint32_t left_ = (mask), number = left_ ? (uint32_t)__builtin_ctz(left_) : 0; left_; \
	     left_ &= left_ - 1, number = left_ ? (uint32_t)__builtin_ctz(left_) : 0)

/* ---- encode ---- */

/* Attributes that setattr does not set have no meaning. */
static uint32_t fields_of(const struct tree_change *change)
{
	static const struct {
		uint32_t set;
		enum field_number field;
	} settable[] = {
		{ TREE_SET_MODE, MODE },   { TREE_SET_UID, UID },     { TREE_SET_GID, GID },
		{ TREE_SET_ATIME, ATIME }, { TREE_SET_MTIME, MTIME }, { TREE_SET_CTIME, CTIME },
		{ TREE_SET_BTIME, BTIME },
	};
	uint32_t mask = fields_of_kind[change->kind];

	if (change->kind != TREE_CHANGE_SETATTR)
		return mask;
	for (size_t i = 0; i < sizeof(settable) / sizeof(*settable); i++)
		if (!(change->what & settable[i].set))
			mask &= ~BIT(settable[i].field);
	return mask;
}

static bool is_present(const void *field, enum type type)
{
	const struct timespec *time = field;

	switch (type) {
	case FLAG:
		return *(const bool *)field;
	case U32:
		return *(const uint32_t *)field;
	case U64:
		return *(const uint64_t *)field;
	case TIME:
		return time->tv_sec || time->tv_nsec;
	default:
		return *(const void *const *)field;
	}
}

/* The present end of the bytes. Without a buffer they are only counted. */
struct sink {
	char *buf;
	size_t bytes;
};

static void put(struct sink *sink, const void *data, size_t bytes)
{
	if (sink->buf)
		memcpy(sink->buf + sink->bytes, data, bytes);
	sink->bytes += bytes;
}

static void put_counted(struct sink *sink, const void *data, size_t bytes)
{
	const uint32_t count = (uint32_t)bytes;

	put(sink, &count, sizeof(count));
	put(sink, data, bytes);
}

static void put_field(struct sink *sink, const struct tree_change *change, const void *field,
		      enum type type)
{
	switch (type) {
	case FLAG:
		break;
	case U32:
		put(sink, field, sizeof(uint32_t));
		break;
	case U64:
		put(sink, field, sizeof(uint64_t));
		break;
	case TIME:
		put(sink, field, sizeof(struct timespec));
		break;
	case STRING:
		put_counted(sink, *(const char *const *)field,
			    strlen(*(const char *const *)field) + 1);
		break;
	case BYTES:
		put_counted(sink, change->value, change->value_bytes);
		break;
	}
}

static void encode(struct sink *sink, const struct tree_change *change)
{
	struct header header = { .version = VERSION, .kind = (uint16_t)change->kind };

	sink->bytes = sizeof(header);
	FOR_EACH_FIELD(number, fields_of(change))
	{
		const void *field = (const char *)change + fields[number].at;

		if (!is_present(field, fields[number].type))
			continue;
		header.fields |= BIT(number);
		put_field(sink, change, field, fields[number].type);
	}
	header.bytes = (uint32_t)sink->bytes;
	if (sink->buf)
		memcpy(sink->buf, &header, sizeof(header));
}

size_t tree_change_bytes(const struct tree_change *change)
{
	struct sink sink = { .buf = NULL };

	encode(&sink, change);
	return sink.bytes;
}

size_t tree_change_encode(const struct tree_change *change, void *buf)
{
	struct sink sink = { .buf = buf };

	encode(&sink, change);
	return sink.bytes;
}

/* ---- decode ---- */

struct source {
	const char *at;
	size_t left;
};

/* Return: NULL: there are fewer bytes. */
static const void *take(struct source *source, size_t bytes)
{
	const char *at = source->at;

	if (bytes > source->left)
		return NULL;
	source->at += bytes;
	source->left -= bytes;
	return at;
}

static bool get(struct source *source, void *field, size_t bytes)
{
	const void *at = take(source, bytes);

	if (at)
		memcpy(field, at, bytes);
	return at;
}

static const void *get_counted(struct source *source, size_t *ret_bytes)
{
	uint32_t bytes;

	if (!get(source, &bytes, sizeof(bytes)))
		return NULL;
	*ret_bytes = bytes;
	return take(source, bytes);
}

static bool get_time(struct source *source, struct timespec *time)
{
	return get(source, time, sizeof(*time)) && time->tv_nsec >= 0 && time->tv_nsec < 1000000000;
}

/* A name is as long as its count says, with the NUL. */
static bool get_string(struct source *source, const char **field)
{
	size_t bytes;

	*field = get_counted(source, &bytes);
	return *field && bytes > 0 && strnlen(*field, bytes) + 1 == bytes;
}

static bool get_field(struct source *source, struct tree_change *change, void *field,
		      enum type type)
{
	switch (type) {
	case FLAG:
		*(bool *)field = true;
		return true;
	case U32:
		return get(source, field, sizeof(uint32_t));
	case U64:
		return get(source, field, sizeof(uint64_t));
	case TIME:
		return get_time(source, field);
	case STRING:
		return get_string(source, field);
	default:
		change->value = get_counted(source, &change->value_bytes);
		return change->value;
	}
}

/* Names are never empty, so they are there. */
static bool is_complete(const struct tree_change *change)
{
	uint32_t mask = fields_of_kind[change->kind];

	return (!(mask & BIT(NAME)) || change->name) &&
	       (!(mask & BIT(NEW_NAME)) || change->new_name);
}

static bool get_fields(struct source *source, uint32_t mask, struct tree_change *change)
{
	FOR_EACH_FIELD(number, mask)
	{
		void *field = (char *)change + fields[number].at;

		if (!get_field(source, change, field, fields[number].type))
			return false;
	}
	return source->left == 0 && is_complete(change);
}

int tree_change_decode(const void *data, size_t bytes, struct tree_change *ret_change,
		       size_t *ret_bytes)
{
	struct source source = { .at = data, .left = bytes };
	struct header header;

	if (!get(&source, &header, sizeof(header)))
		return -EPROTO;
	if (header.version != VERSION)
		return -EPROTONOSUPPORT;
	if (header.bytes < sizeof(header) || header.bytes > bytes || header.kind == 0 ||
	    header.kind >= TREE_NR_CHANGES || (header.fields & ~fields_of_kind[header.kind]))
		return -EPROTO;
	source.left = header.bytes - sizeof(header);
	*ret_change = (struct tree_change){ .kind = header.kind };
	*ret_bytes = header.bytes;
	return get_fields(&source, header.fields, ret_change) ? 0 : -EPROTO;
}
