/* SPDX-License-Identifier: Apache-2.0 */
/* The name of an emulated adapter, emul:PATH[,option...]. */
#include <errno.h>

#include "emul/store/geometry.h"
#include "emul/store/layout.h"
#include "fuzz/fuzz.h"

static void hear(void *arg, const char *text)
{
	FUZZ_REQUIRE(text && *text);
	*(bool *)arg = true;
}

static void check(struct emul_spec *spec)
{
	struct emul_head head = { .geometry = spec->geometry };
	char option[64];

	FUZZ_REQUIRE(spec->path && *spec->path);
	FUZZ_REQUIRE(emul_geometry_is_valid(&spec->geometry));
	FUZZ_REQUIRE(emul_geometry_matches(spec, &spec->geometry, option, sizeof(option)));
	if (emul_layout_fill(&head))
		FUZZ_REQUIRE(head.file_bytes > head.heap_offset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = fuzz_text(data, bytes);
	struct emul_spec spec;
	bool explained = false;
	uint64_t size;
	int rc;

	rc = emul_spec_parse(text, hear, &explained, &spec);
	FUZZ_REQUIRE(rc == 0 || rc == -EINVAL);
	FUZZ_REQUIRE(explained == (rc != 0));
	if (!rc) {
		check(&spec);
		emul_spec_fini(&spec);
	}
	(void)emul_spec_parse_size(text, &size);
	free(text);
	return 0;
}
