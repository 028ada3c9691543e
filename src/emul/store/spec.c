/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/store/geometry.h"

#define DEVICE_PREFIX     "emul:"
#define DEFAULT_LUN_BYTES (1ull << 40)

struct parser {
	struct explainer to;
	struct emul_spec *spec;
};

/** Parses decimal digits only: no sign, no space. False if the number exceeds 64 bits. */
static bool parse_digits(const char *text, const char **ret_end, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *s = text;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return false;
	*ret_end = s;
	*ret_value = value;
	return s != text;
}

static bool parse_u64(const char *text, uint64_t *ret_value)
{
	const char *end;

	return parse_digits(text, &end, ret_value) && !*end;
}

bool emul_spec_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGTP";
	const char *end, *at;
	uint64_t value, unit = 1;

	if (!parse_digits(text, &end, &value))
		return false;
	if (*end) {
		at = strchr(suffixes, *end & ~0x20);
		if (!at || end[1])
			return false;
		unit = 1ull << (10 * (at - suffixes + 1));
	}
	return !__builtin_mul_overflow(value, unit, ret_bytes);
}

static bool parse_time(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = { { "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000 } };
	const char *end;
	uint64_t value;

	if (!parse_digits(text, &end, &value))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(end, units[i].unit))
			return !__builtin_mul_overflow(value, units[i].ns, ret_ns) &&
			       *ret_ns <= EMUL_MAX_LATENCY_NS;
	return value == 0 && !*end && (*ret_ns = 0, true);
}

/* ---- one option ---- */

struct option {
	const char *name;
	uint32_t given;
	/** Returns false if @value is invalid; @value is NULL without "=". */
	bool (*set)(struct emul_spec *spec, const char *value);
	const char *wants;
};

static bool number_between(const char *value, uint64_t min, uint64_t max, uint32_t *ret_number)
{
	uint64_t number;

	if (!value || !parse_u64(value, &number) || number < min || number > max)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static bool one_of(const char *value, const char *no, const char *yes, uint8_t *ret_flag)
{
	if (!value || (strcmp(value, no) && strcmp(value, yes)))
		return false;
	*ret_flag = !strcmp(value, yes);
	return true;
}

static bool set_luns(struct emul_spec *spec, const char *value)
{
	return number_between(value, 1, EMUL_MAX_LUNS, &spec->geometry.nr_luns);
}

static bool set_size(struct emul_spec *spec, const char *value)
{
	return value && emul_spec_parse_size(value, &spec->lun_bytes) && spec->lun_bytes &&
	       spec->lun_bytes <= EMUL_MAX_LUN_BYTES;
}

static bool set_bs(struct emul_spec *spec, const char *value)
{
	return number_between(value, 512, 4096, &spec->geometry.block_bytes) &&
	       (spec->geometry.block_bytes == 512 || spec->geometry.block_bytes == 4096);
}

static bool set_mode(struct emul_spec *spec, const char *value)
{
	return one_of(value, "ioarrin", "sq", &spec->geometry.sq_mode);
}

static bool set_handles(struct emul_spec *spec, const char *value)
{
	return number_between(value, 16, 4096, &spec->geometry.nr_handles);
}

static bool set_ports(struct emul_spec *spec, const char *value)
{
	return number_between(value, 1, EMUL_MAX_PORTS, &spec->geometry.nr_ports);
}

static bool set_ctx(struct emul_spec *spec, const char *value)
{
	return number_between(value, 1, EMUL_USABLE_CONTEXTS, &spec->geometry.nr_contexts);
}

static bool set_cmdroom(struct emul_spec *spec, const char *value)
{
	return number_between(value, 1, 65535, &spec->geometry.cmd_room);
}

static bool set_legacy(struct emul_spec *spec, const char *value)
{
	if (!value) {
		spec->geometry.legacy_fd = 1;
		return true;
	}
	return one_of(value, "off", "on", &spec->geometry.legacy_fd);
}

static bool set_seed(struct emul_spec *spec, const char *value)
{
	return value && parse_u64(value, &spec->geometry.seed);
}

static bool set_read(struct emul_spec *spec, const char *value)
{
	return value && parse_time(value, &spec->geometry.read_ns);
}

static bool set_write(struct emul_spec *spec, const char *value)
{
	return value && parse_time(value, &spec->geometry.write_ns);
}

/** READ/WRITE, or one of them as read:TIME, write:TIME. */
static bool set_latency(struct emul_spec *spec, const char *value)
{
	char read[32];
	const char *slash = value ? strchr(value, '/') : NULL;

	if (value && !strncmp(value, "read:", 5)) {
		spec->given |= EMUL_OPT_READ;
		return set_read(spec, value + 5);
	}
	if (value && !strncmp(value, "write:", 6)) {
		spec->given |= EMUL_OPT_WRITE;
		return set_write(spec, value + 6);
	}
	if (!slash || (size_t)(slash - value) >= sizeof(read))
		return false;
	memcpy(read, value, (size_t)(slash - value));
	read[slash - value] = '\0';
	spec->given |= EMUL_OPT_READ | EMUL_OPT_WRITE;
	return set_read(spec, read) && set_write(spec, slash + 1);
}

static bool set_riops(struct emul_spec *spec, const char *value)
{
	return value && parse_u64(value, &spec->geometry.riops) &&
	       spec->geometry.riops <= EMUL_MAX_IOPS;
}

static bool set_wiops(struct emul_spec *spec, const char *value)
{
	return value && parse_u64(value, &spec->geometry.wiops) &&
	       spec->geometry.wiops <= EMUL_MAX_IOPS;
}

static bool set_irq(struct emul_spec *spec, const char *value)
{
	return one_of(value, "idle", "all", &spec->geometry.irq_all);
}

static bool set_bugs(struct emul_spec *spec, const char *value)
{
	return one_of(value, "off", "on", &spec->geometry.bugs);
}

static bool set_lun(struct emul_spec *spec, const char *value)
{
	return number_between(value, 0, EMUL_MAX_LUNS - 1, &spec->lun);
}

static bool set_port(struct emul_spec *spec, const char *value)
{
	return number_between(value, 0, EMUL_MAX_PORTS - 1, &spec->port);
}

static const struct option options[] = {
	{ "luns", EMUL_OPT_LUNS, set_luns, "a number from 1 to 64" },
	{ "size", EMUL_OPT_SIZE, set_size, "a size such as 512M or 1T, at most 4096P" },
	{ "bs", EMUL_OPT_BS, set_bs, "512 or 4096" },
	{ "mode", EMUL_OPT_MODE, set_mode, "sq or ioarrin" },
	{ "handles", EMUL_OPT_HANDLES, set_handles, "a number from 16 to 4096" },
	{ "ports", EMUL_OPT_PORTS, set_ports, "a number from 1 to 4" },
	{ "ctx", EMUL_OPT_CTX, set_ctx, "a number from 1 to 508" },
	{ "cmdroom", EMUL_OPT_CMDROOM, set_cmdroom, "a number from 1 to 65535" },
	{ "legacy_fd", EMUL_OPT_LEGACY, set_legacy, "no value, on or off" },
	{ "seed", EMUL_OPT_SEED, set_seed, "a number" },
	{ "latency", 0, set_latency, "READ/WRITE such as 48us/20us" },
	{ "read", EMUL_OPT_READ, set_read, "a time such as 48us" },
	{ "write", EMUL_OPT_WRITE, set_write, "a time such as 20us" },
	{ "riops", EMUL_OPT_RIOPS, set_riops, "a number" },
	{ "wiops", EMUL_OPT_WIOPS, set_wiops, "a number" },
	{ "irq", EMUL_OPT_IRQ, set_irq, "idle or all" },
	{ "bugs", EMUL_OPT_BUGS, set_bugs, "on or off" },
	{ "lun", 0, set_lun, "a number from 0 to 63" },
	{ "port", 0, set_port, "a number from 0 to 3" },
};

static int parse_option(struct parser *p, char *text)
{
	char *value = strpbrk(text, "=:");

	/* latency=read:48us,write:20us is split at the comma, which leaves "write:20us" here */
	if (value && *value == ':' && strncmp(text, "read:", 5) && strncmp(text, "write:", 6))
		return explain_error(&p->to, -EINVAL, "unknown option '%s' of an emulated adapter",
				     text);
	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(text, options[i].name))
			continue;
		p->spec->given |= options[i].given;
		if (options[i].set(p->spec, value))
			return 0;
		return explain_error(&p->to, -EINVAL, "option '%s' of an emulated adapter needs %s",
				     text, options[i].wants);
	}
	return explain_error(&p->to, -EINVAL, "unknown option '%s' of an emulated adapter", text);
}

