/* SPDX-License-Identifier: Apache-2.0 */
/* A session moves to another process: the old one pauses, the new one repeats what was agreed. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fuse/internal.h"

int fs_get_connection(const struct fs *fs, struct fs_connection *ret_connection)
{
	*ret_connection = fs->connection;
	ret_connection->init = *transport_init_request(fs->transport);
	return ret_connection->init.nr_bytes ? 0 : -EOPNOTSUPP;
}

/* The kernel goes on with what the first answer to INIT said. */
int fs_adopt_connection(struct fs *fs, const struct fs_connection *connection)
{
	int err = transport_replay_init(fs->transport, &connection->init);

	if (err)
		return err;
	if (!memcmp(&fs->connection.agreed, &connection->agreed, sizeof(connection->agreed)))
		return 0;
	log_debug(LOGC_FS, "capabilities %#llx instead of %#llx",
		  (unsigned long long)fs->connection.agreed.want,
		  (unsigned long long)connection->agreed.want);
	return -EPROTO;
}

int fs_pause(struct fs *fs, uint64_t deadline_ns)
{
	int err = transport_pause(fs->transport, deadline_ns);

	if (err)
		return err;
	err = fs_await_idle(fs, deadline_ns);
	if (err)
		transport_resume(fs->transport);
	return err;
}

void fs_resume(struct fs *fs)
{
	transport_resume(fs->transport);
}
