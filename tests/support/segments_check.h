/* SPDX-License-Identifier: Apache-2.0 */
/* segments_check - do the bitmaps, lists and counts of a pool of segments agree? */
#ifndef CXLFS_TESTS_SUPPORT_SEGMENTS_CHECK_H
#define CXLFS_TESTS_SUPPORT_SEGMENTS_CHECK_H

#include "data/alloc/segments.h"

bool segments_check(struct segments *pool);

#endif
