/* SPDX-License-Identifier: Apache-2.0 */
/* background - jobs on a file's vLUN for which no operation waits. */
#ifndef CXLFS_DATA_ALLOC_BACKGROUND_H
#define CXLFS_DATA_ALLOC_BACKGROUND_H

#include "data/alloc/file_space.h"

/** background_shrink_locked() - give back chunks beyond the highest one in use, see slots.h */
void background_shrink_locked(struct file_space *space);

/** background_grow_locked() - take one more chunk, before the file needs it */
void background_grow_locked(struct file_space *space);

/** background_watch_locked() - see later whether its vLUNs hold more than the file needs */
void background_watch_locked(struct file_space *space);

/** background_count_locked() - update the counts; shrink if the tail has moved down; watch */
void background_count_locked(struct file_space *space);

#endif
