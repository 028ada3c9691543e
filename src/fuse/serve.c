/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which threads take requests from the kernel: rings, if it offers them. Lanes take INIT, and all
 * that comes over /dev/fuse: with rings that is what needs no answer.
 */
#include "fuse/internal.h"

#include "fuse/transport/lanes.h"

int fs_want_rings(struct fs *fs)
{
	int err = rings_hook(fs);

	fs->wants_rings = !err;
	return err;
}

void fs_end_serving(struct fs *fs, int err)
{
	int none = 0;

	if (err)
		atomic_compare_exchange_strong(&fs->error, &none, err);
	fuse_session_exit(fs->session);
	sem_post(&fs->over);
}

int fs_serve(struct fs *fs, unsigned max_threads)
{
	int err = lanes_serve(fs, max_threads);

	/* What is still under way needs the session to answer, though nobody may hear it. */
	fs_quiesce(fs);
	rings_free(atomic_exchange(&fs->rings, NULL));
	return err ? err : fs->error;
}
