/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which threads take requests from the kernel: those of libfuse run rings, lanes run /dev/fuse.
 */
#include "fs/internal.h"

#include <errno.h>

#include "fs/lanes.h"
#include "fs/place.h"

/* Without a ring, which the kernel may refuse, one of them may wait for a command. */
static unsigned default_threads(void)
{
	unsigned nr = place_nr_processors();

	return nr > 2 ? nr : 2;
}

static int serve_with_libfuse(struct fs *fs, unsigned nr_threads)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int err;

	if (!config)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, nr_threads);
	fuse_loop_cfg_set_idle_threads(config, nr_threads);
	err = fuse_session_loop_mt(fs->session, config);
	fuse_loop_cfg_destroy(config);
	return err < 0 ? err : 0;
}

bool fs_has_lanes(const struct fs *fs)
{
	return !fs->config.io_uring;
}

int fs_serve(struct fs *fs, unsigned max_threads)
{
	int err;

	if (fs_has_lanes(fs))
		err = lanes_serve(fs, max_threads);
	else
		err = serve_with_libfuse(fs, max_threads ? max_threads : default_threads());
	/* What is still under way needs the session to answer, though nobody may hear it. */
	fs_quiesce(fs);
	return err;
}
