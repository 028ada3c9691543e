/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Written bytes are below it, so that it can only come from flash that nobody has written. */
#define GARBAGE 0xA5

struct maker {
	struct kernel *kernel;
	struct fuzz_input *input;
	char *request;
	size_t bytes;
};

/* ---- parts of a request ---- */

static void *add(struct maker *m, size_t bytes)
{
	char *at = m->request + m->bytes;

	memset(at, 0, bytes);
	m->bytes += bytes;
	return at;
}

static uint64_t take(struct maker *m, size_t bytes)
{
	return fuzz_take(m->input, bytes);
}

/* Adds a text with its NUL. */
static void add_text(struct maker *m, const char *text, size_t length)
{
	memcpy(add(m, length + 1), text, length);
}

static void add_repeated(struct maker *m, char c, size_t length)
{
	memset(add(m, length + 1), c, length);
}

/* A name of a directory entry, as a path cannot contain all that the tree forbids. */
static void add_name(struct maker *m)
{
	unsigned choice = (unsigned)take(m, 1);
	char name[3] = { 'a' + (char)(choice % 16), (char)(1 + take(m, 1) % 2), '\0' };

	switch (choice >> 4) {
	case 0:
		add_repeated(m, (char)0xff, 255);
		break;
	case 1:
		add_repeated(m, 'n', 256);
		break;
	case 2:
		add_repeated(m, 'n', 240 + choice % 16);
		break;
	case 3:
		add_text(m, "\n\\ ,=", 5);
		break;
	default:
		add_text(m, name, 1 + choice % 2);
	}
}

static const char *const xattr_names[] = {
	"user.a",
	"user.b",
	"user.",
	"trusted.a",
	"security.capability",
	"security.selinux",
	"other.a",
	"user",
	"",
	"system.posix_acl_access",
	"system.posix_acl_default",
};

static void add_xattr_name(struct maker *m)
{
	unsigned choice = (unsigned)take(m, 1);
	size_t nr = sizeof(xattr_names) / sizeof(xattr_names[0]);
	char name[256] = "user.";

	if (choice < 128) {
		const char *text = xattr_names[choice % nr];

		add_text(m, text, strlen(text));
		return;
	}
	memset(name + strlen("user."), 'x', sizeof(name) - strlen("user."));
	name[250 + choice % 6] = '\0';
	add_text(m, name, strlen(name));
}

/* Offsets and lengths near all bounds. The kernel sends none that is negative or overflows. */
static uint64_t pick_size(struct maker *m)
{
	static const uint64_t bounds[] = {
		0,        1,          4096,       65536,     16 * 4096,     1u << 20,
		1u << 21, 1ull << 32, 1ull << 40, INT64_MAX, INT64_MAX / 2, 8 * 65536,
	};
	unsigned choice = (unsigned)take(m, 1);
	uint64_t size = bounds[choice % (sizeof(bounds) / sizeof(bounds[0]))];

	if (choice >= 0xc0)
		return take(m, 3);
	if (choice >= 0x80)
		size += take(m, 1);
	else if (choice >= 0x40)
		size -= take(m, 1);
	return size & INT64_MAX;
}

static uint64_t pick_length(struct maker *m, uint64_t offset)
{
	uint64_t length = pick_size(m), most = (uint64_t)INT64_MAX - offset;

	return length < most ? length : most;
}

static uint32_t pick_bytes(struct maker *m, uint32_t max)
{
	uint64_t size = pick_size(m);

	return (uint32_t)(size < max ? size : max);
}

static uint64_t pick_node(struct maker *m)
{
	unsigned choice = (unsigned)take(m, 1);

	if (choice == 0xff)
		return take(m, 8);
	return m->kernel->nodes[choice % m->kernel->nr_nodes].ino;
}

/* ---- requests, without their header; each returns false if the kernel would not send it ---- */

static bool make_name(struct maker *m)
{
	add_name(m);
	return true;
}

static bool make_lookup(struct maker *m)
{
	unsigned choice = (unsigned)take(m, 1);

	if (choice < 16)
		add_text(m, "..", 1 + choice % 2);
	else
		add_name(m);
	return true;
}

static bool make_forget(struct maker *m)
{
	struct kernel *kernel = m->kernel;
	struct kernel_node *node = &kernel->nodes[take(m, 1) % kernel->nr_nodes];
	struct fuse_forget_in *in = add(m, sizeof(*in));

	in->nlookup = node->nlookup;
	if (node->ino == FUSE_ROOT_ID || node->nr_opens)
		return false;
	kernel->ino = node->ino;
	*node = kernel->nodes[--kernel->nr_nodes];
	return true;
}

static bool make_getattr(struct maker *m)
{
	(void)add(m, sizeof(struct fuse_getattr_in));
	return true;
}

