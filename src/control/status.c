/* SPDX-License-Identifier: Apache-2.0 */
/* The command status: what the volume is and how it is. Waits for no ioctl and no command. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/commands.h"
#include "fuse/transport/account.h"

/* ---- the process ---- */

/* A number of /proc/self/status, such as "VmRSS:"; 0 if it cannot be read. */
static uint64_t process_number(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long value = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) &&
		    sscanf(line + strlen(name), "%llu", &value) == 1)
			break;
	if (file)
		fclose(file);
	return value;
}

static void put_daemon(struct json_maker *m, struct json_object *out,
		       const struct control_volume *volume)
{
	struct json_object *o = json_put_object(m, out, "daemon");

	json_put_text(m, o, "version", CXLFS_VERSION);
	json_put_number(m, o, "pid", (uint64_t)getpid());
	json_put_number(m, o, "age_seconds", (clock_now_ns() - volume->started_ns) / 1000000000u);
	json_put_number(m, o, "generation", volume->generation);
	json_put_number(m, o, "threads", process_number("Threads:"));
	json_put_number(m, o, "memory_bytes", process_number("VmRSS:") * 1024);
}

static void put_survival(struct json_maker *m, struct json_object *out,
			 const struct control_volume *volume, const struct fs_stats *stats)
{
	struct json_object *o = json_put_object(m, out, "survival");
	const struct control_failovers *failovers = volume->failovers;

	json_put_text(m, o, "survive", volume->survive);
	json_put_bool(m, o, "standby", volume->has_standby(volume->arg));
	json_put_bool(m, o, "read_only", stats->read_only);
	json_put_number(m, o, "failovers", failovers->nr);
	json_put_number(m, o, "repeated", failovers->nr_repeated);
	json_put_number(m, o, "answered", failovers->nr_answered);
	json_put_number(m, o, "last_pause_ms", failovers->last_pause_ms);
	json_put_number(m, o, "longest_pause_ms", failovers->longest_pause_ms);
}

static void put_mount(struct json_maker *m, struct json_object *out,
		      const struct control_volume *volume, const struct fs_stats *stats)
{
	struct json_object *o = json_put_object(m, out, "mount");

	json_put_text(m, o, "mountpoint", volume->mountpoint);
	json_put_text(m, o, "device", volume->device);
	json_put_text(m, o, "source", volume->source);
	json_put_text(m, o, "mode", volume->physical ? "physical" : "virtual");
	json_put_text(m, o, "cache", stats->writeback ? "writeback" : "writethrough");
}

/* ---- layers ---- */

static void put_files(struct json_maker *m, struct json_object *out, const struct fs_stats *stats)
{
	struct json_object *o = json_put_object(m, out, "inodes");

	json_put_number(m, o, "used", stats->nr_inodes);
	json_put_number(m, o, "max", stats->max_inodes);
}

static void put_requests(struct json_maker *m, struct json_object *out,
			 const struct fs_stats *stats, const struct account_kind *kinds)
{
	struct json_object *o = json_put_object(m, out, "requests");
	uint64_t in_flight = 0, ended = 0, errors = 0;

	for (unsigned i = 0; i < ACCOUNT_NR_KINDS; i++) {
		in_flight += kinds[i].nr_started - kinds[i].nr_ended;
		ended += kinds[i].nr_ended;
		errors += kinds[i].nr_errors;
	}
	json_put_text(m, o, "transport", stats->io_uring ? "io_uring" : "/dev/fuse");
	json_put_number(m, o, "in_flight", in_flight);
	json_put_number(m, o, "ended", ended);
	json_put_number(m, o, "errors", errors);
}

static void put_space(struct json_maker *m, struct json_object *out,
		      const struct data_volume_stats *stats)
{
	struct json_object *o = json_put_object(m, out, "space");

	json_put_number(m, o, "chunk_bytes", stats->chunk_bytes);
	json_put_number(m, o, "chunks", stats->nr_chunks);
	json_put_number(m, o, "free_chunks", stats->nr_free_chunks);
	json_put_number(m, o, "free_bytes", stats->nr_free_blocks * DATA_BLOCK_BYTES);
	json_put_number(m, o, "handles", stats->nr_handles);
	json_put_number(m, o, "free_handles", stats->nr_free_handles);
	json_put_number(m, o, "segments", stats->nr_segments);
	json_put_number(m, o, "empty_segments", stats->nr_empty_segments);
	json_put_number(m, o, "free_segment_bytes", stats->nr_segment_blocks * DATA_BLOCK_BYTES);
	json_put_number(m, o, "extents", stats->nr_extents);
	json_put_number(m, o, "vluns_ahead", stats->nr_pooled);
}

/* ---- LUNs ---- */

