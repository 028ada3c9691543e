/* SPDX-License-Identifier: Apache-2.0 */
#include "base/core_dump.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

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

void *core_dump_excluded_memory(size_t bytes)
{
	void *memory = aligned_alloc((size_t)sysconf(_SC_PAGESIZE), bytes);

	if (memory)
		core_dump_exclude(memory, bytes);
	return memory;
}
