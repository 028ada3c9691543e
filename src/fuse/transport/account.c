/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/transport/account.h"

#include <linux/fuse.h>
#include <string.h>

#include "base/minmax.h"
#include "base/ticks.h"

/* What a thread counts. */
struct block {
	struct account_kind kinds[ACCOUNT_NR_KINDS];
	uint64_t nr_recent, nr_traced; /* so far; atomic */
	struct account_record recent[ACCOUNT_NR_RECENT];
	struct account_record traced[ACCOUNT_NR_TRACED];
};

static const char *const names[ACCOUNT_NR_KINDS] = {
	[FUSE_LOOKUP] = "lookup",
	[FUSE_FORGET] = "forget",
	[FUSE_GETATTR] = "getattr",
	[FUSE_SETATTR] = "setattr",
	[FUSE_READLINK] = "readlink",
	[FUSE_SYMLINK] = "symlink",
	[FUSE_MKNOD] = "mknod",
	[FUSE_MKDIR] = "mkdir",
	[FUSE_UNLINK] = "unlink",
	[FUSE_RMDIR] = "rmdir",
	[FUSE_RENAME] = "rename",
	[FUSE_LINK] = "link",
	[FUSE_OPEN] = "open",
	[FUSE_READ] = "read",
	[FUSE_WRITE] = "write",
	[FUSE_STATFS] = "statfs",
	[FUSE_RELEASE] = "release",
	[FUSE_FSYNC] = "fsync",
	[FUSE_SETXATTR] = "setxattr",
	[FUSE_GETXATTR] = "getxattr",
	[FUSE_LISTXATTR] = "listxattr",
	[FUSE_REMOVEXATTR] = "removexattr",
	[FUSE_FLUSH] = "flush",
	[FUSE_INIT] = "init",
	[FUSE_OPENDIR] = "opendir",
	[FUSE_READDIR] = "readdir",
	[FUSE_RELEASEDIR] = "releasedir",
	[FUSE_FSYNCDIR] = "fsyncdir",
	[FUSE_GETLK] = "getlk",
	[FUSE_SETLK] = "setlk",
	[FUSE_SETLKW] = "setlkw",
	[FUSE_ACCESS] = "access",
	[FUSE_CREATE] = "create",
	[FUSE_INTERRUPT] = "interrupt",
	[FUSE_BMAP] = "bmap",
	[FUSE_DESTROY] = "destroy",
	[FUSE_IOCTL] = "ioctl",
	[FUSE_POLL] = "poll",
	[FUSE_NOTIFY_REPLY] = "notify_reply",
	[FUSE_BATCH_FORGET] = "batch_forget",
	[FUSE_FALLOCATE] = "fallocate",
	[FUSE_READDIRPLUS] = "readdirplus",
	[FUSE_RENAME2] = "rename2",
	[FUSE_LSEEK] = "lseek",
	[FUSE_COPY_FILE_RANGE] = "copy_file_range",
	[48] = "setupmapping",
	[49] = "removemapping",
	[50] = "syncfs",
	[51] = "tmpfile",
	[52] = "statx",
};

const char *account_kind_name(unsigned kind)
{
	return kind < ACCOUNT_NR_KINDS ? names[kind] : NULL;
}

void account_init(struct account *account)
{
	*account = (struct account){ 0 };
	ticks_start();
	thread_blocks_init(&account->blocks, sizeof(struct block));
}

void account_fini(struct account *account)
{
	thread_blocks_fini(&account->blocks);
}

/* ---- counting ---- */

void account_begin(struct account *account, struct account_request *request,
		   const struct fuse_in_header *header)
{
	const struct fuse_read_in *in = (const void *)(header + 1);
	unsigned kind = header->opcode < ACCOUNT_NR_KINDS ? header->opcode : 0;
	bool moves_data = kind == FUSE_READ || kind == FUSE_WRITE;
	struct block *block = thread_blocks_mine(&account->blocks);

	*request = (struct account_request){
		.account = account,
		.start_ticks = ticks_now(),
		.inode = header->nodeid,
		.offset = moves_data ? in->offset : 0,
		.bytes = moves_data ? in->size : 0,
		.kind = kind,
		.pid = header->pid,
	};
	if (block)
		counter_add(&block->kinds[kind].nr_started, 1);
}

/*
 * The fence pairs with the one in visit(): a reader that has copied a byte of the new record sees
 * the number that was stored before it, and drops the copy. The store pairs with the first load
 * there.
 */
static void remember(struct account_record *records, uint32_t nr_records, uint64_t *nr,
		     const struct account_record *record)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	records[*nr % nr_records] = *record;
	__atomic_store_n(nr, *nr + 1, __ATOMIC_RELEASE);
}

static bool is_traced(struct account *account, uint64_t latency_ns, uint64_t now)
{
	return latency_ns >= atomic_load_explicit(&account->trace_least_ns, memory_order_relaxed) &&
	       now < atomic_load_explicit(&account->trace_until_ticks, memory_order_relaxed);
}

