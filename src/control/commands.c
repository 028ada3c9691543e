/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"

const struct control_command control_commands[] = {
	{ "status", control_status, .lane = 0 },     { "upgrade", control_upgrade, .lane = 1 },
	{ "counters", control_counters, .lane = 0 }, { "file", control_file, .lane = 0 },
	{ "set", control_set, .lane = 2 },           { "trace", control_trace, .lane = 0 },
	{ "save", control_save, .lane = 1 },         { 0 },
};
