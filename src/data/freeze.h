/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze - hold back changes of contents, so that they can be read as of one moment.
 *
 * Reads are not affected. An operation that would change a frozen file waits, without a thread,
 * until it thaws. Freed files keep their contents until the last reference is dropped.
 */
#ifndef CXLFS_DATA_FREEZE_H
#define CXLFS_DATA_FREEZE_H

#include "data/data.h"

/** data_file_get() - keep a file, and what it holds, until data_file_put(). With a file that its
 *  owner has not freed. Any thread. */
void data_file_get(struct data_file *file);
void data_file_put(struct data_file *file);

/** data_file_freeze() - sleeps until changes that are under way have ended. Once for a file. */
void data_file_freeze(struct data_file *file);
void data_file_thaw(struct data_file *file);

/**
 * data_volume_freeze() - begin to freeze all files, those to come included
 * Changes in progress continue: data_file_await() waits for those of one file.
 */
void data_volume_freeze(struct data_volume *vol);
void data_volume_thaw(struct data_volume *vol);

/** data_file_await() - sleep until all operations on @file that have begun have ended */
void data_file_await(struct data_file *file);

#endif
