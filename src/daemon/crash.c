/* SPDX-License-Identifier: Apache-2.0 */
/* Everything here but the first two functions runs in signal handlers: no locks, no allocation. */
#include "daemon/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/fatal_signal.h"
#include "base/log.h"
#include "base/ticks.h"
#include "fuse/transport/account.h"
#include "fuse/transport/slot.h"

#define MAX_REQUESTS 64
#define LINE_BYTES   256

static const struct {
	int number;
	const char *name;
} signals[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGABRT, "SIGABRT" },
	{ SIGILL, "SIGILL" },   { SIGFPE, "SIGFPE" },
};

#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct fatal_signal handlers[NR_SIGNALS]; /* set by crash_prepare() */
static _Atomic(struct account *) the_account;
static _Atomic bool has_crashed; /* only the first thread that crashes writes */

void crash_set_account(struct account *account)
{
	atomic_store(&the_account, account);
}

/* ---- lines ---- */

struct line {
	char text[LINE_BYTES];
	size_t length;
};

static void add_text(struct line *line, const char *text)
{
	for (; *text && line->length < LINE_BYTES - 1; text++)
		line->text[line->length++] = *text;
	line->text[line->length] = '\0';
}

static void add_number(struct line *line, uint64_t number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	add_text(line, digits + at);
}

static void add_field(struct line *line, const char *name, uint64_t number)
{
	add_text(line, name);
	add_number(line, number);
}

static void add_request(struct line *line, uint32_t kind, uint64_t inode, uint32_t pid,
			uint64_t offset, uint64_t bytes)
{
	const char *name = account_kind_name(kind);

	add_text(line, name ? name : "other");
	add_field(line, " of inode ", inode);
	add_field(line, ", pid ", pid);
	if (bytes) {
		add_field(line, ", ", bytes);
		add_field(line, " bytes at ", offset);
	}
}

/* ---- requests ---- */

/* The newest records of all threads, in order of their end. */
struct newest {
	struct account_record records[MAX_REQUESTS];
	unsigned nr;
};

static void insert(void *arg, const struct account_record *record)
{
	struct newest *newest = arg;
	unsigned at;

	if (newest->nr == MAX_REQUESTS) {
		if (record->end_ticks <= newest->records[0].end_ticks)
			return;
		memmove(newest->records, newest->records + 1,
			--newest->nr * sizeof(newest->records[0]));
	}
	for (at = newest->nr++; at > 0 && newest->records[at - 1].end_ticks > record->end_ticks;
	     at--)
		newest->records[at] = newest->records[at - 1];
	newest->records[at] = *record;
}

static void write_record(const struct account_record *record, uint64_t now)
{
	struct line line = { .length = 0 };

	add_number(&line, ticks_to_ns(now - record->end_ticks) / 1000);
	add_text(&line, " us ago: ");
	add_request(&line, record->kind, record->inode, record->pid, record->offset, record->bytes);
	add_field(&line, ", took ", record->latency_ns / 1000);
	add_field(&line, " us, commands ", record->command_ns / 1000);
	add_text(&line, " us");
	if (record->error)
		add_field(&line, ", errno ", (uint64_t)-record->error);
	log_emergency(line.text);
}

static void write_recent(struct account *account)
{
	static struct newest newest;
	uint64_t now = ticks_now();

	account_recent(account, insert, &newest);
	for (unsigned i = 0; i < newest.nr; i++)
		write_record(&newest.records[i], now);
}

static void write_current(void)
{
	const struct slot *slot = slot_here();
	const struct account_request *request = slot ? &slot->request : NULL;
	struct line line = { .length = 0 };

	if (!request)
		return;
	add_text(&line, "this thread served: ");
	add_request(&line, request->kind, request->inode, request->pid, request->offset,
		    request->bytes);
	log_emergency(line.text);
}

static void write_all(unsigned i)
{
	struct account *account = atomic_load(&the_account);
	struct line line = { .length = 0 };

	add_text(&line, signals[i].name);
	add_text(&line, ": the daemon has crashed and ends; its last requests were:");
	log_emergency(line.text);
	if (account)
		write_recent(account);
	write_current();
}

/* ---- handlers ---- */

static void on_crash(int number, siginfo_t *info, void *ucontext)
{
	for (unsigned i = 0; i < NR_SIGNALS; i++) {
		if (signals[i].number != number)
			continue;
		if (!atomic_exchange(&has_crashed, true))
			write_all(i);
		fatal_signal_pass_on(&handlers[i], info, ucontext);
	}
}

void crash_prepare(void)
{
	for (unsigned i = 0; i < NR_SIGNALS; i++)
		(void)fatal_signal_install(&handlers[i], signals[i].number, on_crash);
}
