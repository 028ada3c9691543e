/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save - a volume as a stream, which another mount can load.
 *
 * The stream has all that has a name: names, attributes and contents as tree/snapshot.h and
 * data/contents.h keep them. Neither side seeks.
 *
 * Names and attributes are those of one moment, when saving begins; requests wait meanwhile, about
 * 0.2 microseconds for each inode. Contents are read after that. Each file is saved as of one
 * moment: changes of it wait while it is read. With freeze, all files are saved as of the moment of
 * the names, and every change of contents waits until the end.
 */
#ifndef CXLFS_FUSE_SAVE_H
#define CXLFS_FUSE_SAVE_H

#include "base/record_reader.h"
#include "base/record_writer.h"
#include "fuse/fs.h"

struct fs_save_config {
	bool freeze;
	record_write_fn *write; /* takes the stream; may sleep */
	void *arg;
};

struct fs_save_progress {
	uint64_t bytes_in_all; /* of data, when saving began */
	uint64_t bytes_done;
	uint64_t failed_ino; /* the file that could not be read; 0: none */
};

/**
 * fs_save_volume() - write the volume to a stream
 * Sleeps. Not from a thread that serves requests. The file system must not be freed meanwhile.
 * Return: 0; -EOPNOTSUPP the files are whole LUNs; -ENOMEM; -EIO; the first error of
 * config->write.
 */
int fs_save_volume(struct fs *fs, const struct fs_save_config *config,
		   struct fs_save_progress *ret_result);

/**
 * fs_load_volume() - fill an empty file system from a stream
 * Before the session starts. Sleeps.
 * Return: 0; -EBADMSG damaged, cut short, or no such stream; -EPROTONOSUPPORT of a newer version;
 * -EPROTO contradictory; -ENOSPC no room, or more inodes than max_inodes; -ENOMEM; -EIO; others of
 * @read. After an error only fs_free() is allowed.
 */
int fs_load_volume(struct fs *fs, record_read_fn *read, void *arg);

#endif
