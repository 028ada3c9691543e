/* SPDX-License-Identifier: Apache-2.0 */
#include "support/sp_wait.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

static void on_done(struct superpipe_io *io)
{
	struct sp_wait_io *wait = (struct sp_wait_io *)io;

	pthread_mutex_lock(&lock);
	wait->ended = true;
	wait->nr_calls++;
	pthread_cond_broadcast(&ended);
	pthread_mutex_unlock(&lock);
}

void sp_wait_init(struct sp_wait_io *wait, struct superpipe_vlun *vlun, bool write, uint64_t lba,
		  uint32_t nr_lbas, unsigned char fill)
{
	memset(wait, 0, sizeof(*wait));
	wait->io.vlun = vlun;
	wait->io.write = write;
	wait->io.lba = lba;
	wait->io.nr_lbas = nr_lbas;
	wait->io.done = on_done;
	wait->io.buf = aligned_alloc(4096, (size_t)nr_lbas * 4096);
	if (!wait->io.buf)
		abort();
	memset(wait->io.buf, fill, (size_t)nr_lbas * 4096);
}

void sp_wait_fini(struct sp_wait_io *wait)
{
	free(wait->io.buf);
}

void sp_wait_for(struct sp_wait_io *wait)
{
	pthread_mutex_lock(&lock);
	while (!wait->ended)
		pthread_cond_wait(&ended, &lock);
	pthread_mutex_unlock(&lock);
}

bool sp_wait_ended(struct sp_wait_io *wait)
{
	bool value;

	pthread_mutex_lock(&lock);
	value = wait->ended;
	pthread_mutex_unlock(&lock);
	return value;
}

int sp_wait_run(struct superpipe *sp, struct sp_wait_io *wait)
{
	superpipe_submit(sp, &wait->io);
	sp_wait_for(wait);
	return wait->io.status;
}

int sp_wait_write(struct superpipe *sp, struct superpipe_vlun *vlun, uint64_t lba, uint32_t nr_lbas,
		  unsigned char fill)
{
	struct sp_wait_io wait;
	int rc;

	sp_wait_init(&wait, vlun, true, lba, nr_lbas, fill);
	rc = sp_wait_run(sp, &wait);
	sp_wait_fini(&wait);
	return rc;
}

int sp_wait_read(struct superpipe *sp, struct superpipe_vlun *vlun, uint64_t lba, uint32_t nr_lbas,
		 unsigned char fill)
{
	const unsigned char *bytes;
	struct sp_wait_io wait;
	int rc;

	sp_wait_init(&wait, vlun, false, lba, nr_lbas, (unsigned char)~fill);
	rc = sp_wait_run(sp, &wait);
	bytes = wait.io.buf;
	if (!rc && (bytes[0] != fill || memcmp(bytes, bytes + 1, (size_t)nr_lbas * 4096 - 1) != 0))
		rc = -EILSEQ;
	sp_wait_fini(&wait);
	return rc;
}
