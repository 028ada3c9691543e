/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxlfsadm top: what a volume does now, like iostat(1).
 *
 * It asks for the counters at each interval and prints the differences. Requests and commands stand
 * side by side: if requests are busy and commands are not, the time goes in the daemon or for its
 * locks, and if both are, in the adapter. A slow program whose requests are not busy waits in the
 * kernel.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "adm/adm.h"
#include "adm/volume.h"
#include "base/clock.h"
#include "base/histogram.h"

#define DEFAULT_ROWS 24
#define FIXED_ROWS   6 /* heads, blank lines, and the prompt */
#define MAX_COMMANDS 6 /* rows of commands */
#define MAX_ROWS     100

/* A line of the table: what one kind of requests or commands did in the interval. */
struct row {
	char name[24];
	uint64_t count, bytes, errors;
	struct histogram latency;
	bool has_bytes;
};

struct top {
	const char *path; /* NULL: the only volume */
	double seconds;   /* of an interval */
	uint64_t nr_left; /* reports; UINT64_MAX: no end */
	bool terminal;
	FILE *out;
};

/* ---- differences ---- */

/* Adds @latency of an answer, times @sign, which is 1 or -1. */
static void add_latency(struct histogram *to, struct json_object *latency, uint64_t sign)
{
	struct json_object *buckets = json_get(latency, "buckets");

	for (size_t i = 0; i < json_object_array_length(buckets); i++) {
		struct json_object *bucket = json_object_array_get_idx(buckets, i);
		uint64_t end_ns = json_object_get_uint64(json_object_array_get_idx(bucket, 0));
		uint64_t nr = json_object_get_uint64(json_object_array_get_idx(bucket, 1));

		to->buckets[histogram_bucket(end_ns - 1)] += sign * nr;
	}
	to->sum_ns += sign * json_get_number(latency, "sum_ns");
	if (sign == 1)
		to->max_ns = json_get_number(latency, "max_ns");
}

/* The longest of the interval: not longer than its bucket, or than the longest since the mount. */
static void find_max(struct histogram *latency)
{
	for (unsigned i = HISTOGRAM_BUCKETS; i-- > 0;)
		if (latency->buckets[i]) {
			if (histogram_end_ns(i) < latency->max_ns)
				latency->max_ns = histogram_end_ns(i);
			return;
		}
}

static void add_operation(struct row *row, struct json_object *operation, uint64_t sign)
{
	row->bytes += sign * json_get_number(operation, "bytes");
	row->errors += sign * json_get_number(operation, "errors");
	row->count += sign * json_get_number(operation, "latency.count");
	add_latency(&row->latency, json_get(operation, "latency"), sign);
}

/* The element of @array whose @key is the same as in @element; NULL: there is none. */
static struct json_object *find_same(struct json_object *array, struct json_object *element,
				     const char *key)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *other = json_object_array_get_idx(array, i);

		if (json_object_equal(json_get(other, key), json_get(element, key)))
			return other;
	}
	return NULL;
}

static unsigned make_operations(struct row rows[MAX_ROWS], struct json_object *before,
				struct json_object *now)
{
	struct json_object *operations = json_get(now, "operations");
	unsigned nr = 0;

	for (size_t i = 0; i < json_object_array_length(operations) && nr < MAX_ROWS; i++) {
		struct json_object *operation = json_object_array_get_idx(operations, i);
		struct json_object *same =
			find_same(json_get(before, "operations"), operation, "operation");
		struct row *row = &rows[nr];

		*row = (struct row){ .has_bytes = json_get_number(operation, "bytes") };
		snprintf(row->name, sizeof(row->name), "%s", json_get_text(operation, "operation"));
		add_operation(row, operation, 1);
		if (same)
			add_operation(row, same, (uint64_t)-1);
		find_max(&row->latency);
		nr += row->count > 0;
	}
	return nr;
}

