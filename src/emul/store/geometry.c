/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/store/geometry.h"

#include <stdio.h>

static bool is_between(uint64_t number, uint64_t min, uint64_t max)
{
	return number >= min && number <= max;
}

bool emul_geometry_is_valid(const struct emul_geometry *g)
{
	if ((g->block_bytes != 512 && g->block_bytes != 4096) ||
	    !is_between(g->nr_luns, 1, EMUL_MAX_LUNS) ||
	    !is_between(g->nr_ports, 1, EMUL_MAX_PORTS) ||
	    !is_between(g->nr_contexts, 1, EMUL_USABLE_CONTEXTS) ||
	    !is_between(g->nr_handles, 16, 4096) || !is_between(g->cmd_room, 1, 65535))
		return false;
	if (g->read_ns > EMUL_MAX_LATENCY_NS || g->write_ns > EMUL_MAX_LATENCY_NS ||
	    g->riops > EMUL_MAX_IOPS || g->wiops > EMUL_MAX_IOPS)
		return false;
	for (unsigned i = 0; i < g->nr_luns; i++)
		if (g->lun_blocks[i] > EMUL_MAX_LUN_BYTES / g->block_bytes ||
		    g->lun_blocks[i] >> SISL_CHUNK_SHIFT > EMUL_MAX_CHUNKS)
			return false;
	return true;
}

bool emul_geometry_matches(const struct emul_spec *spec, const struct emul_geometry *geometry,
			   char *text, size_t text_bytes)
{
	const struct emul_geometry *want = &spec->geometry;
	const struct {
		uint32_t option;
		const char *name;
		uint64_t want, have;
	} rows[] = {
		{ EMUL_OPT_LUNS, "luns", want->nr_luns, geometry->nr_luns },
		{ EMUL_OPT_BS, "bs", want->block_bytes, geometry->block_bytes },
		{ EMUL_OPT_SIZE, "size", spec->lun_bytes,
		  geometry->lun_blocks[0] * geometry->block_bytes },
		{ EMUL_OPT_MODE, "mode", want->sq_mode, geometry->sq_mode },
		{ EMUL_OPT_HANDLES, "handles", want->nr_handles, geometry->nr_handles },
		{ EMUL_OPT_PORTS, "ports", want->nr_ports, geometry->nr_ports },
		{ EMUL_OPT_CTX, "ctx", want->nr_contexts, geometry->nr_contexts },
		{ EMUL_OPT_CMDROOM, "cmdroom", want->cmd_room, geometry->cmd_room },
		{ EMUL_OPT_LEGACY, "legacy_fd", want->legacy_fd, geometry->legacy_fd },
		{ EMUL_OPT_SEED, "seed", want->seed, geometry->seed },
		{ EMUL_OPT_READ, "latency", want->read_ns, geometry->read_ns },
		{ EMUL_OPT_WRITE, "latency", want->write_ns, geometry->write_ns },
		{ EMUL_OPT_RIOPS, "riops", want->riops, geometry->riops },
		{ EMUL_OPT_WIOPS, "wiops", want->wiops, geometry->wiops },
		{ EMUL_OPT_IRQ, "irq", want->irq_all, geometry->irq_all },
		{ EMUL_OPT_BUGS, "bugs", want->bugs, geometry->bugs },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(spec->given & rows[i].option) || rows[i].want == rows[i].have)
			continue;
		snprintf(text, text_bytes, "%s", rows[i].name);
		return false;
	}
	return true;
}