static bool make_setattr(struct maker *m)
{
	struct fuse_setattr_in *in = add(m, sizeof(*in));

	in->valid = (uint32_t)take(m, 2) &
		    (FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME | FATTR_MTIME |
		     FATTR_ATIME_NOW | FATTR_MTIME_NOW | FATTR_CTIME | FATTR_KILL_SUIDGID);
	in->size = pick_size(m);
	in->mode = (uint32_t)take(m, 2) & 07777;
	in->uid = (uint32_t)take(m, 1);
	in->gid = (uint32_t)take(m, 1);
	in->atime = take(m, 8);
	in->mtime = take(m, 8);
	return true;
}

static bool make_symlink(struct maker *m)
{
	static const size_t lengths[] = { 1, 2, 100, 4094, 4095 };

	add_name(m);
	add_repeated(m, 't', lengths[take(m, 1) % (sizeof(lengths) / sizeof(lengths[0]))]);
	return true;
}

static bool make_mknod(struct maker *m)
{
	static const uint32_t types[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };
	struct fuse_mknod_in *in = add(m, sizeof(*in));

	in->mode = types[take(m, 1) % 5] | ((uint32_t)take(m, 2) & 07777);
	in->rdev = (uint32_t)take(m, 4);
	in->umask = (uint32_t)take(m, 2) & 0777;
	add_name(m);
	return true;
}

static bool make_mkdir(struct maker *m)
{
	struct fuse_mkdir_in *in = add(m, sizeof(*in));

	in->mode = (uint32_t)take(m, 2) & 07777;
	add_name(m);
	return true;
}

static bool make_rename(struct maker *m)
{
	struct fuse_rename2_in *in = add(m, sizeof(*in));

	in->newdir = pick_node(m);
	in->flags = (uint32_t)take(m, 1) & 7;
	add_name(m);
	add_name(m);
	return true;
}

static bool make_link(struct maker *m)
{
	struct fuse_link_in *in = add(m, sizeof(*in));

	in->oldnodeid = pick_node(m);
	add_name(m);
	return true;
}

static uint32_t pick_open_flags(struct maker *m)
{
	static const uint32_t modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_NOATIME };

	return modes[take(m, 1) % 4];
}

static bool make_open(struct maker *m)
{
	struct fuse_open_in *in = add(m, sizeof(*in));

	in->flags = m->kernel->open_flags = pick_open_flags(m);
	return !m->kernel->no_open && m->kernel->nr_opens < KERNEL_MAX_OPENS;
}

static bool make_opendir(struct maker *m)
{
	(void)add(m, sizeof(struct fuse_open_in));
	return !m->kernel->no_opendir;
}

static bool make_create(struct maker *m)
{
	struct fuse_create_in *in = add(m, sizeof(*in));

	in->flags = m->kernel->open_flags = pick_open_flags(m) | O_CREAT;
	in->mode = S_IFREG | ((uint32_t)take(m, 2) & 07777);
	if (m->kernel->opcode == FUSE_CREATE)
		add_name(m);
	else
		add_text(m, "/", 1);
	return m->kernel->nr_opens < KERNEL_MAX_OPENS;
}

static struct kernel_node *find_node(struct kernel *kernel, uint64_t ino)
{
	for (unsigned i = 0; i < kernel->nr_nodes; i++)
		if (kernel->nodes[i].ino == ino)
			return &kernel->nodes[i];
	return NULL;
}

static bool make_release(struct maker *m)
{
	struct fuse_release_in *in = add(m, sizeof(*in));
	struct kernel *kernel = m->kernel;
	struct kernel_open *open;

	if (!kernel->nr_opens)
		return false;
	open = &kernel->opens[take(m, 1) % kernel->nr_opens];
	kernel->ino = open->ino;
	in->flags = open->flags;
	find_node(kernel, open->ino)->nr_opens--;
	*open = kernel->opens[--kernel->nr_opens];
	return true;
}

static bool make_read(struct maker *m)
{
	struct fuse_read_in *in = add(m, sizeof(*in));

	in->offset = pick_size(m);
	in->size = pick_bytes(m, KERNEL_MAX_DATA);
	in->flags = take(m, 1) & 1 ? O_NOATIME : 0;
	m->kernel->data_bytes = in->size;
	return true;
}

static bool make_write(struct maker *m)
{
	struct fuse_write_in *in = add(m, sizeof(*in));

	in->offset = pick_size(m);
	in->size = pick_bytes(m, KERNEL_MAX_DATA);
	if (in->size > INT64_MAX - in->offset)
		in->size = (uint32_t)(INT64_MAX - in->offset);
	in->write_flags = (uint32_t)take(m, 1) & (FUSE_WRITE_CACHE | FUSE_WRITE_KILL_SUIDGID);
	m->kernel->data_bytes = in->size;
	memset(add(m, in->size), 1 + (int)take(m, 1) % 0x7f, in->size);
	return true;
}