static void record(struct block *block, struct account_request *request, uint64_t now,
		   uint64_t latency_ns)
{
	const struct account_record record = {
		.end_ticks = now,
		.latency_ns = latency_ns,
		.command_ns =
			request->command_ticks ? ticks_to_ns(now - request->command_ticks) : 0,
		.inode = request->inode,
		.offset = request->offset,
		.bytes = request->bytes,
		.kind = request->kind,
		.pid = request->pid,
		.error = request->error,
	};

	remember(block->recent, ACCOUNT_NR_RECENT, &block->nr_recent, &record);
	if (is_traced(request->account, latency_ns, now))
		remember(block->traced, ACCOUNT_NR_TRACED, &block->nr_traced, &record);
}

void account_end(struct account_request *request)
{
	struct block *block =
		request->account ? thread_blocks_mine(&request->account->blocks) : NULL;
	struct account_kind *kind;
	uint64_t now, latency_ns;

	if (!block)
		return;
	now = ticks_now();
	latency_ns = ticks_to_ns(now - request->start_ticks);
	kind = &block->kinds[request->kind];
	counter_add(&kind->nr_ended, 1);
	histogram_add(&kind->latency, latency_ns, 1);
	if (request->nr_moved)
		counter_add(&kind->nr_bytes, request->nr_moved);
	if (request->error)
		counter_add(&kind->nr_errors, 1);
	record(block, request, now, latency_ns);
	request->account = NULL;
}

/* ---- reading ---- */

void account_sum(struct account *account, struct account_kind ret_kinds[ACCOUNT_NR_KINDS])
{
	struct block *block = NULL;

	memset(ret_kinds, 0, ACCOUNT_NR_KINDS * sizeof(*ret_kinds));
	while ((block = thread_blocks_next(&account->blocks, block))) {
		for (unsigned i = 0; i < ACCOUNT_NR_KINDS; i++) {
			const struct account_kind *from = &block->kinds[i];
			struct account_kind *to = &ret_kinds[i];

			/* A request may begin on one thread and end on another. Read the ends
			 * first, so that there are never more of them. */
			to->nr_ended += counter_read(&from->nr_ended);
			to->nr_errors += counter_read(&from->nr_errors);
			to->nr_bytes += counter_read(&from->nr_bytes);
			histogram_merge(&to->latency, &from->latency);
		}
	}
	while ((block = thread_blocks_next(&account->blocks, block)))
		for (unsigned i = 0; i < ACCOUNT_NR_KINDS; i++)
			ret_kinds[i].nr_started += counter_read(&block->kinds[i].nr_started);
}

void account_add(struct account *account, const struct account_kind kinds[ACCOUNT_NR_KINDS])
{
	struct block *block = thread_blocks_mine(&account->blocks);

	for (unsigned i = 0; block && i < ACCOUNT_NR_KINDS; i++) {
		struct account_kind *to = &block->kinds[i];

		to->nr_started += kinds[i].nr_started;
		to->nr_ended += kinds[i].nr_ended;
		to->nr_errors += kinds[i].nr_errors;
		to->nr_bytes += kinds[i].nr_bytes;
		histogram_merge(&to->latency, &kinds[i].latency);
	}
}

/* A thread may overwrite the oldest record while it is copied; then the copy is dropped. */
static void visit(const struct account_record *records, uint32_t nr_records, const uint64_t *nr,
		  uint64_t after_ticks, void (*fn)(void *arg, const struct account_record *record),
		  void *arg)
{
	uint64_t end = __atomic_load_n(nr, __ATOMIC_ACQUIRE);

	for (uint64_t i = end > nr_records ? end - nr_records : 0; i < end; i++) {
		struct account_record copy = records[i % nr_records];

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(nr, __ATOMIC_RELAXED) < i + nr_records &&
		    copy.end_ticks > after_ticks)
			fn(arg, &copy);
	}
}

void account_trace(struct account *account, uint64_t least_ns, uint64_t for_ns)
{
	uint64_t now = ticks_now();

	if (now < account->trace_until_ticks)
		least_ns = min_u64(least_ns, account->trace_least_ns);
	account->trace_least_ns = least_ns;
	account->trace_until_ticks = now + ticks_from_ns(for_ns);
}

void account_traced(struct account *account, uint64_t after_ticks,
		    void (*fn)(void *arg, const struct account_record *record), void *arg)
{
	struct block *block = NULL;

	while ((block = thread_blocks_next(&account->blocks, block)))
		visit(block->traced, ACCOUNT_NR_TRACED, &block->nr_traced, after_ticks, fn, arg);
}

void account_recent(struct account *account,
		    void (*fn)(void *arg, const struct account_record *record), void *arg)
{
	struct block *block = NULL;

	while ((block = thread_blocks_next(&account->blocks, block)))
		visit(block->recent, ACCOUNT_NR_RECENT, &block->nr_recent, 0, fn, arg);
}
