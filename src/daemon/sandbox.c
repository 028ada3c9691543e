/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "base/log.h"
#include "daemon/sandbox_internal.h"

/* The nice value 0, as RLIMIT_NICE counts. */
#define NICE_NORMAL 20

/* Threads leave SCHED_IDLE often. With this limit they need no capability for it.
 * Return: false: it cannot be set. */
static bool allow_normal_priority(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NICE, &limit))
		return false;
	if (limit.rlim_cur >= NICE_NORMAL)
		return true;
	limit.rlim_cur = NICE_NORMAL;
	if (limit.rlim_max < NICE_NORMAL)
		limit.rlim_max = NICE_NORMAL;
	return !setrlimit(RLIMIT_NICE, &limit);
}

/* The memory that a standby may find requests in is locked later. */
static void allow_locked_memory(void)
{
	const struct rlimit none = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	(void)setrlimit(RLIMIT_MEMLOCK, &none);
}

/* The bounding set first: to change it takes a capability. */
static void drop_capabilities(void)
{
	bool keeps_nice = !allow_normal_priority();

	if (capng_get_caps_process() || capng_have_capabilities(CAPNG_SELECT_CAPS) <= CAPNG_NONE)
		return;
	keeps_nice &= capng_have_capability(CAPNG_PERMITTED, CAP_SYS_NICE);
	capng_clear(CAPNG_SELECT_ALL);
	if (keeps_nice)
		(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_NICE);
	(void)capng_apply(CAPNG_SELECT_BOUNDS); /* matters less than no_new_privs */
	if (capng_apply(CAPNG_SELECT_CAPS))
		log_warning("cannot give up capabilities: %s", strerror(errno));
}

static bool is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

int sandbox_enter(struct superpipe *sp, const char *sockets)
{
	int err;

	if (SANDBOX_IS_OFF)
		return 0;
	tzset(); /* reads a file that is out of reach later */
	allow_locked_memory();
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_debug(LOGC_DAEMON, "sandbox: no_new_privs: %s", strerror(errno));
	err = sandbox_limit_files(sp, sockets);
	if (err)
		log_debug(LOGC_DAEMON, "sandbox: all files stay accessible: %s", strerror(-err));
	return is_shortage(err) ? err : 0;
}
