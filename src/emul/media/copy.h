/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy - between memory of which nobody here knows whether it is there.
 *
 * What a program names as its buffer may be anything, and the pages of a mapped file can go away or
 * fail to come. What then ends other programs is an answer here.
 */
#ifndef CXLFS_EMUL_MEDIA_COPY_H
#define CXLFS_EMUL_MEDIA_COPY_H

#include <stdbool.h>
#include <stddef.h>

/** emul_copy_install() - take SIGSEGV and SIGBUS; repeated calls do nothing. Return: 0; -errno. */
int emul_copy_install(void);

/**
 * emul_copy() - copy bytes that do not overlap
 * Only after emul_copy_install(). Threads: any that block neither SIGSEGV nor SIGBUS.
 * Return: false when some of either side cannot be accessed; how much was copied is unknown then.
 */
bool emul_copy(void *to, const void *from, size_t bytes);

/** emul_copy_to_file() - the same, to a mapped file, whose pages are made accessible in groups */
bool emul_copy_to_file(void *to, const void *from, size_t bytes);

#endif
