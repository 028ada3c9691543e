/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm metrics: counters of mounted volumes in the text format of Prometheus. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adm/adm.h"
#include "adm/volume.h"

/* Ends of buckets: every second power of two, from 1.024 us to 17.2 s. */
#define FIRST_EDGE_NS (UINT64_C(1) << 10)
#define LAST_EDGE_NS  (UINT64_C(1) << 34)

/* What a sample of a family is about: the whole mount, or each element of an array. */
enum per {
	PER_MOUNT,
	PER_LUN,
	PER_CAUSE,     /* of retries, for each LUN */
	PER_PORT,      /* for each LUN */
	PER_OPERATION, /* kind of request */
	PER_COMMANDS,  /* reads and writes of each LUN: histograms only */
};

struct family {
	const char *name, *type, *help;
	enum per per;
	const char *path; /* in the mount's or the element's object */
	bool nanoseconds; /* printed as seconds */
};

/* The samples of a family must come together, for all mounts. */
static const struct family families[] = {
	{ "cxlfs_up_seconds", "gauge", "Time since the volume was mounted.", PER_MOUNT,
	  "daemon.age_seconds", false },
	{ "cxlfs_generation", "gauge", "Upgrades of the daemon since the volume was mounted.",
	  PER_MOUNT, "daemon.generation", false },
	{ "cxlfs_failovers_total", "counter", "Daemons that died and had a successor.", PER_MOUNT,
	  "survival.failovers", false },
	{ "cxlfs_threads", "gauge", "Threads of the daemon.", PER_MOUNT, "daemon.threads", false },
	{ "cxlfs_resident_memory_bytes", "gauge", "Resident memory of the daemon.", PER_MOUNT,
	  "daemon.memory_bytes", false },
	{ "cxlfs_free_bytes", "gauge", "Bytes that files can still use.", PER_MOUNT,
	  "space.free_bytes", false },
	{ "cxlfs_chunk_bytes", "gauge", "Size of a chunk.", PER_MOUNT, "space.chunk_bytes", false },
	{ "cxlfs_chunks", "gauge", "Chunks of the volume.", PER_MOUNT, "space.chunks", false },
	{ "cxlfs_free_chunks", "gauge", "Chunks that no file uses.", PER_MOUNT, "space.free_chunks",
	  false },
	{ "cxlfs_segments", "gauge", "Virtual LUNs that small files share.", PER_MOUNT,
	  "space.segments", false },
	{ "cxlfs_handles", "gauge", "Resource handles that the volume can use.", PER_MOUNT,
	  "space.handles", false },
	{ "cxlfs_free_handles", "gauge", "Resource handles that no file uses.", PER_MOUNT,
	  "space.free_handles", false },
	{ "cxlfs_inodes", "gauge", "Inodes in use.", PER_MOUNT, "inodes.used", false },
	{ "cxlfs_inodes_limit", "gauge", "Inodes that the volume can have.", PER_MOUNT,
	  "inodes.max", false },
	{ "cxlfs_requests_in_flight", "gauge", "FUSE requests under way.", PER_MOUNT,
	  "requests.in_flight", false },
	{ "cxlfs_request_duration_seconds", "histogram",
	  "Time from the arrival of a FUSE request in the daemon to its answer.", PER_OPERATION,
	  "latency", true },
	{ "cxlfs_request_errors_total", "counter",
	  "FUSE requests that were answered with an error.", PER_OPERATION, "errors", false },
	{ "cxlfs_request_bytes_total", "counter", "Bytes that FUSE requests read or wrote.",
	  PER_OPERATION, "bytes", false },
	{ "cxlfs_lun_bytes", "gauge", "Size of a LUN.", PER_LUN, "bytes", false },
	{ "cxlfs_lun_queue_depth", "gauge", "Commands that may be in flight.", PER_LUN,
	  "commands.queue_depth", false },
	{ "cxlfs_lun_commands_in_flight", "gauge", "Commands that the adapter has.", PER_LUN,
	  "commands.in_flight", false },
	{ "cxlfs_command_duration_seconds", "histogram",
	  "Time from the issue of a command to its successful completion.", PER_COMMANDS, NULL,
	  true },
	{ "cxlfs_command_retries_total", "counter", "Commands that were issued again.", PER_CAUSE,
	  NULL, false },
	{ "cxlfs_port_commands_total", "counter", "Commands that succeeded, by port.", PER_PORT,
	  NULL, false },
	{ "cxlfs_port_changes_total", "counter",
	  "How often a LUN was reached over another port than before.", PER_LUN, "port_changes",
	  false },
	{ "cxlfs_command_errors_total", "counter", "Reads and writes of a LUN that failed.",
	  PER_LUN, "commands.errors", false },
	{ "cxlfs_interrupts_total", "counter", "Interrupts of the context.", PER_LUN,
	  "commands.interrupts", false },
	{ "cxlfs_recoveries_total", "counter", "Recoveries of the context after a reset.", PER_LUN,
	  "context.recoveries", false },
	{ "cxlfs_timeouts_total", "counter", "Resets of the context after a timeout.", PER_LUN,
	  "context.timeouts", false },
	{ "cxlfs_recovery_seconds_total", "counter", "Time that recoveries and resets took.",
	  PER_LUN, "context.recovery_total_ns", true },
};

