/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save_file - a file that appears under its name only when it is complete.
 *
 * Until then it has a temporary name beside it, and a file that has the name already stays as it
 * is. Something that is no regular file, such as a FIFO, is written directly.
 *
 * Errors: -errno.
 */
#ifndef CXLFS_ADM_SAVE_FILE_H
#define CXLFS_ADM_SAVE_FILE_H

#include <limits.h>

struct save_file {
	int fd;
	const char *name;         /* "-": standard output */
	char temporary[PATH_MAX]; /* empty: written directly */
};

/** save_file_open() - @name: borrowed until the end. Return: 0; -EISDIR; -errno. */
int save_file_open(struct save_file *file, const char *name);

/** save_file_commit() - have it on the medium and give it its name. Return: 0; -errno, and then
 *  save_file_abort() must follow. */
int save_file_commit(struct save_file *file);

/** save_file_abort() - remove what was written. After save_file_commit() it does nothing. */
void save_file_abort(struct save_file *file);

#endif
