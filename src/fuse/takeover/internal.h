/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of takeover/ only. */
#ifndef CXLFS_FUSE_TAKEOVER_INTERNAL_H
#define CXLFS_FUSE_TAKEOVER_INTERNAL_H

#include "fuse/core.h"
#include "fuse/takeover/takeover.h"

/** answer_instead() - for fs->answer_first: answer a request that a dead process has executed, as
 *  its outcome says, and refuse changes if the volume is read-only */
bool answer_instead(struct fs *fs, fuse_req_t req);

/** refuse_change() - answer a request with EROFS if it would change the volume
 *  Return: false: it would not. */
bool refuse_change(struct fs *fs, fuse_req_t req);

#endif