static bool make_fallocate(struct maker *m)
{
	struct fuse_fallocate_in *in = add(m, sizeof(*in));

	in->offset = pick_size(m);
	in->length = pick_length(m, in->offset);
	in->mode = (uint32_t)take(m, 1);
	return in->length > 0;
}

static bool make_copy(struct maker *m)
{
	struct fuse_copy_file_range_in *in = add(m, sizeof(*in));

	in->off_in = pick_size(m);
	in->nodeid_out = pick_node(m);
	in->off_out = pick_size(m);
	in->len = pick_length(m, in->off_in > in->off_out ? in->off_in : in->off_out);
	return true;
}

static bool make_lseek(struct maker *m)
{
	struct fuse_lseek_in *in = add(m, sizeof(*in));

	in->offset = pick_size(m);
	in->whence = take(m, 1) & 1 ? SEEK_DATA : SEEK_HOLE;
	return true;
}

static bool make_setxattr(struct maker *m)
{
	char *in = add(m, FUSE_COMPAT_SETXATTR_IN_SIZE);
	uint32_t bytes = pick_bytes(m, 65536), flags = (uint32_t)take(m, 1) & 3;
	bool taken = take(m, 1) & 1;
	char *value;

	if (taken && bytes > m->input->bytes)
		bytes = (uint32_t)m->input->bytes;
	memcpy(in, &bytes, sizeof(bytes));
	memcpy(in + sizeof(bytes), &flags, sizeof(flags));
	add_xattr_name(m);
	if (bytes > 65536)
		return false;
	value = add(m, bytes);
	for (uint32_t i = 0; taken && i < bytes; i++)
		value[i] = (char)take(m, 1);
	return true;
}

static bool make_getxattr(struct maker *m)
{
	struct fuse_getxattr_in *in = add(m, sizeof(*in));

	in->size = pick_bytes(m, 65536);
	if (m->kernel->opcode == FUSE_GETXATTR)
		add_xattr_name(m);
	return true;
}

static bool make_xattr_name(struct maker *m)
{
	add_xattr_name(m);
	return true;
}

static bool make_nothing(struct maker *m)
{
	(void)m;
	return true;
}

static const struct {
	uint32_t opcode;
	bool (*make)(struct maker *m);
} kinds[] = {
	{ FUSE_LOOKUP, make_lookup },
	{ FUSE_FORGET, make_forget },
	{ FUSE_GETATTR, make_getattr },
	{ FUSE_SETATTR, make_setattr },
	{ FUSE_READLINK, make_nothing },
	{ FUSE_SYMLINK, make_symlink },
	{ FUSE_MKNOD, make_mknod },
	{ FUSE_MKDIR, make_mkdir },
	{ FUSE_UNLINK, make_name },
	{ FUSE_RMDIR, make_name },
	{ FUSE_RENAME2, make_rename },
	{ FUSE_LINK, make_link },
	{ FUSE_OPEN, make_open },
	{ FUSE_CREATE, make_create },
	{ FUSE_TMPFILE, make_create },
	{ FUSE_RELEASE, make_release },
	{ FUSE_READ, make_read },
	{ FUSE_WRITE, make_write },
	{ FUSE_FALLOCATE, make_fallocate },
	{ FUSE_COPY_FILE_RANGE, make_copy },
	{ FUSE_LSEEK, make_lseek },
	{ FUSE_SETXATTR, make_setxattr },
	{ FUSE_GETXATTR, make_getxattr },
	{ FUSE_LISTXATTR, make_getxattr },
	{ FUSE_REMOVEXATTR, make_xattr_name },
	{ FUSE_OPENDIR, make_opendir },
	{ FUSE_READDIR, make_read },
	{ FUSE_READDIRPLUS, make_read },
	{ FUSE_STATFS, make_nothing },
};

/* ---- whole requests ---- */

static void put_header(struct maker *m)
{
	struct fuse_in_header *header = (void *)m->request;

	header->len = (uint32_t)m->bytes;
	header->opcode = m->kernel->opcode;
	header->unique = ++m->kernel->unique;
	header->nodeid = m->kernel->ino;
	header->uid = header->gid = m->kernel->unique & 1 ? 0 : 1000;
	m->kernel->wants_reply = header->opcode != FUSE_FORGET;
}

void kernel_init(struct kernel *kernel)
{
	*kernel = (struct kernel){ .nr_nodes = 1, .nodes = { { FUSE_ROOT_ID, 1, 0 } } };
}

