/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/fault/rule.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names --------------------------------------------------------------------------------- */

static const char *const point_names[EMUL_FAULT_NR_POINTS] = {
	[EMUL_FAULT_AT_TIME] = NULL, /* said with every=TIME */
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

/* Parameters an action may have, by bit; the order is the order of param_names. */
enum {
	PARAM_KIND = 1 << 0,
	PARAM_PORT = 1 << 1,
	PARAM_MS = 1 << 2,
	PARAM_ASC = 1 << 3,
	PARAM_ASCQ = 1 << 4,
	PARAM_RESID = 1 << 5,
	PARAM_IOASC = 1 << 6,
	PARAM_SENSE = 1 << 7,
	PARAM_EXTRA = 1 << 8,
	PARAM_CHUNKS = 1 << 9,
};

static const struct {
	const char *name;
	enum emul_fault_action action;
	int err;
	uint32_t points; /* where it makes sense */
	unsigned params;
} actions[] = {
	{ "reset", EMUL_FAULT_RESET, 0, ANYWHERE, PARAM_KIND },
	{ "fail", EMUL_FAULT_FAIL, 0, ANYWHERE, 0 },
	{ "link-down", EMUL_FAULT_LINK_DOWN, 0, ANYWHERE, PARAM_PORT | PARAM_MS },
	{ "link-up", EMUL_FAULT_LINK_UP, 0, ANYWHERE, PARAM_PORT },
	{ "medium", EMUL_FAULT_MEDIUM, 0, COMMANDS, 0 },
	{ "busy", EMUL_FAULT_BUSY, 0, COMMANDS, 0 },
	{ "full", EMUL_FAULT_FULL, 0, COMMANDS, 0 },
	{ "conflict", EMUL_FAULT_CONFLICT, 0, COMMANDS, 0 },
	{ "attention", EMUL_FAULT_ATTENTION, 0, COMMANDS, PARAM_ASC | PARAM_ASCQ },
	{ "underrun", EMUL_FAULT_UNDERRUN, 0, COMMANDS, PARAM_RESID },
	{ "overrun", EMUL_FAULT_OVERRUN, 0, COMMANDS, PARAM_RESID },
	{ "ioasa", EMUL_FAULT_IOASA, 0, COMMANDS,
	  PARAM_IOASC | PARAM_SENSE | PARAM_RESID | PARAM_EXTRA },
	{ "lose", EMUL_FAULT_LOSE, 0, COMMANDS, 0 },
	{ "late", EMUL_FAULT_LATE, 0, COMMANDS | P(INTERRUPT), PARAM_MS },
	{ "drop-interrupt", EMUL_FAULT_DROP_INTERRUPT, 0, P(INTERRUPT), 0 },
	{ "spurious-interrupt", EMUL_FAULT_SPURIOUS_INTERRUPT, 0, COMMANDS | P(TIME), 0 },
	{ "short", EMUL_FAULT_SHORT, 0, GROWTH, PARAM_CHUNKS },
	{ "eagain", EMUL_FAULT_ERRNO, EAGAIN, IOCTLS, 0 },
	{ "ebusy", EMUL_FAULT_ERRNO, EBUSY, IOCTLS, 0 },
	{ "eintr", EMUL_FAULT_ERRNO, EINTR, IOCTLS, 0 },
	{ "eio", EMUL_FAULT_ERRNO, EIO, IOCTLS, 0 },
	{ "emfile", EMUL_FAULT_ERRNO, EMFILE, IOCTLS, 0 },
	{ "enodev", EMUL_FAULT_ERRNO, ENODEV, IOCTLS, 0 },
	{ "enomem", EMUL_FAULT_ERRNO, ENOMEM, IOCTLS, 0 },
	{ "enospc", EMUL_FAULT_ERRNO, ENOSPC, IOCTLS, 0 },
};

#define NR_ACTIONS (sizeof(actions) / sizeof(actions[0]))

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "s", 1000000000 },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ "ns", 1 },
};

#define NR_UNITS (sizeof(units) / sizeof(units[0]))

/* ---- text to rule -------------------------------------------------------------------------- */

