/* SPDX-License-Identifier: Apache-2.0 */
/* cxlfsadm status: mounted volumes as text or as JSON. */
#include <inttypes.h>
#include <string.h>

#include "adm/adm.h"
#include "adm/volume.h"

static void print_bytes(struct json_object *status, const char *path, FILE *out)
{
	char text[32];

	volume_format_bytes(json_get_number(status, path), text, sizeof(text));
	fputs(text, out);
}

static void print_age(uint64_t seconds, FILE *out)
{
	if (seconds >= 86400)
		fprintf(out, "%" PRIu64 " d ", seconds / 86400);
	fprintf(out, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600 % 24, seconds / 60 % 60,
		seconds % 60);
}

static void print_mount(struct json_object *status, FILE *out)
{
	volume_print_text(out, json_get_text(status, "mount.mountpoint"));
	fputs(" on ", out);
	volume_print_text(out, json_get_text(status, "mount.source"));
	fprintf(out, "\n  mode      %s, %s, %s\n", json_get_text(status, "mount.mode"),
		json_get_text(status, "mount.cache"), json_get_text(status, "requests.transport"));
}

static void print_daemon(struct json_object *status, FILE *out)
{
	fprintf(out, "  daemon    cxlfs %s, pid %" PRIu64 ", up ",
		json_get_text(status, "daemon.version"), json_get_number(status, "daemon.pid"));
	print_age(json_get_number(status, "daemon.age_seconds"), out);
	fprintf(out, ", generation %" PRIu64 ", %" PRIu64 " threads, ",
		json_get_number(status, "daemon.generation"),
		json_get_number(status, "daemon.threads"));
	print_bytes(status, "daemon.memory_bytes", out);
	fputs(" of memory\n", out);
}

static void print_survival(struct json_object *status, FILE *out)
{
	struct json_object *survival = json_get(status, "survival");

	/* A daemon of an older version does not say so. */
	if (!survival)
		return;
	fprintf(out, "  survives  %s", json_get_text(survival, "survive"));
	if (!strcmp(json_get_text(survival, "survive"), "crash") &&
	    !json_object_get_boolean(json_get(survival, "standby")))
		fputs(", but its standby has ended", out);
	if (json_object_get_boolean(json_get(survival, "read_only")))
		fputs(", read-only since too many daemons crashed", out);
	if (json_get_number(survival, "failovers"))
		fprintf(out,
			"; deaths: %" PRIu64 ", longest pause %" PRIu64
			" ms, requests repeated: %" PRIu64,
			json_get_number(survival, "failovers"),
			json_get_number(survival, "longest_pause_ms"),
			json_get_number(survival, "repeated"));
	fputc('\n', out);
}

static void print_space(struct json_object *status, FILE *out)
{
	uint64_t chunks = json_get_number(status, "space.chunks");
	uint64_t handles = json_get_number(status, "space.handles");

	fprintf(out, "  chunks    %" PRIu64 " of %" PRIu64 " used, of ",
		chunks - json_get_number(status, "space.free_chunks"), chunks);
	print_bytes(status, "space.chunk_bytes", out);
	fputs("; ", out);
	print_bytes(status, "space.free_bytes", out);
	fprintf(out, " free\n  segments  %" PRIu64 ", %" PRIu64 " of them empty; ",
		json_get_number(status, "space.segments"),
		json_get_number(status, "space.empty_segments"));
	print_bytes(status, "space.free_segment_bytes", out);
	fprintf(out, " free\n  ahead     %" PRIu64 " vLUNs\n",
		json_get_number(status, "space.vluns_ahead"));
	fprintf(out, "  handles   %" PRIu64 " of %" PRIu64 " used\n",
		handles - json_get_number(status, "space.free_handles"), handles);
	fprintf(out, "  inodes    %" PRIu64 " of %" PRIu64 " used\n",
		json_get_number(status, "inodes.used"), json_get_number(status, "inodes.max"));
	fprintf(out, "  requests  %" PRIu64 " in flight, %" PRIu64 " ended, %" PRIu64 " errors\n",
		json_get_number(status, "requests.in_flight"),
		json_get_number(status, "requests.ended"),
		json_get_number(status, "requests.errors"));
}

static void print_settings(struct json_object *status, FILE *out)
{
	struct json_object *settings = json_get(status, "settings");

	/* A daemon of an older version does not say so. */
	if (!settings)
		return;
	fputs("  set      ", out);
	json_object_object_foreach(settings, name, value)
	{
		fprintf(out, " %s=", name);
		volume_print_text(out, json_object_get_string(value));
	}
	fputc('\n', out);
}

