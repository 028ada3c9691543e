/* SPDX-License-Identifier: Apache-2.0 */
/* A session moves to another process: the old one pauses, the new one repeats what was agreed. */
#include <errno.h>
#include <string.h>

#include "fuse/request.h"
#include "fuse/takeover/internal.h"

int fs_get_connection(const struct fs *fs, struct fs_connection *ret_connection, int *ret_rings_fd)
{
	ret_connection->init = *transport_init_request(fs->transport);
	ret_connection->agreed = fs->agreed;
	*ret_rings_fd = transport_get_rings(fs->transport, &ret_connection->rings);
	ret_connection->in_use = fs->in_use;
	return ret_connection->agreed.max_write && !ret_connection->init.nr_bytes ? -EOPNOTSUPP : 0;
}

static int replay_init(struct fs *fs, const struct fs_connection *connection)
{
	bool has_rings = connection->rings.address;
	int err = transport_replay_init(fs->transport, &connection->init);

	if (err)
		return err;
	/* The kernel goes on with what the first answer to INIT said. */
	if (memcmp(&fs->agreed, &connection->agreed, sizeof(connection->agreed)))
		return -EPROTO;
	return has_rings == transport_uses_uring(fs->transport) ? 0 : -EPROTO;
}

int fs_adopt_connection(struct fs *fs, const struct fs_connection *connection, int rings_fd)
{
	int err = 0;

	if (!connection->init.nr_bytes)
		return 0;
	fs->in_use = connection->in_use;
	fs->is_adopted = true;
	if (connection->rings.address)
		err = transport_adopt_rings(fs->transport, &fs_ring_io, &connection->rings,
					    rings_fd);
	return err ? err : replay_init(fs, connection);
}

int fs_slots_fd(const struct fs *fs)
{
	return transport_slots_fd(fs->transport);
}

int fs_adopt_slots(struct fs *fs, int fd)
{
	fs->answer_first = answer_instead;
	return transport_adopt_slots(fs->transport, fd);
}

uint64_t fs_alone(const struct fs *fs)
{
	return transport_alone(fs->transport);
}

int fs_pause(struct fs *fs, void (*ask)(void *arg), void *arg, uint64_t deadline_ns)
{
	int err = transport_pause(fs->transport, ask, arg, deadline_ns);

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
