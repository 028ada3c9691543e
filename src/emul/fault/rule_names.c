/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/fault/rule_names.h"

#include <errno.h>
#include <stddef.h>

/* clang-format off */
const char *const fault_point_names[EMUL_FAULT_NR_POINTS] = {
	[EMUL_FAULT_AT_TIME] = NULL, /* every=TIME selects it */
	[EMUL_FAULT_AT_COMMAND] = "command",
	[EMUL_FAULT_AT_READ] = "read",
	[EMUL_FAULT_AT_WRITE] = "write",
	[EMUL_FAULT_AT_INTERRUPT] = "interrupt",
	[EMUL_FAULT_AT_IOCTL] = "ioctl",
	[EMUL_FAULT_AT_ATTACH] = "attach",
	[EMUL_FAULT_AT_DIRECT] = "direct",
	[EMUL_FAULT_AT_RELEASE] = "release",
	[EMUL_FAULT_AT_DETACH] = "detach",
	[EMUL_FAULT_AT_VERIFY] = "verify",
	[EMUL_FAULT_AT_RECOVER] = "recover",
	[EMUL_FAULT_AT_MANAGE] = "manage",
	[EMUL_FAULT_AT_VIRTUAL] = "virtual",
	[EMUL_FAULT_AT_RESIZE] = "resize",
	[EMUL_FAULT_AT_CLONE] = "clone",
	[EMUL_FAULT_AT_SYNC] = "sync",
};

#define P(point) (1u << EMUL_FAULT_AT_##point)
#define COMMANDS (P(COMMAND) | P(READ) | P(WRITE))
#define GROWTH	 (P(RESIZE) | P(VIRTUAL))
#define IOCTLS                                                                                     \
	(P(IOCTL) | P(ATTACH) | P(DIRECT) | P(RELEASE) | P(DETACH) | P(VERIFY) | P(RECOVER) |      \
	 P(MANAGE) | P(CLONE) | GROWTH | P(SYNC))
#define ANYWHERE (P(TIME) | COMMANDS | P(INTERRUPT) | IOCTLS)

const char *const fault_kind_names[FAULT_NR_KINDS] = {
	[EMUL_RESET_EEH] = "eeh",
	[EMUL_RESET_HOST] = "host",
	[EMUL_RESET_FREEZE] = "freeze",
};

const struct fault_action fault_actions[FAULT_NR_ACTIONS] = {
	{ "reset", EMUL_FAULT_RESET, 0, ANYWHERE, FAULT_PARAM_KIND },
	{ "fail", EMUL_FAULT_FAIL, 0, ANYWHERE, 0 },
	{ "link-down", EMUL_FAULT_LINK_DOWN, 0, ANYWHERE, FAULT_PARAM_PORT | FAULT_PARAM_MS },
	{ "link-up", EMUL_FAULT_LINK_UP, 0, ANYWHERE, FAULT_PARAM_PORT },
	{ "medium", EMUL_FAULT_MEDIUM, 0, COMMANDS, 0 },
	{ "busy", EMUL_FAULT_BUSY, 0, COMMANDS, 0 },
	{ "full", EMUL_FAULT_FULL, 0, COMMANDS, 0 },
	{ "conflict", EMUL_FAULT_CONFLICT, 0, COMMANDS, 0 },
	{ "attention", EMUL_FAULT_ATTENTION, 0, COMMANDS, FAULT_PARAM_ASC | FAULT_PARAM_ASCQ },
	{ "underrun", EMUL_FAULT_UNDERRUN, 0, COMMANDS, FAULT_PARAM_RESID },
	{ "overrun", EMUL_FAULT_OVERRUN, 0, COMMANDS, FAULT_PARAM_RESID },
	{ "ioasa", EMUL_FAULT_IOASA, 0, COMMANDS,
	  FAULT_PARAM_IOASC | FAULT_PARAM_SENSE | FAULT_PARAM_RESID | FAULT_PARAM_EXTRA },
	{ "lose", EMUL_FAULT_LOSE, 0, COMMANDS, 0 },
	{ "late", EMUL_FAULT_LATE, 0, COMMANDS | P(INTERRUPT) | IOCTLS, FAULT_PARAM_MS },
	{ "drop-interrupt", EMUL_FAULT_DROP_INTERRUPT, 0, P(INTERRUPT), 0 },
	{ "spurious-interrupt", EMUL_FAULT_SPURIOUS_INTERRUPT, 0, COMMANDS | P(TIME), 0 },
	{ "kill", EMUL_FAULT_KILL, 0, COMMANDS | IOCTLS, 0 },
	{ "short", EMUL_FAULT_SHORT, 0, GROWTH, FAULT_PARAM_CHUNKS },
	{ "eagain", EMUL_FAULT_ERRNO, EAGAIN, IOCTLS, 0 },
	{ "ebusy", EMUL_FAULT_ERRNO, EBUSY, IOCTLS, 0 },
	{ "eintr", EMUL_FAULT_ERRNO, EINTR, IOCTLS, 0 },
	{ "eio", EMUL_FAULT_ERRNO, EIO, IOCTLS, 0 },
	{ "emfile", EMUL_FAULT_ERRNO, EMFILE, IOCTLS, 0 },
	{ "enodev", EMUL_FAULT_ERRNO, ENODEV, IOCTLS, 0 },
	{ "enomem", EMUL_FAULT_ERRNO, ENOMEM, IOCTLS, 0 },
	{ "enospc", EMUL_FAULT_ERRNO, ENOSPC, IOCTLS, 0 },
};

