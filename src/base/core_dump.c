/* SPDX-License-Identifier: Apache-2.0 */
#include "base/core_dump.h"

#include <stdbool.h>
#include <sys/mman.h>

/* Set before threads start. */
static bool allows_contents;

void core_dump_allow_contents(void)
{
	allows_contents = true;
}

void core_dump_exclude(void *memory, size_t bytes)
{
	if (!allows_contents)
		(void)madvise(memory, bytes, MADV_DONTDUMP);
}
