/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command trace: requests that have ended.
 *
 * {"version":1,"command":"trace","slow_ns":N,"after":T}: the answer has the requests that took N
 * nanoseconds or more and ended after T, and "next", the T of the next request. Each call lets the
 * daemon trace for some seconds more; so a tracer that is killed leaves nothing behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ticks.h"
#include "control/commands.h"
#include "fuse/transport/account.h"

#define TRACE_FOR_NS 5000000000u
#define MAX_RECORDS  8192

struct trace {
	struct account_record *records;
	unsigned nr;
	uint64_t nr_lost; /* for which there is no room */
	uint64_t least_ns;
};

static void take_record(void *arg, const struct account_record *record)
{
	struct trace *trace = arg;

	if (record->latency_ns < trace->least_ns)
		return;
	if (trace->nr < MAX_RECORDS)
		trace->records[trace->nr++] = *record;
	else
		trace->nr_lost++;
}

static int compare_ends(const void *left, const void *right)
{
	const struct account_record *a = left, *b = right;

	return a->end_ticks < b->end_ticks ? -1 : a->end_ticks > b->end_ticks;
}

static void put_record(struct json_maker *m, struct json_object *array,
		       const struct account_record *record, uint64_t now_ticks, uint64_t now_ns)
{
	struct json_object *o = json_append_object(m, array);
	const char *name = account_kind_name(record->kind);

	json_put_number(m, o, "ended_ns", now_ns - ticks_to_ns(now_ticks - record->end_ticks));
	json_put_text(m, o, "operation", name ? name : "other");
	json_put_number(m, o, "inode", record->inode);
	json_put_number(m, o, "pid", record->pid);
	json_put_number(m, o, "offset", record->offset);
	json_put_number(m, o, "bytes", record->bytes);
	json_put_number(m, o, "latency_ns", record->latency_ns);
	json_put_number(m, o, "command_ns", record->command_ns);
	if (record->error)
		json_put_text(m, o, "errno",
			      strerrorname_np(-record->error) ? strerrorname_np(-record->error)
							      : "EIO");
}

static void put_trace(struct json_maker *m, struct json_object *out, struct trace *trace,
		      uint64_t after)
{
	struct json_object *array = json_put_array(m, out, "requests");
	uint64_t now_ticks = ticks_now(), now_ns = clock_read_ns(CLOCK_REALTIME);

	qsort(trace->records, trace->nr, sizeof(*trace->records), compare_ends);
	for (unsigned i = 0; i < trace->nr; i++)
		put_record(m, array, &trace->records[i], now_ticks, now_ns);
	json_put_number(m, out, "lost", trace->nr_lost);
	json_put_number(m, out, "next",
			trace->nr ? trace->records[trace->nr - 1].end_ticks : after);
}

int control_trace(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	struct account *account = fs_account(volume->fs);
	uint64_t after = json_get_number(request->in, "after");
	struct trace trace = { .records = malloc(MAX_RECORDS * sizeof(*trace.records)),
			       .least_ns = json_get_number(request->in, "slow_ns") };

	if (!trace.records)
		return -ENOMEM;
	account_trace(account, trace.least_ns, TRACE_FOR_NS);
	/* What ended before the first call belongs to another tracer. */
	if (!after)
		after = ticks_now();
	account_traced(account, after, take_record, &trace);
	put_trace(&request->maker, request->out, &trace, after);
	free(trace.records);
	return 0;
}