size_t kernel_make_init(struct kernel *kernel, char *request)
{
	struct maker m = { .kernel = kernel, .request = request };
	struct fuse_init_in *in;

	(void)add(&m, sizeof(struct fuse_in_header));
	in = add(&m, sizeof(*in));
	in->major = FUSE_KERNEL_VERSION;
	in->minor = FUSE_KERNEL_MINOR_VERSION;
	in->max_readahead = 1u << 20;
	in->flags = FUSE_ASYNC_READ | FUSE_EXPORT_SUPPORT | FUSE_BIG_WRITES | FUSE_DONT_MASK |
		    FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_WRITEBACK_CACHE |
		    FUSE_NO_OPEN_SUPPORT | FUSE_PARALLEL_DIROPS | FUSE_POSIX_ACL | FUSE_MAX_PAGES |
		    FUSE_CACHE_SYMLINKS | FUSE_NO_OPENDIR_SUPPORT | FUSE_EXPLICIT_INVAL_DATA |
		    FUSE_HANDLE_KILLPRIV_V2;
	kernel->opcode = FUSE_INIT;
	kernel->ino = 0;
	put_header(&m);
	return m.bytes;
}

size_t kernel_make(struct kernel *kernel, struct fuzz_input *input, char *request)
{
	struct maker m = { .kernel = kernel, .input = input, .request = request };
	unsigned kind = (unsigned)fuzz_take(input, 1) % (sizeof(kinds) / sizeof(kinds[0]));

	(void)add(&m, sizeof(struct fuse_in_header));
	kernel->opcode = kinds[kind].opcode;
	kernel->data_bytes = 0;
	kernel->ino = pick_node(&m);
	if (!kinds[kind].make(&m))
		return 0;
	put_header(&m);
	return m.bytes;
}

/* ---- replies ---- */

static void note_entry(struct kernel *kernel, const struct fuse_entry_out *entry)
{
	struct kernel_node *node = find_node(kernel, entry->nodeid);

	if (!entry->nodeid)
		return;
	FUZZ_REQUIRE(entry->attr.mode & S_IFMT);
	if (!node && kernel->nr_nodes < KERNEL_MAX_NODES) {
		node = &kernel->nodes[kernel->nr_nodes++];
		*node = (struct kernel_node){ .ino = entry->nodeid };
	}
	if (node)
		node->nlookup++;
}

static void note_open(struct kernel *kernel, uint64_t ino)
{
	struct kernel_node *node = find_node(kernel, ino);

	if (!node)
		return;
	node->nr_opens++;
	kernel->opens[kernel->nr_opens++] =
		(struct kernel_open){ .ino = ino, .flags = kernel->open_flags };
}

static void check_data(const struct kernel *kernel, const uint8_t *data, size_t bytes)
{
	FUZZ_REQUIRE(bytes <= kernel->data_bytes);
	FUZZ_REQUIRE(!bytes || !memchr(data, GARBAGE, bytes));
}

/* readdirplus takes a reference to each inode that it lists, except those of "." and "..". */
static void note_plus(struct kernel *kernel, const char *list, size_t bytes)
{
	while (bytes > 0) {
		const struct fuse_direntplus *entry = (const void *)list;
		size_t used = FUSE_DIRENTPLUS_SIZE(entry);

		FUZZ_REQUIRE(bytes >= FUSE_NAME_OFFSET_DIRENTPLUS && used <= bytes);
		note_entry(kernel, &entry->entry_out);
		list += used;
		bytes -= used;
	}
}

static void take_error(struct kernel *kernel, int error)
{
	FUZZ_REQUIRE(error < 0 && error > -512);
	kernel->no_open |= kernel->opcode == FUSE_OPEN && error == -ENOSYS;
	kernel->no_opendir |= kernel->opcode == FUSE_OPENDIR && error == -ENOSYS;
}

void kernel_take_reply(struct kernel *kernel, const struct fuse_out_header *header,
		       const void *body, size_t body_bytes)
{
	FUZZ_REQUIRE(header->unique == kernel->unique);
	FUZZ_REQUIRE(header->len == sizeof(*header) + body_bytes);
	if (header->error) {
		take_error(kernel, header->error);
		return;
	}
	switch (kernel->opcode) {
	case FUSE_LOOKUP:
	case FUSE_MKNOD:
	case FUSE_MKDIR:
	case FUSE_SYMLINK:
	case FUSE_LINK:
		note_entry(kernel, body);
		break;
	case FUSE_CREATE:
	case FUSE_TMPFILE:
		note_entry(kernel, body);
		note_open(kernel, ((const struct fuse_entry_out *)body)->nodeid);
		break;
	case FUSE_OPEN:
		note_open(kernel, kernel->ino);
		break;
	case FUSE_READ:
		check_data(kernel, body, body_bytes);
		break;
	case FUSE_READDIRPLUS:
		note_plus(kernel, body, body_bytes);
		break;
	default:
		break;
	}
}
