/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/media/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emul/media/map.h"

struct emul_media {
	int fd;
	bool read_only;
	struct emul_media_map *map; /* NULL when there is none */
};

int emul_media_open(int fd, struct emul_media **ret_media)
{
	struct emul_media *media = malloc(sizeof(*media));
	int flags = fcntl(fd, F_GETFL);

	if (!media || flags < 0) {
		int err = media ? errno : ENOMEM;

		close(fd);
		free(media);
		return -err;
	}
	media->fd = fd;
	media->read_only = (flags & O_ACCMODE) == O_RDONLY;
	media->map = media->read_only ? NULL : emul_media_map_new(fd);
	*ret_media = media;
	return 0;
}

void emul_media_close(struct emul_media *media)
{
	if (!media)
		return;
	emul_media_map_free(media->map);
	close(media->fd);
	free(media);
}

static void advance(struct iovec **iov, int *nr_iov, uint64_t bytes)
{
	while (*nr_iov > 0 && bytes >= (*iov)->iov_len) {
		bytes -= (*iov)->iov_len;
		++*iov;
		--*nr_iov;
	}
	if (bytes) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + bytes;
		(*iov)->iov_len -= bytes;
	}
}

/* Uses a system call because the program's addresses may be invalid. */
static int read_zeros(const struct iovec *iov, int nr_iov, uint64_t *done)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int err = errno;

	if (zero < 0)
		return -err;
	n = readv(zero, iov, nr_iov);
	err = errno;
	close(zero);
	if (n < 0)
		return -err;
	*done += (uint64_t)n;
	return 0;
}

static int transfer_by_calls(struct emul_media *media, bool write, struct iovec *iov, int nr_iov,
			     uint64_t offset, uint64_t *ret_done)
{
	uint64_t done = 0;
	int err = 0;

	while (nr_iov > 0 && !err) {
		off_t at = (off_t)(offset + done);
		ssize_t n = write ? pwritev(media->fd, iov, nr_iov, at)
				  : preadv(media->fd, iov, nr_iov, at);

		if (n > 0) {
			done += (uint64_t)n;
			advance(&iov, &nr_iov, (uint64_t)n);
		} else if (n < 0) {
			err = errno == EINTR ? 0 : -errno;
		} else if (write) {
			err = -ENOSPC; /* the end of a block device */
		} else {
			uint64_t before = done;

			err = read_zeros(iov, nr_iov, &done);
			advance(&iov, &nr_iov, done - before);
		}
	}
	*ret_done = done;
	return err;
}

int emul_media_transfer(struct emul_media *media, bool write, struct iovec *iov, int nr_iov,
			uint64_t offset, uint64_t *ret_done)
{
	uint64_t copied, done;
	int err;

	*ret_done = 0;
	if (write && media->read_only)
		return -EROFS;
	copied = emul_media_map_move(media->map, write, iov, nr_iov, offset);
	advance(&iov, &nr_iov, copied);
	if (!nr_iov) {
		*ret_done = copied;
		return 0;
	}
	err = transfer_by_calls(media, write, iov, nr_iov, offset + copied, &done);
	if (write)
		emul_media_map_note(media->map, offset + copied, done);
	*ret_done = copied + done;
	return err;
}