static bool make_command(struct row *row, struct json_object *before, struct json_object *now,
			 const char *direction)
{
	*row = (struct row){ 0 };
	snprintf(row->name, sizeof(row->name), "LUN %" PRIu64 " %s", json_get_number(now, "lun"),
		 direction);
	add_latency(&row->latency, json_get(now, direction), 1);
	add_latency(&row->latency, json_get(before, direction), (uint64_t)-1);
	find_max(&row->latency);
	row->count = histogram_count(&row->latency);
	return row->count > 0;
}

static unsigned make_commands(struct row rows[MAX_ROWS], struct json_object *before,
			      struct json_object *now)
{
	struct json_object *luns = json_get(now, "commands");
	unsigned nr = 0;

	for (size_t i = 0; i < json_object_array_length(luns) && nr + 2 < MAX_ROWS; i++) {
		struct json_object *lun = json_object_array_get_idx(luns, i);
		struct json_object *same = find_same(json_get(before, "commands"), lun, "lun");

		nr += make_command(&rows[nr], same, lun, "reads");
		nr += make_command(&rows[nr], same, lun, "writes");
	}
	return nr;
}

/* ---- printing ---- */

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	return a->latency.sum_ns > b->latency.sum_ns ? -1 : a->latency.sum_ns < b->latency.sum_ns;
}

static void print_time(FILE *out, uint64_t ns)
{
	char text[16];

	if (ns < 10000)
		snprintf(text, sizeof(text), "%.1fus", (double)ns / 1e3);
	else if (ns < 1000000)
		snprintf(text, sizeof(text), "%.0fus", (double)ns / 1e3);
	else if (ns < 10000000)
		snprintf(text, sizeof(text), "%.1fms", (double)ns / 1e6);
	else if (ns < 1000000000)
		snprintf(text, sizeof(text), "%.0fms", (double)ns / 1e6);
	else
		snprintf(text, sizeof(text), "%.1fs", (double)ns / 1e9);
	fprintf(out, " %8s", text);
}

static void print_row(const struct row *row, double seconds, FILE *out)
{
	char bytes[32] = "-";

	if (row->has_bytes)
		volume_format_bytes((uint64_t)((double)row->bytes / seconds), bytes, sizeof(bytes));
	fprintf(out, "%-16s %9.0f %8s %6.0f %6.2f", row->name, (double)row->count / seconds, bytes,
		(double)row->errors / seconds, (double)row->latency.sum_ns / 1e9 / seconds);
	print_time(out, histogram_quantile_ns(&row->latency, 500));
	print_time(out, histogram_quantile_ns(&row->latency, 990));
	print_time(out, row->latency.max_ns);
	fputc('\n', out);
}

static void print_rows(const struct top *top, struct row *rows, unsigned nr, unsigned most,
		       const char *head, double seconds)
{
	qsort(rows, nr, sizeof(rows[0]), compare_rows);
	fprintf(top->out, "%-16s %9s %8s %6s %6s %8s %8s %8s\n", head, "/S", "BYTES/S", "ERR/S",
		"BUSY", "P50", "P99", "MAX");
	for (unsigned i = 0; i < nr && i < most; i++)
		print_row(&rows[i], seconds, top->out);
}

static uint64_t sum_of(struct json_object *answer, const char *path)
{
	struct json_object *luns = json_get(answer, "luns");
	uint64_t sum = 0;

	for (size_t i = 0; i < json_object_array_length(luns); i++)
		sum += json_get_number(json_object_array_get_idx(luns, i), path);
	return sum;
}

