/* SPDX-License-Identifier: Apache-2.0 */
/* The command counters: what status says, and counts and latencies of all requests and commands. */
#include <errno.h>
#include <stdlib.h>

#include "control/commands.h"
#include "fuse/transport/account.h"

/* Buckets that hold anything, as [end in nanoseconds, count]; the last one has the end 0. */
static void put_buckets(struct json_maker *m, struct json_object *latency,
			const struct histogram *histogram)
{
	struct json_object *array = json_put_array(m, latency, "buckets");

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t end_ns = histogram_end_ns(i);
		struct json_object *pair;

		if (!histogram->buckets[i])
			continue;
		pair = json_object_new_array();
		json_append(m, array, pair);
		json_append(m, pair, json_object_new_uint64(end_ns == UINT64_MAX ? 0 : end_ns));
		json_append(m, pair, json_object_new_uint64(histogram->buckets[i]));
	}
}

static void put_latency(struct json_maker *m, struct json_object *object, const char *key,
			const struct histogram *histogram)
{
	struct json_object *o = json_put_object(m, object, key);

	json_put_number(m, o, "count", histogram_count(histogram));
	json_put_number(m, o, "sum_ns", histogram->sum_ns);
	json_put_number(m, o, "max_ns", histogram->max_ns);
	put_buckets(m, o, histogram);
}

static void put_operations(struct json_maker *m, struct json_object *out,
			   struct account_kind *kinds)
{
	struct json_object *array = json_put_array(m, out, "operations");

	for (unsigned i = 0; i < ACCOUNT_NR_KINDS; i++) {
		const struct account_kind *kind = &kinds[i];
		const char *name = account_kind_name(i);
		struct json_object *o;

		if (!kind->nr_started)
			continue;
		o = json_append_object(m, array);
		json_put_text(m, o, "operation", name ? name : "other");
		json_put_number(m, o, "started", kind->nr_started);
		json_put_number(m, o, "errors", kind->nr_errors);
		json_put_number(m, o, "bytes", kind->nr_bytes);
		put_latency(m, o, "latency", &kind->latency);
	}
}

static void put_commands(struct json_maker *m, struct json_object *out,
			 const struct control_volume *volume)
{
	struct json_object *array = json_put_array(m, out, "commands");

	for (unsigned i = 0; i < superpipe_nr_luns(volume->superpipe); i++) {
		struct json_object *o = json_append_object(m, array);
		struct superpipe_lun_stats stats;

		superpipe_get_lun_stats(volume->superpipe, i, &stats);
		json_put_number(m, o, "lun", i);
		put_latency(m, o, "reads", &stats.latency[0]);
		put_latency(m, o, "writes", &stats.latency[1]);
	}
}

int control_counters(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	struct account_kind *kinds = calloc(ACCOUNT_NR_KINDS, sizeof(*kinds));
	int err = kinds ? control_status(context, request) : -ENOMEM;

	if (!err) {
		account_sum(fs_account(volume->fs), kinds);
		put_operations(&request->maker, request->out, kinds);
		put_commands(&request->maker, request->out, volume);
	}
	free(kinds);
	return err;
}
