/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which threads take requests from the kernel. Those of libfuse run rings, and /dev/fuse where no
 * command is waited for; lanes run /dev/fuse where one is.
 */
#include "fs/internal.h"

#include <errno.h>
#include <unistd.h>

#include "fs/lanes.h"

#define MAX_DEFAULT_LANES 8

static unsigned nr_processors(void)
{
	long nr = sysconf(_SC_NPROCESSORS_ONLN);

	return nr > 1 ? (unsigned)nr : 1;
}

static unsigned default_threads(void)
{
	unsigned nr = nr_processors();

	return nr > 2 ? nr : 2;
}

/* The programs need processors, too, and a lane that waits for one is in the way. */
static unsigned default_lanes(void)
{
	unsigned nr = nr_processors() / 2;

	if (!nr)
		return 1;
	return nr < MAX_DEFAULT_LANES ? nr : MAX_DEFAULT_LANES;
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
	return !fs->config.io_uring && !fs->config.synchronous;
}

int fs_serve(struct fs *fs, unsigned nr_threads)
{
	int err;

	if (fs_has_lanes(fs))
		err = lanes_serve(fs, nr_threads ? nr_threads : default_lanes());
	else
		err = serve_with_libfuse(fs, nr_threads ? nr_threads : default_threads());
	/* What is still under way needs the session to answer, though nobody may hear it. */
	fs_quiesce(fs);
	return err;
}