const struct fault_unit fault_units[FAULT_NR_UNITS] = {
	{ "s", 1000000000 },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};

#define FIELD(field)                                                                               \
	offsetof(struct emul_fault_rule, field), sizeof(((struct emul_fault_rule *)NULL)->field)

const struct fault_key fault_keys[FAULT_NR_KEYS] = {
	{ "n", FAULT_TYPE_U64, FIELD(n), 0, 1, UINT64_MAX, false },
	{ "every", FAULT_TYPE_U64, FIELD(every), 0, 1, UINT64_MAX, false },
	{ "prob", FAULT_TYPE_PROB, FIELD(prob_a), 0, 1, UINT32_MAX, false },
	{ "times", FAULT_TYPE_U64, FIELD(times), 0, 1, UINT64_MAX, false },
	{ "ctx", FAULT_TYPE_INDEX, FIELD(ctx), 0, 0, INT32_MAX, false },
	{ "handle", FAULT_TYPE_INDEX, FIELD(handle), 0, 0, INT32_MAX, false },
	{ "lun", FAULT_TYPE_INDEX, FIELD(lun), 0, 0, INT32_MAX, false },
	{ "lba", FAULT_TYPE_RANGE, FIELD(lba), 0, 0, UINT64_MAX, false },
	{ "media", FAULT_TYPE_RANGE, FIELD(media), 0, 0, UINT64_MAX, false },
	{ "kind", FAULT_TYPE_KIND, FIELD(fault.kind), FAULT_PARAM_KIND, 0, 0, true },
	{ "port", FAULT_TYPE_U8, FIELD(fault.port), FAULT_PARAM_PORT, 0, EMUL_FAULT_PORTS - 1, true },
	{ "ms", FAULT_TYPE_U32, FIELD(fault.ms), FAULT_PARAM_MS, 1, UINT32_MAX, false },
	{ "asc", FAULT_TYPE_HEX, FIELD(fault.asc), FAULT_PARAM_ASC, 0, 0, true },
	{ "ascq", FAULT_TYPE_HEX, FIELD(fault.ascq), FAULT_PARAM_ASCQ, 0, 0, true },
	{ "ioasc", FAULT_TYPE_HEX, FIELD(fault.ioasc), FAULT_PARAM_IOASC, 0, 0, true },
	{ "sense", FAULT_TYPE_SENSE, FIELD(fault.sense), FAULT_PARAM_SENSE, 0, 0, false },
	{ "resid", FAULT_TYPE_U32, FIELD(fault.resid), FAULT_PARAM_RESID, 0, UINT32_MAX, false },
	{ "extra", FAULT_TYPE_HEX, FIELD(fault.extra), FAULT_PARAM_EXTRA, 0, 0, false },
	{ "chunks", FAULT_TYPE_U64, FIELD(fault.chunks), FAULT_PARAM_CHUNKS, 0, UINT64_MAX, true },
};
/* clang-format on */
