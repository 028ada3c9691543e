/* SPDX-License-Identifier: Apache-2.0 */
#include "data/io.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/ticks.h"
#include "data/file.h"

#define EMBEDDED_IOS (sizeof(((struct data_op_priv *)0)->embedded) / sizeof(struct data_io))

void io_round_start(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	priv->ios = priv->bounce ? priv->bounce->ios : priv->embedded;
	priv->nr_ios = 0;
}

bool io_round_has_room(struct data_op *op)
{
	struct data_op_priv *priv = op_priv(op);

	if (priv->ios != priv->embedded)
		return priv->nr_ios < BOUNCE_IOS;
	if (priv->nr_ios < EMBEDDED_IOS)
		return true;
	if (!data_op_try_bounce(op))
		return false;
	memcpy(priv->bounce->ios, priv->embedded, sizeof(priv->embedded));
	priv->ios = priv->bounce->ios;
	return true;
}

static void io_done(struct superpipe_io *done)
{
	struct data_op *op = ((struct data_io *)(void *)done)->op;
	_Atomic uint32_t *nr_pending = &op_priv(op)->nr_pending;

	if (atomic_fetch_sub_explicit(nr_pending, 1, memory_order_acq_rel) == 1)
		data_op_run(op);
}

void io_round_add(struct data_op *op, const struct mapping_run *run, uint64_t nr_blocks,
		  uint64_t pos, void *buf, bool write)
{
	struct data_op_priv *priv = op_priv(op);
	struct data_io *io = &priv->ios[priv->nr_ios++];

	io->op = op;
	io->pos = pos;
	io->io.vlun = run->vlun;
	io->io.lba = run->lba;
	io->io.nr_lbas = (uint32_t)nr_blocks;
	io->io.write = write;
	io->io.buf = buf;
	io->io.done = io_done;
}

/*
 * The submitter counts as one more io in flight. So no completion that runs inside
 * superpipe_submit() goes on with the operation, and a long request does not recurse.
 */
enum step_result io_round_submit(struct data_op *op, data_step_fn *next)
{
	struct data_op_priv *priv = op_priv(op);
	unsigned nr = priv->nr_ios;

	for (unsigned i = 0; i < nr; i++)
		priv->ios[i].io.next = i + 1 < nr ? &priv->ios[i + 1].io : NULL;
	priv->step = next;
	if (!op->command_ticks)
		op->command_ticks = ticks_now();
	atomic_store_explicit(&priv->nr_pending, nr + 1, memory_order_relaxed);
	superpipe_submit(file_volume(op->file)->sp, &priv->ios[0].io);
	if (atomic_fetch_sub_explicit(&priv->nr_pending, 1, memory_order_acq_rel) == 1)
		return STEP_AGAIN;
	return STEP_WAIT;
}

int io_error(const struct data_io *io)
{
	return io->io.status;
}

uint64_t io_good_end(const struct data_io *io)
{
	uint64_t nr = io->io.status ? io->io.nr_lbas_done : io->io.nr_lbas;

	return io->pos + (nr << BLOCK_SHIFT);
}

static void log_failed(const struct data_io *io)
{
	log_debug(LOGC_DATA,
		  "%s of %" PRIu32 " blocks at LBA %" PRIu64 " (file block %" PRIu64
		  "): %s after %" PRIu32 " blocks",
		  io->io.write ? "write" : "read", io->io.nr_lbas, io->io.lba,
		  io->pos >> BLOCK_SHIFT, strerror(-io->io.status), io->io.nr_lbas_done);
}

int io_round_good_end(const struct data_op *op, uint64_t *ret_end)
{
	const struct data_op_priv *priv = (const struct data_op_priv *)(const void *)op->priv;

	for (unsigned i = 0; i < priv->nr_ios; i++) {
		if (io_error(&priv->ios[i])) {
			log_failed(&priv->ios[i]);
			*ret_end = io_good_end(&priv->ios[i]);
			return io_error(&priv->ios[i]);
		}
	}
	*ret_end = priv->round_end;
	return 0;
}

bool io_is_bounced(const struct data_op *op, const struct data_io *io)
{
	const struct data_op_priv *priv = (const struct data_op_priv *)(const void *)op->priv;
	const uint8_t *buf = io->io.buf;

	return priv->bounce && buf >= priv->bounce->buf && buf < priv->bounce->buf + BOUNCE_BYTES;
}