static void print_lun(struct json_object *lun, FILE *out)
{
	char size[32];

	volume_format_bytes(json_get_number(lun, "bytes"), size, sizeof(size));
	fprintf(out,
		"  %-3" PRIu64 " %6s %-8s %-7s %4" PRIu64 "/%-4" PRIu64 " %10" PRIu64 " %10" PRIu64
		" %7" PRIu64 " %6" PRIu64 " %10" PRIu64 "  ",
		json_get_number(lun, "lun"), size, json_get_text(lun, "context.state"),
		json_get_text(lun, "context.queue"), json_get_number(lun, "commands.in_flight"),
		json_get_number(lun, "commands.queue_depth"),
		json_get_number(lun, "commands.reads"), json_get_number(lun, "commands.writes"),
		json_get_number(lun, "commands.retries"), json_get_number(lun, "commands.errors"),
		json_get_number(lun, "context.recoveries"));
	volume_print_text(out, json_get_text(lun, "device"));
	fputc('\n', out);
}

/* Only if more than one was used. */
static void print_ports(struct json_object *lun, FILE *out)
{
	struct json_object *ports = json_get(lun, "ports");

	if (!ports || json_object_array_length(ports) < 2)
		return;
	fprintf(out, "  LUN %" PRIu64 " ports:", json_get_number(lun, "lun"));
	for (size_t i = 0; i < json_object_array_length(ports); i++) {
		struct json_object *port = json_object_array_get_idx(ports, i);

		fprintf(out, " %" PRIu64 "%s %" PRIu64 " commands,", json_get_number(port, "port"),
			json_object_get_boolean(json_get(port, "last_used")) ? " (in use)" : "",
			json_get_number(port, "commands"));
	}
	fprintf(out, " %" PRIu64 " changes\n", json_get_number(lun, "port_changes"));
}

/* Only if there is anything to say. */
static void print_retries(struct json_object *lun, FILE *out)
{
	struct json_object *causes = json_get(lun, "commands.retries_by_cause");
	uint64_t lun_number = json_get_number(lun, "lun");

	if (json_get_number(lun, "commands.retries")) {
		fprintf(out, "  LUN %" PRIu64 " retries:", lun_number);
		json_object_object_foreach(causes, cause, value)
		{
			if (json_object_get_uint64(value))
				fprintf(out, " %s %" PRIu64, cause, json_object_get_uint64(value));
		}
		fputc('\n', out);
	}
	if (json_get_number(lun, "context.recovery_total_ns"))
		fprintf(out,
			"  LUN %" PRIu64 " recoveries: the last one %" PRIu64
			" s ago, %.1f ms long; all together %.1f ms\n",
			lun_number, json_get_number(lun, "context.last_recovery_age_seconds"),
			(double)json_get_number(lun, "context.last_recovery_ns") / 1e6,
			(double)json_get_number(lun, "context.recovery_total_ns") / 1e6);
}

static void print_status(struct json_object *status, FILE *out)
{
	struct json_object *luns = json_get(status, "luns");

	print_mount(status, out);
	print_daemon(status, out);
	print_survival(status, out);
	print_space(status, out);
	print_settings(status, out);
	fprintf(out, "  %-3s %6s %-8s %-7s %9s %10s %10s %7s %6s %10s  %s\n", "LUN", "SIZE",
		"STATE", "QUEUE", "BUSY", "READS", "WRITES", "RETRIES", "ERRORS", "RECOVERIES",
		"DEVICE");
	for (size_t i = 0; i < json_object_array_length(luns); i++)
		print_lun(json_object_array_get_idx(luns, i), out);
	for (size_t i = 0; i < json_object_array_length(luns); i++) {
		print_ports(json_object_array_get_idx(luns, i), out);
		print_retries(json_object_array_get_idx(luns, i), out);
	}
}

static int print_all(struct json_object *all, FILE *out)
{
	if (json_object_array_length(all) == 0)
		fputs("no volume is mounted\n", out);
	for (size_t i = 0; i < json_object_array_length(all); i++)
		print_status(json_object_array_get_idx(all, i), out);
	return ADM_OK;
}

int adm_status(int argc, char *argv[], FILE *out)
{
	struct json_object *status;
	bool json, failed = false;
	const char *path;
	int result = ADM_OK;

	if (!adm_parse(argc, argv, "--json", &json, &path))
		return ADM_USAGE;
	status = path ? volume_ask(path, volume_request("status"), ADM_VOLUME_TIMEOUT_MS)
		      : volume_ask_all(volume_request("status"), &failed);
	if (!status)
		return ADM_FAILED;
	if (json)
		result = volume_print_json(status, out);
	else if (path)
		print_status(status, out);
	else
		result = print_all(status, out);
	json_object_put(status);
	return failed ? ADM_FAILED : result;
}
