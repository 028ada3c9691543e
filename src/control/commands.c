/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"

const struct control_command control_commands[] = {
	{ "status", control_status, .slow = false },
	{ "upgrade", control_upgrade, .slow = true },
	{ 0 },
};
