/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm trace: requests as they end. */
#include <bsd/stdlib.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adm/adm.h"
#include "adm/volume.h"

#define INTERVAL_NS 200000000

/* Return: false if @text is not a time such as 10ms. */
static bool parse_time(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 }, { "us", 1e3 }, { "ms", 1e6 }, { "s", 1e9 } };
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (end != text && !strcmp(end, units[i].unit) && number >= 0 &&
		    number * units[i].ns < 1e18) {
			*ret_ns = (uint64_t)(number * units[i].ns);
			return true;
		}
	return false;
}

static void print_request(struct json_object *request, FILE *out)
{
	uint64_t ended_ns = json_get_number(request, "ended_ns");
	uint64_t bytes = json_get_number(request, "bytes");
	time_t seconds = (time_t)(ended_ns / 1000000000u);
	char clock[16];

	strftime(clock, sizeof(clock), "%T", localtime(&seconds));
	fprintf(out, "%s.%06" PRIu64 " %-12s inode %-8" PRIu64 " pid %-7" PRIu64 " %9.3f ms", clock,
		ended_ns / 1000 % 1000000, json_get_text(request, "operation"),
		json_get_number(request, "inode"), json_get_number(request, "pid"),
		(double)json_get_number(request, "latency_ns") / 1e6);
	if (json_get_number(request, "command_ns"))
		fprintf(out, ", commands %.3f ms",
			(double)json_get_number(request, "command_ns") / 1e6);
	if (bytes)
		fprintf(out, ", %" PRIu64 " bytes at %" PRIu64, bytes,
			json_get_number(request, "offset"));
	if (json_get(request, "errno"))
		fprintf(out, ", %s", json_get_text(request, "errno"));
	fputc('\n', out);
}

static void print_requests(struct json_object *answer, uint64_t *nr_left, bool json, FILE *out)
{
	struct json_object *requests = json_get(answer, "requests");

	for (size_t i = 0; i < json_object_array_length(requests) && *nr_left > 0; i++) {
		struct json_object *request = json_object_array_get_idx(requests, i);

		if (json)
			fprintf(out, "%s\n",
				json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
		else
			print_request(request, out);
		*nr_left -= *nr_left != UINT64_MAX;
	}
	if (json_get_number(answer, "lost"))
		adm_say("%" PRIu64 " requests were not shown", json_get_number(answer, "lost"));
	fflush(out);
}

static struct json_object *ask(const char *path, uint64_t slow_ns, uint64_t after)
{
	struct json_object *request = volume_request("trace");
	struct json_maker maker = { 0 };

	json_put_number(&maker, request, "slow_ns", slow_ns);
	json_put_number(&maker, request, "after", after);
	return volume_ask(path, request, ADM_VOLUME_TIMEOUT_MS);
}

static int run(const char *path, uint64_t slow_ns, uint64_t nr_left, bool json, FILE *out)
{
	const struct timespec pause = { .tv_nsec = INTERVAL_NS };
	uint64_t after = 0;

	while (nr_left > 0) {
		struct json_object *answer = ask(path, slow_ns, after);

		if (!answer)
			return ADM_FAILED;
		after = json_get_number(answer, "next");
		print_requests(answer, &nr_left, json, out);
		json_object_put(answer);
		if (nr_left > 0)
			(void)nanosleep(&pause, NULL);
	}
	return ADM_OK;
}

int adm_trace(int argc, char *argv[], FILE *out)
{
	uint64_t slow_ns = 0, nr_left = UINT64_MAX;
	const char *path = NULL, *why = NULL;
	bool json = false;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--slow") && i + 1 < argc) {
			if (!parse_time(argv[++i], &slow_ns))
				return ADM_USAGE;
		} else if (!strcmp(argv[i], "-n") && i + 1 < argc) {
			nr_left = (uint64_t)strtonum(argv[++i], 1, INT64_MAX, &why);
			if (why)
				return ADM_USAGE;
		} else if (argv[i][0] != '-' && !path) {
			path = argv[i];
		} else {
			return ADM_USAGE;
		}
	}
	return path ? run(path, slow_ns, nr_left, json, out) : ADM_USAGE;
}
