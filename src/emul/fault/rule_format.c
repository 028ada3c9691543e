/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/fault/rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "emul/fault/rule_names.h"

struct printer {
	char *text;
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) put(struct printer *out, const char *fmt, ...)
{
	size_t room = EMUL_FAULT_TEXT_MAX - out->used;
	va_list ap;
	int n;

	if (out->used && room > 1) {
		out->text[out->used++] = ' ';
		room--;
	}
	va_start(ap, fmt);
	n = vsnprintf(out->text + out->used, room, fmt, ap);
	va_end(ap);
	out->used += n > 0 && (size_t)n < room ? (size_t)n : 0;
	out->text[out->used] = '\0';
}

static void put_range(struct printer *out, const char *key, const struct emul_fault_range *range)
{
	if (range->first == range->last)
		put(out, "%s=%" PRIu64, key, range->first);
	else if (range->first < range->last)
		put(out, "%s=%" PRIu64 "-%" PRIu64, key, range->first, range->last);
}

static void put_hex(struct printer *out, const char *key, const uint8_t *bytes, unsigned nr)
{
	char hex[2 * EMUL_FAULT_SENSE_MAX + 1] = "";

	for (unsigned i = 0; i < nr && i < EMUL_FAULT_SENSE_MAX; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	put(out, "%s=%s", key, hex);
}

static void put_when(struct printer *out, const struct emul_fault_rule *r)
{
	unsigned unit = 0;

	if (r->point != EMUL_FAULT_AT_TIME) {
		put(out, "at=%s", fault_point_names[r->point]);
		return;
	}
	while (unit + 1 < FAULT_NR_UNITS && r->every_ns % fault_units[unit].ns)
		unit++;
	put(out, "every=%" PRIu64 "%s", r->every_ns / fault_units[unit].ns, fault_units[unit].name);
}

static uint64_t load_integer(const void *field, unsigned bytes)
{
	if (bytes == sizeof(uint8_t))
		return *(const uint8_t *)field;
	return bytes == sizeof(uint32_t) ? *(const uint32_t *)field : *(const uint64_t *)field;
}

static void put_integer(struct printer *out, const struct fault_key *key, const void *field)
{
	uint64_t n = load_integer(field, key->bytes);

	if (n || key->always)
		put(out, "%s=%" PRIu64, key->name, n);
}

static void put_bytes(struct printer *out, const struct fault_key *key, const uint8_t *bytes)
{
	bool any = key->always;

	for (unsigned i = 0; i < key->bytes; i++)
		any |= bytes[i] != 0;
	if (any)
		put_hex(out, key->name, bytes, key->bytes);
}

static void put_value(struct printer *out, const struct fault_key *key,
		      const struct emul_fault_rule *r)
{
	const void *field = (const char *)r + key->offset;

	switch (key->type) {
	case FAULT_TYPE_INDEX:
		if (*(const int32_t *)field >= 0)
			put(out, "%s=%" PRId32, key->name, *(const int32_t *)field);
		break;
	case FAULT_TYPE_RANGE:
		put_range(out, key->name, field);
		break;
	case FAULT_TYPE_HEX:
		put_bytes(out, key, field);
		break;
	case FAULT_TYPE_SENSE:
		if (r->fault.sense_len)
			put_hex(out, key->name, r->fault.sense, r->fault.sense_len);
		break;
	case FAULT_TYPE_PROB:
		if (r->prob_b)
			put(out, "%s=%" PRIu32 "/%" PRIu32, key->name, r->prob_a, r->prob_b);
		break;
	case FAULT_TYPE_KIND:
		put(out, "%s=%s", key->name, fault_kind_names[r->fault.kind]);
		break;
	default:
		put_integer(out, key, field);
	}
}

/* n= implies times=1. */
static bool is_implied(const struct fault_key *key, const struct emul_fault_rule *r)
{
	return key->offset == offsetof(struct emul_fault_rule, times) && r->n && r->times == 1;
}

static const struct fault_action *action_of(const struct emul_fault *fault)
{
	for (unsigned i = 0; i < FAULT_NR_ACTIONS; i++)
		if (fault_actions[i].action == (enum emul_fault_action)fault->action &&
		    fault_actions[i].err == -fault->err)
			return &fault_actions[i];
	return NULL;
}

void emul_fault_format(const struct emul_fault_rule *rule, char *text)
{
	const struct fault_action *action = action_of(&rule->fault);
	struct printer out = { .text = text };
	unsigned i = 0;

	text[0] = '\0';
	put_when(&out, rule);
	for (; !fault_keys[i].param; i++)
		if (!is_implied(&fault_keys[i], rule))
			put_value(&out, &fault_keys[i], rule);
	if (!action)
		return;
	put(&out, "action=%s", action->name);
	for (; i < FAULT_NR_KEYS; i++)
		if (fault_keys[i].param & action->params)
			put_value(&out, &fault_keys[i], rule);
}