static void put_retries(struct json_maker *m, struct json_object *commands,
			const struct superpipe_stats *counts)
{
	static const char *const causes[SUPERPIPE_NR_RETRIES] = {
		[SUPERPIPE_RETRY_TRANSIENT] = "transient", [SUPERPIPE_RETRY_BUSY] = "busy",
		[SUPERPIPE_RETRY_ATTENTION] = "attention", [SUPERPIPE_RETRY_CONTEXT] = "context",
		[SUPERPIPE_RETRY_TIMEOUT] = "timeout",     [SUPERPIPE_RETRY_RESET] = "reset",
	};
	struct json_object *o = json_put_object(m, commands, "retries_by_cause");

	for (unsigned i = 0; i < SUPERPIPE_NR_RETRIES; i++)
		json_put_number(m, o, causes[i], counts->retries_by[i]);
}

static void put_commands(struct json_maker *m, struct json_object *lun,
			 const struct superpipe_lun_stats *stats)
{
	struct json_object *o = json_put_object(m, lun, "commands");

	json_put_number(m, o, "in_flight", stats->nr_in_flight);
	json_put_number(m, o, "queue_depth", stats->queue_depth);
	json_put_number(m, o, "reads", stats->counts.reads);
	json_put_number(m, o, "writes", stats->counts.writes);
	json_put_number(m, o, "retries", stats->counts.retries);
	put_retries(m, o, &stats->counts);
	json_put_number(m, o, "errors", stats->counts.errors);
	json_put_number(m, o, "interrupts", stats->counts.interrupts);
}

static void put_context(struct json_maker *m, struct json_object *lun,
			const struct superpipe_lun_stats *stats)
{
	const struct superpipe_recovery *recovery = &stats->recovery;
	struct json_object *o = json_put_object(m, lun, "context");

	json_put_text(m, o, "state", stats->failed ? "failed" : "attached");
	json_put_text(m, o, "queue", stats->sq_mode ? "sq" : "ioarrin");
	json_put_number(m, o, "recoveries", stats->counts.recoveries);
	json_put_number(m, o, "timeouts", stats->counts.timeouts);
	json_put_number(m, o, "recovery_total_ns", recovery->total_ns);
	json_put_number(m, o, "last_recovery_ns", recovery->last_length_ns);
	if (recovery->last_ns)
		json_put_number(m, o, "last_recovery_age_seconds",
				(clock_now_ns() - recovery->last_ns) / 1000000000u);
	json_put_number(m, o, "handles", stats->nr_handles);
	json_put_number(m, o, "max_handles", stats->max_handles);
}

static void put_ports(struct json_maker *m, struct json_object *lun,
		      const struct superpipe_ports *ports)
{
	struct json_object *array = json_put_array(m, lun, "ports");

	for (unsigned i = 0; i < SUPERPIPE_MAX_PORTS; i++) {
		struct json_object *o;

		if (!ports->nr_commands[i])
			continue;
		o = json_append_object(m, array);
		json_put_number(m, o, "port", i);
		json_put_number(m, o, "commands", ports->nr_commands[i]);
		json_put_bool(m, o, "last_used", i == ports->last);
	}
	json_put_number(m, lun, "port_changes", ports->nr_changes);
}

static void put_lun(struct json_maker *m, struct json_object *luns,
		    const struct control_volume *volume, unsigned number)
{
	const struct superpipe_lun_info *info = superpipe_lun_info(volume->superpipe, number);
	struct json_object *lun = json_append_object(m, luns);
	struct superpipe_lun_stats stats;

	superpipe_get_lun_stats(volume->superpipe, number, &stats);
	json_put_number(m, lun, "lun", number);
	json_put_text(m, lun, "device", volume->luns[number]);
	json_put_number(m, lun, "block_bytes", info->block_bytes);
	json_put_number(m, lun, "bytes",
			__atomic_load_n(&info->nr_lbas, __ATOMIC_RELAXED) * SUPERPIPE_LBA_BYTES);
	put_context(m, lun, &stats);
	put_commands(m, lun, &stats);
	put_ports(m, lun, &stats.ports);
}

static void put_luns(struct json_maker *m, struct json_object *out,
		     const struct control_volume *volume)
{
	struct json_object *luns = json_put_array(m, out, "luns");

	for (unsigned i = 0; i < superpipe_nr_luns(volume->superpipe); i++)
		put_lun(m, luns, volume, i);
}

int control_status(void *context, struct control_request *request)
{
	const struct control_volume *volume = context;
	struct account_kind *kinds = calloc(ACCOUNT_NR_KINDS, sizeof(*kinds));
	struct json_maker *m = &request->maker;
	struct data_volume_stats data;
	struct fs_stats fs;

	if (!kinds)
		return -ENOMEM;
	fs_get_stats(volume->fs, &fs);
	account_sum(fs_account(volume->fs), kinds);
	data_volume_get_stats(volume->data, &data);
	put_mount(m, request->out, volume, &fs);
	put_daemon(m, request->out, volume);
	put_survival(m, request->out, volume, &fs);
	put_space(m, request->out, &data);
	put_files(m, request->out, &fs);
	put_requests(m, request->out, &fs, kinds);
	control_put_settings(m, request->out, "settings", volume);
	put_luns(m, request->out, volume);
	free(kinds);
	return 0;
}