/* ---- labels ---- */

/* A sample up to its value: name{mountpoint="...",key="value"}. */
struct sample {
	FILE *out;
	const char *name;
	const char *mountpoint;
	const char *keys[2]; /* NULL: none */
	char values[2][64];
};

static void print_label(FILE *out, const char *key, const char *value)
{
	fprintf(out, "%s=\"", key);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
	fputc('"', out);
}

static void print_head(const struct sample *sample, const char *suffix, const char *edge)
{
	fprintf(sample->out, "%s%s{", sample->name, suffix);
	print_label(sample->out, "mountpoint", sample->mountpoint);
	for (unsigned i = 0; i < 2; i++)
		if (sample->keys[i]) {
			fputc(',', sample->out);
			print_label(sample->out, sample->keys[i], sample->values[i]);
		}
	if (edge) {
		fputc(',', sample->out);
		print_label(sample->out, "le", edge);
	}
	fputs("} ", sample->out);
}

static void set_label(struct sample *sample, unsigned i, const char *key, const char *value)
{
	sample->keys[i] = key;
	snprintf(sample->values[i], sizeof(sample->values[i]), "%s", value);
}

static void set_lun(struct sample *sample, struct json_object *lun)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, json_get_number(lun, "lun"));
	set_label(sample, 0, "lun", number);
}

/* ---- values ---- */

static void print_value(const struct sample *sample, const char *suffix, uint64_t value,
			bool nanoseconds)
{
	print_head(sample, suffix, NULL);
	if (nanoseconds)
		fprintf(sample->out, "%.9g\n", (double)value / 1e9);
	else
		fprintf(sample->out, "%" PRIu64 "\n", value);
}

static void print_histogram(const struct sample *sample, struct json_object *latency)
{
	uint64_t count = json_get_number(latency, "count");
	char edge[32];

	for (uint64_t ns = FIRST_EDGE_NS; ns <= LAST_EDGE_NS; ns *= 4) {
		snprintf(edge, sizeof(edge), "%.9g", (double)ns / 1e9);
		print_head(sample, "_bucket", edge);
		fprintf(sample->out, "%" PRIu64 "\n", volume_count_below(latency, ns));
	}
	print_head(sample, "_bucket", "+Inf");
	fprintf(sample->out, "%" PRIu64 "\n", count);
	print_value(sample, "_sum", json_get_number(latency, "sum_ns"), true);
	print_value(sample, "_count", count, false);
}

static void print_one(const struct family *family, const struct sample *sample,
		      struct json_object *object)
{
	if (!strcmp(family->type, "histogram"))
		print_histogram(sample, json_get(object, family->path));
	else
		print_value(sample, "", json_get_number(object, family->path), family->nanoseconds);
}

/* ---- families ---- */

static void print_operation(const struct family *family, struct sample *sample,
			    struct json_object *operation)
{
	set_label(sample, 0, "operation", json_get_text(operation, "operation"));
	print_one(family, sample, operation);
}

static void print_lun(const struct family *family, struct sample *sample, struct json_object *lun)
{
	set_lun(sample, lun);
	print_one(family, sample, lun);
}

static void print_causes(const struct family *family, struct sample *sample,
			 struct json_object *lun)
{
	struct json_object *causes = json_get(lun, "commands.retries_by_cause");

	set_lun(sample, lun);
	json_object_object_foreach(causes, cause, value)
	{
		set_label(sample, 1, "cause", cause);
		print_value(sample, "", json_object_get_uint64(value), family->nanoseconds);
	}
}

static void print_ports(const struct family *family, struct sample *sample, struct json_object *lun)
{
	struct json_object *ports = json_get(lun, "ports");

	set_lun(sample, lun);
	/* A daemon of an older version has none. */
	for (size_t i = 0; ports && i < json_object_array_length(ports); i++) {
		struct json_object *port = json_object_array_get_idx(ports, i);

		set_label(sample, 1, "port", json_object_get_string(json_get(port, "port")));
		print_value(sample, "", json_get_number(port, "commands"), family->nanoseconds);
	}
}

