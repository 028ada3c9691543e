/* SPDX-License-Identifier: Apache-2.0 */
/* rule_names - tables of the words in fault rules, for parsing and printing. */
#ifndef CXLFS_EMUL_FAULT_RULE_NAMES_H
#define CXLFS_EMUL_FAULT_RULE_NAMES_H

#include "emul/fault/rule.h"

#define FAULT_NR_KINDS   3
#define FAULT_NR_ACTIONS 26
#define FAULT_NR_UNITS   4
#define FAULT_NR_KEYS    19

extern const char *const fault_point_names[EMUL_FAULT_NR_POINTS]; /* NULL: AT_TIME */
extern const char *const fault_kind_names[FAULT_NR_KINDS];        /* by enum emul_reset_kind */

/* Parameters of actions, a bit each. */
enum {
	FAULT_PARAM_KIND = 1 << 0,
	FAULT_PARAM_PORT = 1 << 1,
	FAULT_PARAM_MS = 1 << 2,
	FAULT_PARAM_ASC = 1 << 3,
	FAULT_PARAM_ASCQ = 1 << 4,
	FAULT_PARAM_IOASC = 1 << 5,
	FAULT_PARAM_SENSE = 1 << 6,
	FAULT_PARAM_RESID = 1 << 7,
	FAULT_PARAM_EXTRA = 1 << 8,
	FAULT_PARAM_CHUNKS = 1 << 9,
};

struct fault_action {
	const char *name;
	enum emul_fault_action action;
	int err;         /* of EMUL_FAULT_ERRNO, positive */
	uint32_t points; /* where the action is allowed, bit per enum emul_fault_point */
	unsigned params; /* FAULT_PARAM_* that the action accepts */
};

extern const struct fault_action fault_actions[FAULT_NR_ACTIONS];

struct fault_unit {
	const char *name;
	uint64_t ns;
};

extern const struct fault_unit fault_units[FAULT_NR_UNITS]; /* largest first */

/** Syntax of a value and type of its field. */
enum fault_value_type {
	FAULT_TYPE_U8, /* decimal */
	FAULT_TYPE_U32,
	FAULT_TYPE_U64,
	FAULT_TYPE_INDEX, /* int32_t, -1: any */
	FAULT_TYPE_RANGE, /* FIRST[-LAST] */
	FAULT_TYPE_HEX,   /* bytes in hexadecimal */
	FAULT_TYPE_SENSE, /* the same, of variable length */
	FAULT_TYPE_PROB,  /* A/B */
	FAULT_TYPE_KIND,  /* enum emul_reset_kind */
};

/** A key of a rule. The table is in printing order; keys that select events come first. */
struct fault_key {
	const char *name;
	enum fault_value_type type;
	uint16_t offset; /* of the field in struct emul_fault_rule */
	uint8_t bytes;   /* of the field */
	unsigned param;  /* FAULT_PARAM_*; 0: selects events */
	uint64_t min, max;
	bool always; /* print it even when zero, if the action accepts it */
};

extern const struct fault_key fault_keys[FAULT_NR_KEYS];

#endif