static void print_head(const struct top *top, struct json_object *before, struct json_object *now)
{
	char clock[16];
	time_t seconds = time(NULL);

	strftime(clock, sizeof(clock), "%T", localtime(&seconds));
	if (top->terminal)
		fputs("\033[H\033[J", top->out);
	fprintf(top->out, "%s  ", clock);
	volume_print_text(top->out, json_get_text(now, "mount.mountpoint"));
	fprintf(top->out,
		"  in flight: %" PRIu64 " requests, %" PRIu64 " commands  retries %" PRIu64
		"  recoveries %" PRIu64 "\n",
		json_get_number(now, "requests.in_flight"), sum_of(now, "commands.in_flight"),
		sum_of(now, "commands.retries") - sum_of(before, "commands.retries"),
		sum_of(now, "context.recoveries") - sum_of(before, "context.recoveries"));
}

static unsigned terminal_rows(const struct top *top)
{
	struct winsize size;

	if (!top->terminal)
		return MAX_ROWS;
	if (ioctl(fileno(top->out), TIOCGWINSZ, &size) || size.ws_row < DEFAULT_ROWS)
		return DEFAULT_ROWS;
	return size.ws_row;
}

static void print_report(const struct top *top, struct json_object *before, struct json_object *now,
			 double seconds)
{
	static struct row rows[MAX_ROWS];
	unsigned nr_screen = terminal_rows(top), nr_commands, nr;

	print_head(top, before, now);
	nr_commands = make_commands(rows, before, now);
	if (top->terminal && nr_commands > MAX_COMMANDS)
		nr_commands = MAX_COMMANDS;
	nr = make_operations(rows, before, now);
	print_rows(top, rows, nr, nr_screen - FIXED_ROWS - nr_commands, "REQUESTS", seconds);
	nr = make_commands(rows, before, now);
	print_rows(top, rows, nr, top->terminal ? MAX_COMMANDS : nr, "COMMANDS", seconds);
	fputc('\n', top->out);
	fflush(top->out);
}

/* ---- the loop ---- */

static struct json_object *ask(const struct top *top)
{
	struct json_object *all, *answer = NULL;
	bool failed;

	if (top->path)
		return volume_ask(top->path, volume_request("counters"), ADM_VOLUME_TIMEOUT_MS);
	all = volume_ask_all(volume_request("counters"), &failed);
	if (json_object_array_length(all) == 1)
		answer = json_object_get(json_object_array_get_idx(all, 0));
	else if (!failed)
		adm_say("%zu volumes are mounted; name one", json_object_array_length(all));
	json_object_put(all);
	return answer;
}

static void sleep_seconds(double seconds)
{
	struct timespec pause = { .tv_sec = (time_t)seconds };

	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

static int run(struct top *top)
{
	struct json_object *before = ask(top), *now;
	uint64_t before_ns = clock_now_ns(), now_ns;

	for (; before && top->nr_left > 0; top->nr_left -= top->nr_left != UINT64_MAX) {
		sleep_seconds(top->seconds);
		now = ask(top);
		now_ns = clock_now_ns();
		if (now)
			print_report(top, before, now, (double)(now_ns - before_ns) / 1e9);
		json_object_put(before);
		before = now;
		before_ns = now_ns;
	}
	json_object_put(before);
	return before ? ADM_OK : ADM_FAILED;
}

/* Return: false if @text is not a number between @min and @max. */
static bool parse(const char *text, double min, double max, double *ret_number)
{
	char *end;

	*ret_number = strtod(text, &end);
	return end != text && !*end && *ret_number >= min && *ret_number <= max;
}

int adm_top(int argc, char *argv[], FILE *out)
{
	struct top top = {
		.seconds = 1, .nr_left = UINT64_MAX, .out = out, .terminal = isatty(fileno(out))
	};
	double number;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-d") && i + 1 < argc &&
		    parse(argv[i + 1], 0.1, 86400, &top.seconds)) {
			i++;
		} else if (!strcmp(argv[i], "-n") && i + 1 < argc &&
			   parse(argv[i + 1], 1, 1e9, &number)) {
			top.nr_left = (uint64_t)number;
			i++;
		} else if (argv[i][0] != '-' && !top.path) {
			top.path = argv[i];
		} else {
			return ADM_USAGE;
		}
	}
	return run(&top);
}
