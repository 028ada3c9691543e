/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule - a parsed fault rule. Private to this folder.
 */
#ifndef CXLFS_EMUL_FAULT_RULE_H
#define CXLFS_EMUL_FAULT_RULE_H

#include "emul/fault/fault.h"

/** First and last block, inclusive; first > last: any. */
struct emul_fault_range {
	uint64_t first, last;
};

struct emul_fault_rule {
	struct emul_fault fault;
	uint8_t live;
	uint8_t point; /* enum emul_fault_point */
	uint8_t pad[2];
	int32_t ctx, handle, lun; /* -1: any */
	uint32_t prob_a, prob_b;  /* b == 0: always */
	uint64_t n, every;        /* 0: not given */
	uint64_t every_ns;
	uint64_t times; /* 0: unlimited */
	struct emul_fault_range lba, media;
};

_Static_assert(sizeof(struct emul_fault_rule) <= EMUL_FAULT_RULE_WORDS * 8, "emul_fault_rule");
_Static_assert(sizeof(struct emul_fault_rule) % 8 == 0, "emul_fault_rule is whole words");

/** emul_fault_parse() - parse a rule; @why as in emul_fault_add(). Return: 0 or -EINVAL. */
int emul_fault_parse(const char *text, struct emul_fault_rule *ret_rule, char *why);

/** emul_fault_format() - print a rule; @text has EMUL_FAULT_TEXT_MAX bytes */
void emul_fault_format(const struct emul_fault_rule *rule, char *text);

#endif
