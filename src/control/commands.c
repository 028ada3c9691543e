/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"

const struct control_command control_commands[] = {
	{ "status", control_status, .slow = false },
	{ "upgrade", control_upgrade, .slow = true },
	{ "counters", control_counters, .slow = false },
	{ "file", control_file, .slow = false },
	{ "set", control_set, .slow = false },
	{ "trace", control_trace, .slow = false },
	{ "save", control_save, .slow = true },
	{ 0 },
};