struct parser {
	struct emul_fault_rule rule;
	unsigned params;   /* PARAM_* given */
	int action;	   /* index in actions, or -1 */
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

/* A number at *text; moves *text behind it. */
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

/* every=N counts matches, every=TIME the clock. */
static bool parse_every(struct parser *p, const char *text)
{
	uint64_t n;

	if (!take_number(&text, UINT64_MAX, &n) || n == 0)
		return false;
	if (*text == '\0') {
		p->rule.every = n;
		return true;
	}
	for (unsigned i = 0; i < NR_UNITS; i++)
		if (!strcmp(text, units[i].name) &&
		    !__builtin_mul_overflow(n, units[i].ns, &p->rule.every_ns)) {
			p->rule.point = EMUL_FAULT_AT_TIME;
			return p->rule.every_ns < UINT64_MAX / 4;
		}
	return false;
}

static bool parse_prob(struct parser *p, const char *text)
{
	uint64_t a, b;

	if (!take_number(&text, UINT32_MAX, &a) || *text++ != '/' ||
	    !whole_number(text, UINT32_MAX, &b) || a == 0 || a > b)
		return false;
	p->rule.prob_a = (uint32_t)a;
	p->rule.prob_b = (uint32_t)b;
	return true;
}

static bool parse_point(struct parser *p, const char *text)
{
	for (unsigned i = 0; i < EMUL_FAULT_NR_POINTS; i++)
		if (point_names[i] && !strcmp(text, point_names[i])) {
			p->rule.point = (uint8_t)i;
			p->has_point = true;
			return true;
		}
	return false;
}

static bool parse_action(struct parser *p, const char *text)
{
	for (unsigned i = 0; i < NR_ACTIONS; i++)
		if (!strcmp(text, actions[i].name)) {
			p->action = (int)i;
			p->rule.fault.action = (uint8_t)actions[i].action;
			p->rule.fault.err = -actions[i].err;
			return true;
		}
	return false;
}

static const char *const kind_names[] = {
	[EMUL_RESET_EEH] = "eeh",
	[EMUL_RESET_HOST] = "host",
	[EMUL_RESET_FREEZE] = "freeze",
};

bool emul_reset_kind_parse(const char *text, enum emul_reset_kind *ret_kind)
{
	for (unsigned i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
		if (!strcmp(text, kind_names[i])) {
			*ret_kind = (enum emul_reset_kind)i;
			return true;
		}
	return false;
}

static bool parse_kind(struct parser *p, const char *text)
{
	enum emul_reset_kind kind;

	if (!emul_reset_kind_parse(text, &kind))
		return false;
	p->rule.fault.kind = (uint8_t)kind;
	return true;
}

/* Hexadecimal digits without prefix, or with 0x. Return: number of bytes, or -1. */
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

static bool parse_sense(struct parser *p, const char *text)
{
	int nr = parse_hex(text, p->rule.fault.sense, EMUL_FAULT_SENSE_MAX);

	p->rule.fault.sense_len = (uint8_t)(nr > 0 ? nr : 0);
	return nr > 0;
}

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	return whole_number(text, max, ret) && *ret >= min;
}

static bool parse_u32(const char *text, uint32_t min, uint32_t *field)
{
	uint64_t n;

	if (!parse_number(text, min, UINT32_MAX, &n))
		return false;
	*field = (uint32_t)n;
	return true;
}

static bool parse_index(const char *text, int32_t *field)
{
	uint64_t n;

	if (!parse_number(text, 0, INT32_MAX, &n))
		return false;
	*field = (int32_t)n;
	return true;
}

static bool parse_port(const char *text, uint8_t *field)
{
	uint64_t n;

	if (!parse_number(text, 0, EMUL_FAULT_PORTS - 1, &n))
		return false;
	*field = (uint8_t)n;
	return true;
}

/* asc and ascq are hexadecimal, as every SCSI table prints them. */
static bool parse_hex_byte(const char *text, uint8_t *field)
{
	return parse_hex(text, field, 1) == 1;
}

static bool parse_which(struct parser *p, const char *key, const char *value, bool *ret_known)
{
	struct emul_fault_rule *r = &p->rule;

	*ret_known = true;
	if (!strcmp(key, "at"))
		return parse_point(p, value);
	if (!strcmp(key, "every"))
		return parse_every(p, value);
	if (!strcmp(key, "n"))
		return parse_number(value, 1, UINT64_MAX, &r->n);
	if (!strcmp(key, "prob"))
		return parse_prob(p, value);
	if (!strcmp(key, "times")) {
		p->has_times = true;
		return parse_number(value, 1, UINT64_MAX, &r->times);
	}
	if (!strcmp(key, "ctx"))
		return parse_index(value, &r->ctx);
	if (!strcmp(key, "handle"))
		return parse_index(value, &r->handle);
	if (!strcmp(key, "lun"))
		return parse_index(value, &r->lun);
	if (!strcmp(key, "lba"))
		return parse_range(value, &r->lba);
	if (!strcmp(key, "media"))
		return parse_range(value, &r->media);
	*ret_known = false;
	return false;
}

static bool parse_what(struct parser *p, const char *key, const char *value, bool *ret_known)
{
	struct emul_fault *f = &p->rule.fault;

	*ret_known = true;
	if (!strcmp(key, "action"))
		return parse_action(p, value);
#define PARAM(name, bit) (!strcmp(key, name) && (p->params |= (bit)))
	if (PARAM("kind", PARAM_KIND))
		return parse_kind(p, value);
	if (PARAM("port", PARAM_PORT))
		return parse_port(value, &f->port);
	if (PARAM("ms", PARAM_MS))
		return parse_u32(value, 1, &f->ms);
	if (PARAM("asc", PARAM_ASC))
		return parse_hex_byte(value, &f->asc);
	if (PARAM("ascq", PARAM_ASCQ))
		return parse_hex_byte(value, &f->ascq);
	if (PARAM("resid", PARAM_RESID))
		return parse_u32(value, 0, &f->resid);
	if (PARAM("ioasc", PARAM_IOASC))
		return parse_hex(value, f->ioasc, 4) == 4;
	if (PARAM("sense", PARAM_SENSE))
		return parse_sense(p, value);
	if (PARAM("extra", PARAM_EXTRA))
		return parse_hex(value, f->extra, 3) == 3;
	if (PARAM("chunks", PARAM_CHUNKS))
		return parse_number(value, 0, UINT64_MAX, &f->chunks);
#undef PARAM
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
	good = parse_which(p, word, value, &known);
	if (!known)
		good = parse_what(p, word, value, &known);
	if (!known)
		return refuse(p, "there is no '%.40s=' in a fault rule", word);
	if (!good)
		return refuse(p, "'%.40s' is no value for '%.40s='", value, word);
	return 0;
}

/* Which parameters must be there for the rule to say anything. */
static unsigned params_needed(enum emul_fault_action action)
{
	if (action == EMUL_FAULT_LATE)
		return PARAM_MS;
	if (action == EMUL_FAULT_IOASA)
		return PARAM_IOASC;
	return 0;
}

static int check_rule(struct parser *p)
{
	struct emul_fault_rule *r = &p->rule;

	if (p->action < 0)
		return refuse(p, "a fault rule needs action=");
	if (p->has_point == (r->every_ns != 0))
		return refuse(p, "a fault rule needs either at= or every=TIME");
	if (!(actions[p->action].points & 1u << r->point))
		return refuse(p, "action=%s makes no sense %s%s", actions[p->action].name,
			      p->has_point ? "at=" : "by the clock",
			      p->has_point ? point_names[r->point] : "");
	if (p->params & ~actions[p->action].params)
		return refuse(p, "action=%s does not take one of its parameters",
			      actions[p->action].name);
	if (params_needed(r->fault.action) & ~p->params)
		return refuse(p, "action=%s needs %s=", actions[p->action].name,
			      r->fault.action == EMUL_FAULT_LATE ? "ms" : "ioasc");
	return 0;
}

/* What an action means when its parameters are left out. */
static void fill_in(struct parser *p)
{
	struct emul_fault_rule *r = &p->rule;

	if (r->fault.action == EMUL_FAULT_ATTENTION && !(p->params & PARAM_ASC))
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
	fill_in(&p);
	*ret_rule = p.rule;
	return 0;
}

/* ---- rule to text -------------------------------------------------------------------------- */

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
		put(out, "at=%s", point_names[r->point]);
		return;
	}
	while (unit + 1 < NR_UNITS && r->every_ns % units[unit].ns)
		unit++;
	put(out, "every=%" PRIu64 "%s", r->every_ns / units[unit].ns, units[unit].name);
}

