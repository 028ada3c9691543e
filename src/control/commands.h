/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands - the commands of the control socket.
 *
 * To add one, write its function in a file of its own, declare it here and add it to the table in
 * commands.c. server.h says what a command may do.
 */
#ifndef CXLFS_CONTROL_COMMANDS_H
#define CXLFS_CONTROL_COMMANDS_H

#include <sys/types.h>

#include "base/explain.h"
#include "control/server.h"
#include "fuse/fs.h"
#include "superpipe/superpipe.h"

#define CONTROL_MAX_OPTIONS 64

/** Mount options to change. */
struct control_change {
	const char *device;       /* on the command line of the remount; "": none */
	const char *const *words; /* such as "size=1G" */
	unsigned nr_words;
};

struct control_upgraded {
	pid_t pid;         /* of the process that serves now */
	unsigned pause_ms; /* how long requests had to wait */
};

/** Daemons that died and were replaced. */
struct control_failovers {
	uint64_t nr;
	uint64_t nr_repeated, nr_answered;        /* requests: executed again, or only answered */
	uint64_t last_pause_ms, longest_pause_ms; /* how long requests had to wait */
};

/** The mount that commands act on: their context. Set before the server starts; all borrowed. */
struct control_volume {
	const char *mountpoint;
	const char *device;                        /* MAJOR:MINOR */
	const char *source;                        /* the devices as the user gave them */
	const char *const *luns;                   /* the devices, one for each LUN */
	bool physical;                             /* whole LUNs as files */
	uint64_t started_ns;                       /* clock_now_ns() */
	unsigned generation;                       /* upgrades since then */
	const char *survive;                       /* "no", "upgrade" or "crash" */
	bool (*has_standby)(void *arg);            /* with "crash": the standby could take over */
	const struct control_failovers *failovers; /* since the mount */
	struct fs *fs;
	struct data_volume *data;
	struct superpipe *superpipe;
	/** Hands the volume over to the installed program. Return: 0, and the daemon ends soon;
	 * -errno, explained, and the daemon continues. */
	int (*upgrade)(void *arg, unsigned timeout_ms, const struct explainer *to,
		       struct control_upgraded *ret_upgraded);
	/** Changes mount options, all or none. Others must be those of the mount. Sleeps.
	 * Return: 0; -errno, explained. */
	int (*set)(void *arg, const struct control_change *change, const struct explainer *to);
	void *arg; /* for these functions */
};

/** Ends with a name NULL. The context is a struct control_volume. */
extern const struct control_command control_commands[];

/* ---- one function each: see struct control_command ---- */

int control_status(void *context, struct control_request *request);
/** control_put_settings() - set a member to what the command set can change */
void control_put_settings(struct json_maker *m, struct json_object *out, const char *key,
			  const struct control_volume *volume);

int control_upgrade(void *context, struct control_request *request);
int control_file(void *context, struct control_request *request);
int control_set(void *context, struct control_request *request);
int control_trace(void *context, struct control_request *request);
int control_counters(void *context, struct control_request *request);
int control_save(void *context, struct control_request *request);

#endif
