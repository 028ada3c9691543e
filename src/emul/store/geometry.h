/* SPDX-License-Identifier: Apache-2.0 */
/* geometry - limits of an adapter's geometry, and checks of an existing adapter. */
#ifndef CXLFS_EMUL_STORE_GEOMETRY_H
#define CXLFS_EMUL_STORE_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/store/spec.h"

#define EMUL_USABLE_CONTEXTS 508
/* Every offset on a medium stays below 2^63, and every chunk number below 2^26. */
#define EMUL_MAX_LUN_BYTES  (1ull << 62)
#define EMUL_MAX_CHUNKS     (1ull << 26)
#define EMUL_MAX_LATENCY_NS 60000000000ull
#define EMUL_MAX_IOPS       1000000000u

/** emul_geometry_is_valid() - true if options could have set every value of @geometry */
bool emul_geometry_is_valid(const struct emul_geometry *geometry);

/**
 * emul_geometry_matches() - compare the options given in @spec with an existing adapter
 * @text: receives the name of the first option that differs
 * Return: true if none differs.
 */
bool emul_geometry_matches(const struct emul_spec *spec, const struct emul_geometry *geometry,
			   char *text, size_t text_bytes);

#endif
