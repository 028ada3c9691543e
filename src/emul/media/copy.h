/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - a memcpy() that returns false instead of crashing on an inaccessible address.
 *
 * A client may pass any address as its buffer, and pages of a mapped file can be truncated away or
 * fail to be allocated. The resulting SIGSEGV or SIGBUS becomes a return value here.
 */
#ifndef CXLFS_EMUL_MEDIA_COPY_H
#define CXLFS_EMUL_MEDIA_COPY_H

#include <stdbool.h>
#include <stddef.h>

/** emul_copy_install() - handle SIGSEGV and SIGBUS; only the first call acts. Return: 0; -errno. */
int emul_copy_install(void);

/**
 * emul_copy() - copy bytes that do not overlap
 * Call emul_copy_install() first. Threads: any that block neither SIGSEGV nor SIGBUS.
 * Return: false if a byte of either side cannot be accessed; then any part may have been copied.
 */
bool emul_copy(void *to, const void *from, size_t bytes);

/** emul_copy_to_file() - the same, to a mapped file, whose pages are made accessible in groups */
bool emul_copy_to_file(void *to, const void *from, size_t bytes);

#endif