static void put_which(struct printer *out, const struct emul_fault_rule *r)
{
	if (r->n)
		put(out, "n=%" PRIu64, r->n);
	if (r->every)
		put(out, "every=%" PRIu64, r->every);
	if (r->prob_b)
		put(out, "prob=%" PRIu32 "/%" PRIu32, r->prob_a, r->prob_b);
	if (r->times && !(r->n && r->times == 1))
		put(out, "times=%" PRIu64, r->times);
	if (r->ctx >= 0)
		put(out, "ctx=%" PRId32, r->ctx);
	if (r->handle >= 0)
		put(out, "handle=%" PRId32, r->handle);
	if (r->lun >= 0)
		put(out, "lun=%" PRId32, r->lun);
	put_range(out, "lba", &r->lba);
	put_range(out, "media", &r->media);
}

static void put_params(struct printer *out, const struct emul_fault *f, unsigned params)
{
	if (params & PARAM_KIND)
		put(out, "kind=%s", kind_names[f->kind]);
	if (params & PARAM_PORT)
		put(out, "port=%u", f->port);
	if ((params & PARAM_MS) && f->ms)
		put(out, "ms=%" PRIu32, f->ms);
	if (params & PARAM_ASC)
		put(out, "asc=%02x", f->asc);
	if (params & PARAM_ASCQ)
		put(out, "ascq=%02x", f->ascq);
	if (params & PARAM_IOASC)
		put_hex(out, "ioasc", f->ioasc, 4);
	if ((params & PARAM_SENSE) && f->sense_len)
		put_hex(out, "sense", f->sense, f->sense_len);
	if ((params & PARAM_RESID) && f->resid)
		put(out, "resid=%" PRIu32, f->resid);
	if ((params & PARAM_EXTRA) && (f->extra[0] | f->extra[1] | f->extra[2]))
		put_hex(out, "extra", f->extra, 3);
	if (params & PARAM_CHUNKS)
		put(out, "chunks=%" PRIu64, f->chunks);
}

void emul_fault_format(const struct emul_fault_rule *rule, char *text)
{
	struct printer out = { .text = text };

	text[0] = '\0';
	put_when(&out, rule);
	put_which(&out, rule);
	for (unsigned i = 0; i < NR_ACTIONS; i++) {
		if (actions[i].action != (enum emul_fault_action)rule->fault.action ||
		    actions[i].err != -rule->fault.err)
			continue;
		put(&out, "action=%s", actions[i].name);
		put_params(&out, &rule->fault, actions[i].params);
		return;
	}
}