/* ---- the whole name ---- */

/**
 * Takes the part of *@rest up to an unescaped comma, and removes escapes in place.
 * Returns NULL at the end.
 */
static char *next_piece(char **rest)
{
	char *piece = *rest, *in = piece, *out = piece;

	if (!piece)
		return NULL;
	for (; *in && *in != ','; in++) {
		if (*in == '\\' && (in[1] == ',' || in[1] == '\\'))
			in++;
		*out++ = *in;
	}
	*rest = *in ? in + 1 : NULL;
	*out = '\0';
	return piece;
}

static void set_defaults(struct emul_spec *spec)
{
	*spec = (struct emul_spec){
		.lun_bytes = DEFAULT_LUN_BYTES,
		.geometry = {
			.block_bytes = 4096,
			.nr_luns = 1,
			.nr_ports = 2,
			.nr_contexts = EMUL_USABLE_CONTEXTS,
			.nr_handles = 4096,
			.cmd_room = 64,
			.sq_mode = 1,
			.bugs = 1,
			.seed = 1,
		},
	};
}

static int finish(struct parser *p)
{
	struct emul_spec *spec = p->spec;
	uint64_t blocks = spec->lun_bytes / spec->geometry.block_bytes;

	if (spec->lun_bytes % spec->geometry.block_bytes)
		return explain_error(&p->to, -EINVAL,
				     "the size of an emulated LUN must be a multiple of its block "
				     "size, %u bytes",
				     spec->geometry.block_bytes);
	if (blocks >> SISL_CHUNK_SHIFT > EMUL_MAX_CHUNKS)
		return explain_error(&p->to, -EINVAL,
				     "a LUN of %" PRIu64 " bytes in blocks of %u is too large",
				     spec->lun_bytes, spec->geometry.block_bytes);
	for (unsigned i = 0; i < spec->geometry.nr_luns; i++)
		spec->geometry.lun_blocks[i] = blocks;
	return 0;
}

