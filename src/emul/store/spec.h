/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - parses the name of an emulated adapter, `emul:PATH[,option...]`.
 *
 * In PATH, write a comma as "\," and a backslash as "\\". The following options are set when the
 * adapter is created; when it is opened later, they must be left out or have the same value:
 *
 *   luns=N            1 to 64                       default 1
 *   size=SIZE         of each LUN, suffix K M G T P default 1T
 *   bs=4096|512       bytes in a device block       default 4096
 *   mode=sq|ioarrin   how commands are submitted    default sq
 *   handles=N         resource handles of a context, 16 to 4096, default 4096
 *   ports=N           1 to 4                        default 2
 *   ctx=N             contexts, 1 to 508            default 508
 *   cmdroom=N         IOARRIN credits, 1 to 65535   default 64
 *   legacy_fd         a driver that closes fd2 itself
 *   seed=N            of all random choices, default 1
 *   latency=READ/WRITE  such as 48us/20us; also latency=read:48us,write:20us
 *   riops=N wiops=N   rate limit of a LUN, with a latency
 *   irq=idle|all      interrupt only when no thread polls, or always; default idle
 *   bugs=on|off       emulate the real driver's defects, default on
 *
 * Options of each open: lun=K and port=P, default 0.
 */
#ifndef CXLFS_EMUL_STORE_SPEC_H
#define CXLFS_EMUL_STORE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devport/devport.h"
#include "emul/store/shm.h"

/* emul_spec.given: bits of the options that were given */
enum emul_option {
	EMUL_OPT_LUNS = 1 << 0,
	EMUL_OPT_SIZE = 1 << 1,
	EMUL_OPT_BS = 1 << 2,
	EMUL_OPT_MODE = 1 << 3,
	EMUL_OPT_HANDLES = 1 << 4,
	EMUL_OPT_PORTS = 1 << 5,
	EMUL_OPT_CTX = 1 << 6,
	EMUL_OPT_CMDROOM = 1 << 7,
	EMUL_OPT_LEGACY = 1 << 8,
	EMUL_OPT_SEED = 1 << 9,
	EMUL_OPT_READ = 1 << 10,
	EMUL_OPT_WRITE = 1 << 11,
	EMUL_OPT_RIOPS = 1 << 12,
	EMUL_OPT_WIOPS = 1 << 13,
	EMUL_OPT_IRQ = 1 << 14,
	EMUL_OPT_BUGS = 1 << 15,
};

struct emul_spec {
	char *path;
	uint32_t given;
	uint64_t lun_bytes;
	unsigned lun, port;
	struct emul_geometry geometry; /* defaults where not given; lun_blocks from lun_bytes */
};

/**
 * emul_spec_parse() - parse a device name
 * @explain: receives the reason of a failure; may be NULL
 * @ret_spec: for emul_spec_fini()
 * Return: 0; -EINVAL; -ENOMEM.
 */
int emul_spec_parse(const char *device, explain_fn explain, void *explain_arg,
		    struct emul_spec *ret_spec);

void emul_spec_fini(struct emul_spec *spec);

/** emul_spec_parse_size() - parse a number of bytes with an optional suffix K, M, G, T or P */
bool emul_spec_parse_size(const char *text, uint64_t *ret_bytes);

#endif