static void print_commands(const struct family *family, struct sample *sample,
			   struct json_object *commands)
{
	(void)family;
	set_lun(sample, commands);
	set_label(sample, 1, "direction", "read");
	print_histogram(sample, json_get(commands, "reads"));
	set_label(sample, 1, "direction", "write");
	print_histogram(sample, json_get(commands, "writes"));
}

static const struct {
	const char *array;
	void (*print)(const struct family *family, struct sample *sample,
		      struct json_object *element);
} elements[] = {
	[PER_LUN] = { "luns", print_lun },
	[PER_CAUSE] = { "luns", print_causes },
	[PER_PORT] = { "luns", print_ports },
	[PER_OPERATION] = { "operations", print_operation },
	[PER_COMMANDS] = { "commands", print_commands },
};

static void print_mount(const struct family *family, struct json_object *mount, FILE *out)
{
	struct sample sample = { .out = out,
				 .name = family->name,
				 .mountpoint = json_get_text(mount, "mount.mountpoint") };
	struct json_object *array;

	if (family->per == PER_MOUNT) {
		print_one(family, &sample, mount);
		return;
	}
	array = json_get(mount, elements[family->per].array);
	for (size_t i = 0; i < json_object_array_length(array); i++)
		elements[family->per].print(family, &sample, json_object_array_get_idx(array, i));
}

static void print_info(struct json_object *mounts, FILE *out)
{
	fputs("# HELP cxlfs_volume_info Version, mode and transport of a mounted volume.\n"
	      "# TYPE cxlfs_volume_info gauge\n",
	      out);
	for (size_t i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);

		fputs("cxlfs_volume_info{", out);
		print_label(out, "mountpoint", json_get_text(mount, "mount.mountpoint"));
		fputc(',', out);
		print_label(out, "version", json_get_text(mount, "daemon.version"));
		fputc(',', out);
		print_label(out, "mode", json_get_text(mount, "mount.mode"));
		fputc(',', out);
		print_label(out, "transport", json_get_text(mount, "requests.transport"));
		fputs("} 1\n", out);
	}
}

static void print_lun_up(struct json_object *mounts, FILE *out)
{
	fputs("# HELP cxlfs_lun_up 1 if the LUN is in use, 0 if its context has failed for good.\n"
	      "# TYPE cxlfs_lun_up gauge\n",
	      out);
	for (size_t i = 0; i < json_object_array_length(mounts); i++) {
		struct json_object *mount = json_object_array_get_idx(mounts, i);
		struct json_object *luns = json_get(mount, "luns");
		struct sample sample = { .out = out,
					 .name = "cxlfs_lun_up",
					 .mountpoint = json_get_text(mount, "mount.mountpoint") };

		for (size_t j = 0; j < json_object_array_length(luns); j++) {
			struct json_object *lun = json_object_array_get_idx(luns, j);

			set_lun(&sample, lun);
			print_value(&sample, "",
				    strcmp(json_get_text(lun, "context.state"), "failed") != 0,
				    false);
		}
	}
}

static void print_metrics(struct json_object *mounts, FILE *out)
{
	print_info(mounts, out);
	print_lun_up(mounts, out);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", families[i].name, families[i].help,
			families[i].name, families[i].type);
		for (size_t j = 0; j < json_object_array_length(mounts); j++)
			print_mount(&families[i], json_object_array_get_idx(mounts, j), out);
	}
}

/* ---- the command ---- */

/* A collector must never see half a file. */
static int write_file(struct json_object *mounts, const char *path)
{
	char *temporary = NULL;
	int status = ADM_FAILED;
	FILE *file = NULL;

	if (asprintf(&temporary, "%s.%d", path, getpid()) >= 0)
		file = fopen(temporary, "we");
	if (file) {
		print_metrics(mounts, file);
		if (!(fflush(file) || ferror(file)) && !rename(temporary, path))
			status = ADM_OK;
		fclose(file);
	}
	if (status != ADM_OK) {
		adm_say("%s: %s", path, strerror(errno));
		if (file)
			(void)unlink(temporary);
	}
	free(temporary);
	return status;
}

int adm_metrics(int argc, char *argv[], FILE *out)
{
	const char *path = NULL;
	struct json_object *mounts;
	bool failed;

	if (argc == 2 && !strcmp(argv[0], "--output"))
		path = argv[1];
	else if (argc != 0)
		return ADM_USAGE;
	mounts = volume_ask_all(volume_request("counters"), &failed);
	if (!path)
		print_metrics(mounts, out);
	else if (write_file(mounts, path))
		failed = true;
	json_object_put(mounts);
	return failed ? ADM_FAILED : ADM_OK;
}
