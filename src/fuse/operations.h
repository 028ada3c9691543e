/* SPDX-License-Identifier: Apache-2.0 */
/* operations - one for each request of FUSE, with the type that libfuse gives it. */
#ifndef CXLFS_FUSE_OPERATIONS_H
#define CXLFS_FUSE_OPERATIONS_H

#include "fuse/transport/libfuse.h"

#define FS_OP(name) __typeof__(*((struct fuse_lowlevel_ops *)0)->name) fs_op_##name

/* init.c */
FS_OP(init);
/* lookup.c */
FS_OP(lookup);
FS_OP(forget);
FS_OP(forget_multi);
/* attr.c */
FS_OP(getattr);
#if FS_HAVE_STATX
FS_OP(statx);
#endif
FS_OP(setattr);
FS_OP(statfs);
/* namespace.c */
FS_OP(mknod);
FS_OP(mkdir);
FS_OP(unlink);
FS_OP(rmdir);
FS_OP(symlink);
FS_OP(readlink);
FS_OP(link);
FS_OP(rename);
FS_OP(create);
void fs_op_tmpfile(fuse_req_t req, fuse_ino_t parent, mode_t mode, struct fuse_file_info *fi);
/* dir.c */
FS_OP(opendir);
FS_OP(readdir);
FS_OP(readdirplus);
/* file.c */
FS_OP(open);
FS_OP(release);
FS_OP(fallocate);
FS_OP(copy_file_range);
FS_OP(lseek);
/* io.c */
FS_OP(read);
FS_OP(write);
/* xattr.c */
FS_OP(setxattr);
FS_OP(getxattr);
FS_OP(listxattr);
FS_OP(removexattr);

#endif