static int parse_pieces(struct parser *p, char *rest)
{
	char *piece = next_piece(&rest);
	int rc = 0;

	if (!*piece)
		return explain_error(&p->to, -EINVAL,
				     "'emul:' needs the directory of an emulated adapter");
	p->spec->path = strdup(piece);
	if (!p->spec->path)
		return -ENOMEM;
	while (!rc && (piece = next_piece(&rest)))
		if (*piece)
			rc = parse_option(p, piece);
	return rc ? rc : finish(p);
}

int emul_spec_parse(const char *device, explain_fn explain, void *explain_arg,
		    struct emul_spec *ret_spec)
{
	struct emul_spec spec;
	struct parser p = { { explain, explain_arg }, &spec };
	char *copy;
	int rc;

	if (strncmp(device, DEVICE_PREFIX, strlen(DEVICE_PREFIX)))
		return explain_error(&p.to, -EINVAL, "'%s' does not name an emulated adapter",
				     device);
	set_defaults(&spec);
	copy = strdup(device + strlen(DEVICE_PREFIX));
	if (!copy)
		return -ENOMEM;
	rc = parse_pieces(&p, copy);
	free(copy);
	if (rc)
		emul_spec_fini(&spec);
	else
		*ret_spec = spec;
	return rc;
}

void emul_spec_fini(struct emul_spec *spec)
{
	free(spec->path);
	spec->path = NULL;
}
