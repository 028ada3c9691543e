/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/fault/rule.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/fault/rule_names.h"

struct parser {
	struct emul_fault_rule rule;
	unsigned params; /* FAULT_PARAM_* that were given */
	int action;      /* index in fault_actions, or -1 */
	bool has_point, has_times;
	char *why;
};

static int __attribute__((format(printf, 2, 3))) refuse(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	if (p->why) {
		va_start(ap, fmt);
		vsnprintf(p->why, EMUL_FAULT_TEXT_MAX, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

/* Parses a number at *text and moves *text past it. */
static bool take_number(const char **text, uint64_t max, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 0);
	if (errno || *ret > max)
		return false;
	*text = end;
	return true;
}

static bool whole_number(const char *text, uint64_t max, uint64_t *ret)
{
	return take_number(&text, max, ret) && *text == '\0';
}

static bool parse_range(const char *text, struct emul_fault_range *range)
{
	if (!take_number(&text, UINT64_MAX, &range->first))
		return false;
	range->last = range->first;
	if (*text == '\0')
		return true;
	text++;
	return text[-1] == '-' && whole_number(text, UINT64_MAX, &range->last) &&
	       range->first <= range->last;
}

static bool parse_prob(const char *text, struct emul_fault_rule *rule)
{
	uint64_t a, b;

	if (!take_number(&text, UINT32_MAX, &a) || *text++ != '/' ||
	    !whole_number(text, UINT32_MAX, &b) || a == 0 || a > b)
		return false;
	rule->prob_a = (uint32_t)a;
	rule->prob_b = (uint32_t)b;
	return true;
}

/* every=N counts matches; every=TIME makes a timed rule. */
static bool parse_every(struct parser *p, const char *text)
{
	uint64_t n;

	if (!take_number(&text, UINT64_MAX, &n) || n == 0)
		return false;
	if (*text == '\0') {
		p->rule.every = n;
		return true;
	}
	for (unsigned i = 0; i < FAULT_NR_UNITS; i++)
		if (!strcmp(text, fault_units[i].name) &&
		    !__builtin_mul_overflow(n, fault_units[i].ns, &p->rule.every_ns)) {
			p->rule.point = EMUL_FAULT_AT_TIME;
			return p->rule.every_ns < UINT64_MAX / 4;
		}
	return false;
}

static bool parse_point(struct parser *p, const char *text)
{
	for (unsigned i = 0; i < EMUL_FAULT_NR_POINTS; i++)
		if (fault_point_names[i] && !strcmp(text, fault_point_names[i])) {
			p->rule.point = (uint8_t)i;
			p->has_point = true;
			return true;
		}
	return false;
}

static bool parse_action(struct parser *p, const char *text)
{
	for (unsigned i = 0; i < FAULT_NR_ACTIONS; i++)
		if (!strcmp(text, fault_actions[i].name)) {
			p->action = (int)i;
			p->rule.fault.action = (uint8_t)fault_actions[i].action;
			p->rule.fault.err = -fault_actions[i].err;
			return true;
		}
	return false;
}

bool emul_reset_kind_parse(const char *text, enum emul_reset_kind *ret_kind)
{
	for (unsigned i = 0; i < FAULT_NR_KINDS; i++)
		if (!strcmp(text, fault_kind_names[i])) {
			*ret_kind = (enum emul_reset_kind)i;
			return true;
		}
	return false;
}

/*
 * Parses pairs of hexadecimal digits, with or without 0x.
 * Return: number of bytes, or -1.
 */
static int parse_hex(const char *text, uint8_t *bytes, int max)
{
	int nr = 0;

	if (text[0] == '0' && text[1] == 'x')
		text += 2;
	for (; text[0]; text += 2, nr++) {
		unsigned byte;

		if (nr == max || !isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1)
			return -1;
		bytes[nr] = (uint8_t)byte;
	}
	return nr;
}

static void store_integer(void *field, unsigned bytes, uint64_t n)
{
	if (bytes == sizeof(uint8_t))
		*(uint8_t *)field = (uint8_t)n;
	else if (bytes == sizeof(uint32_t))
		*(uint32_t *)field = (uint32_t)n;
	else
		*(uint64_t *)field = n;
}

static bool parse_integer(const struct fault_key *key, const char *text, void *field)
{
	uint64_t n;

	if (!whole_number(text, key->max, &n) || n < key->min)
		return false;
	store_integer(field, key->bytes, n);
	return true;
}

static bool parse_sense(struct emul_fault *fault, const char *text)
{
	int nr = parse_hex(text, fault->sense, EMUL_FAULT_SENSE_MAX);

	fault->sense_len = (uint8_t)(nr > 0 ? nr : 0);
	return nr > 0;
}

static bool parse_kind(const char *text, uint8_t *field)
{
	enum emul_reset_kind kind;

	if (!emul_reset_kind_parse(text, &kind))
		return false;
	*field = (uint8_t)kind;
	return true;
}

static bool parse_value(struct parser *p, const struct fault_key *key, const char *text)
{
	void *field = (char *)&p->rule + key->offset;

	p->params |= key->param;
	switch (key->type) {
	case FAULT_TYPE_RANGE:
		return parse_range(text, field);
	case FAULT_TYPE_HEX:
		return parse_hex(text, field, key->bytes) == key->bytes;
	case FAULT_TYPE_SENSE:
		return parse_sense(&p->rule.fault, text);
	case FAULT_TYPE_PROB:
		return parse_prob(text, &p->rule);
	case FAULT_TYPE_KIND:
		return parse_kind(text, field);
	default:
		return parse_integer(key, text, field);
	}
}

static bool parse_key(struct parser *p, const char *name, const char *value, bool *ret_known)
{
	*ret_known = true;
	if (!strcmp(name, "at"))
		return parse_point(p, value);
	if (!strcmp(name, "every"))
		return parse_every(p, value);
	if (!strcmp(name, "action"))
		return parse_action(p, value);
	p->has_times |= !strcmp(name, "times");
	for (unsigned i = 0; i < FAULT_NR_KEYS; i++)
		if (!strcmp(name, fault_keys[i].name))
			return parse_value(p, &fault_keys[i], value);
	*ret_known = false;
	return false;
}

static int parse_word(struct parser *p, char *word)
{
	char *value = strchr(word, '=');
	bool known, good;

	if (!value)
		return refuse(p, "'%.40s' is not of the form key=value", word);
	*value++ = '\0';
	good = parse_key(p, word, value, &known);
	if (!known)
		return refuse(p, "unknown key '%.40s=' in a fault rule", word);
	if (!good)
		return refuse(p, "'%.40s' is not a valid value of '%.40s='", value, word);
	return 0;
}

static unsigned params_needed(enum emul_fault_action action)
{
	if (action == EMUL_FAULT_LATE)
		return FAULT_PARAM_MS;
	if (action == EMUL_FAULT_IOASA)
		return FAULT_PARAM_IOASC;
	return 0;
}

static int check_rule(struct parser *p)
{
	struct emul_fault_rule *r = &p->rule;

	if (p->action < 0)
		return refuse(p, "a fault rule needs action=");
	if (p->has_point == (r->every_ns != 0))
		return refuse(p, "a fault rule needs either at= or every=TIME");
	if (!(fault_actions[p->action].points & 1u << r->point))
		return refuse(p, "action=%s cannot be used with %s%s",
			      fault_actions[p->action].name, p->has_point ? "at=" : "every=TIME",
			      p->has_point ? fault_point_names[r->point] : "");
	if (p->params & ~fault_actions[p->action].params)
		return refuse(p, "action=%s does not take one of its parameters",
			      fault_actions[p->action].name);
	if (params_needed(r->fault.action) & ~p->params)
		return refuse(p, "action=%s needs %s=", fault_actions[p->action].name,
			      r->fault.action == EMUL_FAULT_LATE ? "ms" : "ioasc");
	return 0;
}

static void set_defaults(struct parser *p)
{
	struct emul_fault_rule *r = &p->rule;

	if (r->fault.action == EMUL_FAULT_ATTENTION && !(p->params & FAULT_PARAM_ASC))
		r->fault.asc = 0x29; /* power on, reset or bus device reset occurred */
	if (r->n && !p->has_times)
		r->times = 1;
	r->live = true;
}

int emul_fault_parse(const char *text, struct emul_fault_rule *ret_rule, char *why)
{
	struct parser p = {
		.rule = { .ctx = -1, .handle = -1, .lun = -1, .lba = { 1, 0 }, .media = { 1, 0 } },
		.action = -1,
		.why = why,
	};
	char line[EMUL_FAULT_TEXT_MAX], *save, *word;
	int ret;

	if (strlen(text) >= sizeof(line))
		return refuse(&p, "a fault rule has at most %d characters",
			      EMUL_FAULT_TEXT_MAX - 1);
	strcpy(line, text);
	for (word = strtok_r(line, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		ret = parse_word(&p, word);
		if (ret)
			return ret;
	}
	ret = check_rule(&p);
	if (ret)
		return ret;
	set_defaults(&p);
	*ret_rule = p.rule;
	return 0;
}
