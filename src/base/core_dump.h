/* SPDX-License-Identifier: Apache-2.0 */
/* core_dump - keeps the contents of files out of core dumps, which others may read. */
#ifndef CXLFS_BASE_CORE_DUMP_H
#define CXLFS_BASE_CORE_DUMP_H

#include <stddef.h>

/** core_dump_allow_contents() - let later calls of core_dump_exclude() do nothing; call it before
 *  threads start */
void core_dump_allow_contents(void);

/** core_dump_exclude() - leave memory for contents of files out of core dumps
 *  @memory: starts on a page, as does what follows it */
void core_dump_exclude(void *memory, size_t bytes);

/** core_dump_excluded_memory() - allocate memory for contents of files
 *  @bytes: a multiple of the page size
 *
 *  It starts on a page. Any thread may call this.
 *  Return: memory that the caller frees by free(), or NULL. */
void *core_dump_excluded_memory(size_t bytes);

#endif
