/* SPDX-License-Identifier: Apache-2.0 */
#include "support/fake_port.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wire/cxlflash_abi.h"

#define MAX_HELD     16384
#define MAX_REFUSALS 16
#define MAX_ANSWERS  32
#define COOKIE_HIGH  0xfeed00000000ull

struct answer {
	unsigned skip, count;
	enum { ANSWER_STATUS, ANSWER_NOTHING, ANSWER_LOSE } kind;
	struct sisl_ioasa ioasa;
};

struct refusal {
	unsigned long request;
	int rc;
	unsigned count;
	bool after_effect;
};

struct handle {
	bool open, physical;
	uint64_t nr_chunks;
	unsigned char *media;
};

/* A command the AFU has fetched: its own copy, and what the completion will point at. */
struct held {
	struct sisl_ioarcb ioarcb;
	struct sisl_ioasa *ioasa;
	uint64_t rrq_address;
};

struct fake_port_mmio {
	struct devport_mmio mmio;
	struct fake_port *fake;
	bool dead;
};

struct fake_dp {
	struct devport port;
	struct fake_port *fake;
	unsigned lun;
};

struct fake_port {
	struct fake_port_config config;
	char devices[2][64];
	pthread_mutex_t lock;
	struct handle handles[FAKE_MAX_HANDLES];
	struct answer answers[MAX_ANSWERS];
	unsigned nr_answers;
	struct refusal refusals[MAX_REFUSALS];
	unsigned nr_refusals;
	struct refusal map_refusal;
	uint64_t grant;

	bool lost, failed, closed_event, resets_stopped;
	bool room_fixed;
	unsigned process_element, attached;
	struct fake_port_mmio *mmio;
	int event_fd;
	uint32_t pending_lisn; /* mask */
	uint64_t status;
	bool resetting;

	uint64_t rrq_start, rrq_end, rrq_next, rrq_toggle;
	uint64_t sq_start, sq_end, sq_head, sq_tail;
	struct sisl_ioarcb *rung[MAX_HELD]; /* IOARRIN stores not fetched yet */
	unsigned nr_rung;
	struct held held[MAX_HELD];
	unsigned nr_held;

	char trace[65536];
	unsigned nr_doorbells, nr_commands, nr_breaches;
	struct sisl_ioarcb last;
};

/* ---- the test's side ---- */

struct fake_port *fake_port_new(const struct fake_port_config *config)
{
	struct fake_port *fake = calloc(1, sizeof(*fake));

	fake->config = *config;
	if (!fake->config.block_bytes)
		fake->config.block_bytes = 4096;
	if (!fake->config.cmd_room)
		fake->config.cmd_room = 16;
	if (!fake->config.nr_chunks)
		fake->config.nr_chunks = 16;
	if (!fake->config.max_xfer_lbas)
		fake->config.max_xfer_lbas = 256;
	fake->grant = UINT64_MAX;
	fake->event_fd = -1;
	fake->process_element = 7;
	for (unsigned i = 0; i < 2; i++)
		snprintf(fake->devices[i], sizeof(fake->devices[i]), "fake:%llx:%u",
			 (unsigned long long)(uintptr_t)fake, i);
	pthread_mutex_init(&fake->lock, NULL);
	return fake;
}

void fake_port_free(struct fake_port *fake)
{
	for (unsigned i = 0; i < FAKE_MAX_HANDLES; i++)
		free(fake->handles[i].media);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

const char *fake_port_device(struct fake_port *fake, unsigned lun)
{
	return fake->devices[lun];
}

static void add_answer(struct fake_port *fake, struct answer answer)
{
	pthread_mutex_lock(&fake->lock);
	if (fake->nr_answers == MAX_ANSWERS)
		abort();
	fake->answers[fake->nr_answers++] = answer;
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_answer_after(struct fake_port *fake, unsigned skip, unsigned count,
			    const struct sisl_ioasa *ioasa)
{
	add_answer(fake,
		   (struct answer){
			   .skip = skip, .count = count, .kind = ANSWER_STATUS, .ioasa = *ioasa });
}

void fake_port_answer(struct fake_port *fake, unsigned count, const struct sisl_ioasa *ioasa)
{
	fake_port_answer_after(fake, 0, count, ioasa);
}

void fake_port_swallow(struct fake_port *fake, unsigned count)
{
	add_answer(fake, (struct answer){ .count = count, .kind = ANSWER_NOTHING });
}

void fake_port_lose_at(struct fake_port *fake, unsigned skip)
{
	add_answer(fake, (struct answer){ .skip = skip, .count = 1, .kind = ANSWER_LOSE });
}

static void add_refusal(struct fake_port *fake, struct refusal refusal)
{
	pthread_mutex_lock(&fake->lock);
	if (fake->nr_refusals == MAX_REFUSALS)
		abort();
	fake->refusals[fake->nr_refusals++] = refusal;
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_refuse(struct fake_port *fake, unsigned long request, int rc, unsigned count)
{
	add_refusal(fake, (struct refusal){ request, rc, count, false });
}

void fake_port_refuse_after_effect(struct fake_port *fake, unsigned long request, int rc,
				   unsigned count)
{
	add_refusal(fake, (struct refusal){ request, rc, count, true });
}

void fake_port_refuse_map(struct fake_port *fake, int rc, unsigned count)
{
	pthread_mutex_lock(&fake->lock);
	fake->map_refusal = (struct refusal){ .rc = rc, .count = count };
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_grant(struct fake_port *fake, uint64_t nr_chunks)
{
	pthread_mutex_lock(&fake->lock);
	fake->grant = nr_chunks;
	pthread_mutex_unlock(&fake->lock);
}

static void interrupt_locked(struct fake_port *fake, unsigned lisn)
{
	const uint64_t one = 1;

	fake->pending_lisn |= 1u << lisn;
	if (fake->event_fd >= 0 && write(fake->event_fd, &one, sizeof(one)) < 0)
		abort();
}

static void lose_locked(struct fake_port *fake, bool say_so)
{
	fake->lost = true;
	fake->nr_held = 0;
	fake->nr_rung = 0;
	if (fake->mmio)
		fake->mmio->dead = true;
	if (say_so) {
		fake->closed_event = true;
		interrupt_locked(fake, 0);
	}
}

void fake_port_lose(struct fake_port *fake, bool say_so)
{
	pthread_mutex_lock(&fake->lock);
	lose_locked(fake, say_so);
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_fail(struct fake_port *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->failed = true;
	lose_locked(fake, true);
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_raise(struct fake_port *fake, unsigned lisn, uint64_t status_bits)
{
	pthread_mutex_lock(&fake->lock);
	fake->status |= status_bits;
	interrupt_locked(fake, lisn);
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_stop_resets(struct fake_port *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->resets_stopped = true;
	pthread_mutex_unlock(&fake->lock);
}

void fake_port_set_room(struct fake_port *fake, unsigned room)
{
	pthread_mutex_lock(&fake->lock);
	fake->config.cmd_room = room;
	fake->room_fixed = true;
	pthread_mutex_unlock(&fake->lock);
}

const char *fake_port_trace(struct fake_port *fake)
{
	return fake->trace;
}

void fake_port_trace_clear(struct fake_port *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->trace[0] = '\0';
	pthread_mutex_unlock(&fake->lock);
}

unsigned fake_port_trace_count(struct fake_port *fake, const char *word)
{
	size_t length = strlen(word);
	unsigned count = 0;

	pthread_mutex_lock(&fake->lock);
	for (const char *at = fake->trace; (at = strstr(at, word)) != NULL; at += length) {
		if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\0'))
			count++;
	}
	pthread_mutex_unlock(&fake->lock);
	return count;
}

#define LOCKED_GETTER(type, name, expression)      \
	type name(struct fake_port *fake)          \
	{                                          \
		type value;                        \
		pthread_mutex_lock(&fake->lock);   \
		value = (expression);              \
		pthread_mutex_unlock(&fake->lock); \
		return value;                      \
	}

LOCKED_GETTER(unsigned, fake_port_nr_doorbells, fake->nr_doorbells)
LOCKED_GETTER(unsigned, fake_port_nr_commands, fake->nr_commands)
LOCKED_GETTER(unsigned, fake_port_nr_breaches, fake->nr_breaches)
LOCKED_GETTER(unsigned, fake_port_nr_held, fake->nr_held)
LOCKED_GETTER(struct sisl_ioarcb, fake_port_last_ioarcb, fake->last)

unsigned char *fake_port_media(struct fake_port *fake, unsigned res_hndl)
{
	return fake->handles[res_hndl].media;
}

static void trace_locked(struct fake_port *fake, const char *word)
{
	size_t length = strlen(fake->trace);

	if (length + strlen(word) + 2 > sizeof(fake->trace))
		abort();
	sprintf(fake->trace + length, " %s", word);
}

/* ---- the AFU ---- */

static void complete_locked(struct fake_port *fake, const struct held *held,
			    const struct sisl_ioasa *status)
{
	if (status) {
		held->ioasa->ioasc = status->ioasc;
		held->ioasa->resid = status->resid;
		held->ioasa->afu_extra = status->afu_extra;
		memcpy(held->ioasa->sense, status->sense, sizeof(status->sense));
	}
	__atomic_store_n((uint64_t *)(uintptr_t)fake->rrq_next,
			 held->rrq_address | fake->rrq_toggle, __ATOMIC_RELEASE);
	if (fake->rrq_next == fake->rrq_end) {
		fake->rrq_next = fake->rrq_start;
		fake->rrq_toggle ^= 1;
	} else {
		fake->rrq_next += sizeof(uint64_t);
	}
}

static const struct sisl_ioasa *transfer_locked(struct fake_port *fake,
						const struct sisl_ioarcb *ioarcb)
{
	static const struct sisl_ioasa bounds = { .afu_rc = SISL_AFU_RC_LXT_BOUNDS };
	static const struct sisl_ioasa handle = { .afu_rc = SISL_AFU_RC_RHT_PERM };
	static const struct sisl_ioasa capability = { .afu_rc = SISL_AFU_RC_CAP_VIOLATION };
	unsigned per_lba = 4096 / fake->config.block_bytes;
	unsigned char *media;
	uint64_t lba;
	uint32_t nr;

	memcpy(&lba, &ioarcb->cdb[2], sizeof(lba));
	memcpy(&nr, &ioarcb->cdb[10], sizeof(nr));
	lba = be64toh(lba);
	nr = be32toh(nr);
	if (ioarcb->ctx_id != fake->process_element)
		return &capability;
	if (ioarcb->res_hndl >= FAKE_MAX_HANDLES || !fake->handles[ioarcb->res_hndl].open)
		return &handle;
	if (lba % per_lba || nr % per_lba || (lba + nr) / per_lba > FAKE_MEDIA_LBAS ||
	    nr * fake->config.block_bytes != ioarcb->data_len)
		return &bounds;
	if (!fake->handles[ioarcb->res_hndl].physical && nr != per_lba)
		return &bounds;
	media = fake->handles[ioarcb->res_hndl].media + lba * fake->config.block_bytes;
	if (ioarcb->cdb[0] == SISL_CDB_WRITE_16)
		memcpy(media, (void *)(uintptr_t)ioarcb->data_ea, ioarcb->data_len);
	else
		memcpy((void *)(uintptr_t)ioarcb->data_ea, media, ioarcb->data_len);
	return NULL;
}

/* The first answer whose turn it is; NULL: act normally. */
static struct answer *next_answer_locked(struct fake_port *fake)
{
	for (unsigned i = 0; i < fake->nr_answers; i++) {
		struct answer *answer = &fake->answers[i];

		if (answer->skip) {
			answer->skip--;
			return NULL;
		}
		if (answer->count) {
			answer->count--;
			return answer;
		}
	}
	return NULL;
}

static void end_locked(struct fake_port *fake, const struct held *held)
{
	struct answer *answer = next_answer_locked(fake);

	if (!answer)
		complete_locked(fake, held, transfer_locked(fake, &held->ioarcb));
	else if (answer->kind == ANSWER_STATUS)
		complete_locked(fake, held, &answer->ioasa);
	else if (answer->kind == ANSWER_LOSE)
		lose_locked(fake, false);
}

static void fetch_one_locked(struct fake_port *fake, const struct sisl_ioarcb *ioarcb,
			     const struct sisl_ioarcb *original)
{
	struct held *held = &fake->held[fake->nr_held++];

	if (fake->nr_held == MAX_HELD)
		abort();
	held->ioarcb = *ioarcb;
	fake->last = *ioarcb;
	fake->nr_commands++;
	if (fake->config.sq_mode) {
		held->ioasa = (struct sisl_ioasa *)(uintptr_t)ioarcb->ioasa_ea;
		held->rrq_address = ioarcb->ioasa_ea;
	} else {
		held->ioasa = (struct sisl_ioasa *)(uintptr_t)(original + 1);
		held->rrq_address = (uint64_t)(uintptr_t)original;
	}
}

static void fetch_locked(struct fake_port *fake)
{
	for (unsigned i = 0; i < fake->nr_rung; i++)
		fetch_one_locked(fake, fake->rung[i], fake->rung[i]);
	fake->nr_rung = 0;
	while (fake->config.sq_mode && fake->sq_head != fake->sq_tail) {
		fetch_one_locked(fake, (struct sisl_ioarcb *)(uintptr_t)fake->sq_head, NULL);
		fake->sq_head = fake->sq_head == fake->sq_end
					? fake->sq_start
					: fake->sq_head + sizeof(struct sisl_ioarcb);
	}
}

static unsigned work_locked(struct fake_port *fake, unsigned count)
{
	unsigned nr_ended = 0;

	if (!fake->lost)
		fetch_locked(fake);
	while (nr_ended < count && fake->nr_held) {
		struct held first = fake->held[0];

		fake->nr_held--;
		memmove(&fake->held[0], &fake->held[1], fake->nr_held * sizeof(fake->held[0]));
		end_locked(fake, &first);
		nr_ended++;
	}
	return nr_ended;
}

unsigned fake_port_complete(struct fake_port *fake, unsigned count)
{
	unsigned nr_ended;

	pthread_mutex_lock(&fake->lock);
	nr_ended = work_locked(fake, count);
	if (nr_ended && !fake->config.silent)
		interrupt_locked(fake, SISL_LISN_RRQ);
	pthread_mutex_unlock(&fake->lock);
	return nr_ended;
}

static unsigned fake_port_run(struct devport_mmio *mmio)
{
	struct fake_port_mmio *mine = (struct fake_port_mmio *)mmio;
	unsigned nr_ended = 0;

	pthread_mutex_lock(&mine->fake->lock);
	if (!mine->dead)
		nr_ended = work_locked(mine->fake, mine->fake->config.manual ? 0 : UINT32_MAX);
	pthread_mutex_unlock(&mine->fake->lock);
	return nr_ended;
}

/* ---- registers ---- */

static void reset_locked(struct fake_port *fake)
{
	trace_locked(fake, "reset");
	if (fake->resets_stopped) {
		fake->resetting = true;
		return;
	}
	fake->nr_held = 0;
	fake->nr_rung = 0;
	fake->sq_head = fake->sq_tail;
}

static void ring_locked(struct fake_port *fake, uint64_t value)
{
	fake->nr_doorbells++;
	if (!fake->room_fixed && fake->nr_rung + fake->nr_held >= fake->config.cmd_room) {
		fake->nr_breaches++;
		return;
	}
	if (fake->nr_rung == MAX_HELD)
		abort();
	fake->rung[fake->nr_rung++] = (struct sisl_ioarcb *)(uintptr_t)value;
}

static void store_locked(struct fake_port *fake, unsigned offset, uint64_t value)
{
	switch (offset) {
	case SISL_RRQ_START:
		fake->rrq_start = fake->rrq_next = value;
		fake->rrq_toggle = 1;
		break;
	case SISL_RRQ_END:
		fake->rrq_end = value;
		break;
	case SISL_SQ_START:
		fake->sq_start = fake->sq_head = fake->sq_tail = value;
		break;
	case SISL_SQ_END:
		fake->sq_end = value;
		break;
	case SISL_SQ_TAIL:
		fake->nr_doorbells++;
		fake->sq_tail = value;
		break;
	case SISL_SQ_CTX_RESET:
		reset_locked(fake);
		break;
	case SISL_IOARRIN:
		if (value == SISL_CTX_RESET)
			reset_locked(fake);
		else
			ring_locked(fake, value);
		break;
	case SISL_INTR_CLEAR:
		fake->status &= ~value;
		break;
	default:
		break;
	}
}

static void fake_port_write64(struct devport_mmio *mmio, unsigned offset, uint64_t value)
{
	struct fake_port_mmio *mine = (struct fake_port_mmio *)mmio;

	pthread_mutex_lock(&mine->fake->lock);
	if (!mine->dead)
		store_locked(mine->fake, offset, value);
	pthread_mutex_unlock(&mine->fake->lock);
}

static uint64_t load_locked(struct fake_port *fake, unsigned offset)
{
	unsigned used = fake->nr_rung + fake->nr_held;

	switch (offset) {
	case SISL_INTR_STATUS:
		return fake->status;
	case SISL_CMD_ROOM:
		return fake->room_fixed || used < fake->config.cmd_room
			       ? fake->config.cmd_room - (fake->room_fixed ? 0 : used)
			       : 0;
	case SISL_IOARRIN:
	case SISL_SQ_CTX_RESET:
		return fake->resetting;
	case SISL_SQ_HEAD:
		return fake->sq_head;
	default:
		return 0;
	}
}

static uint64_t fake_port_read64(struct devport_mmio *mmio, unsigned offset)
{
	struct fake_port_mmio *mine = (struct fake_port_mmio *)mmio;
	uint64_t value = SISL_ALL_ONES;

	pthread_mutex_lock(&mine->fake->lock);
	if (!mine->dead)
		value = load_locked(mine->fake, offset);
	pthread_mutex_unlock(&mine->fake->lock);
	return value;
}

/* ---- fd1, fd2, events ---- */

static int fake_port_open(const char *device, explain_fn explain, void *explain_arg,
			  struct devport **ret_dp)
{
	struct fake_dp *dp;
	unsigned long long address;
	unsigned lun;

	if (sscanf(device, "fake:%llx:%u", &address, &lun) != 2) {
		explain(explain_arg, "not a fake");
		return -ENOENT;
	}
	dp = calloc(1, sizeof(*dp));
	dp->port.ops = &fake_port_ops;
	dp->fake = (struct fake_port *)(uintptr_t)address;
	dp->lun = lun;
	pthread_mutex_lock(&dp->fake->lock);
	trace_locked(dp->fake, "open");
	pthread_mutex_unlock(&dp->fake->lock);
	*ret_dp = &dp->port;
	return 0;
}

static void fake_port_close(struct devport *dp)
{
	free(dp);
}

static int new_fd2_locked(struct fake_port *fake)
{
	fake->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fake->pending_lisn = 0;
	fake->closed_event = false;
	fake->status = 0;
	fake->lost = false;
	return fake->event_fd;
}

static int fake_port_map(struct devport *dp, int adap_fd, size_t bytes,
			 struct devport_mmio **ret_mmio)
{
	struct fake_port *fake = ((struct fake_dp *)dp)->fake;
	struct fake_port_mmio *mmio;

	if (bytes != SISL_MMIO_BYTES || adap_fd != fake->event_fd)
		return -EINVAL;
	pthread_mutex_lock(&fake->lock);
	if (fake->lost || fake->map_refusal.count) {
		int rc = fake->lost ? -EIO : fake->map_refusal.rc;

		fake->map_refusal.count -= fake->map_refusal.count != 0;
		pthread_mutex_unlock(&fake->lock);
		return rc;
	}
	mmio = calloc(1, sizeof(*mmio));
	mmio->mmio.ops = &fake_port_ops;
	mmio->fake = fake;
	fake->mmio = mmio;
	trace_locked(fake, "map");
	pthread_mutex_unlock(&fake->lock);
	*ret_mmio = &mmio->mmio;
	return 0;
}

static void fake_port_unmap(struct devport_mmio *mmio)
{
	struct fake_port_mmio *mine = (struct fake_port_mmio *)mmio;

	if (!mine)
		return;
	pthread_mutex_lock(&mine->fake->lock);
	if (mine->fake->mmio == mine)
		mine->fake->mmio = NULL;
	trace_locked(mine->fake, "unmap");
	pthread_mutex_unlock(&mine->fake->lock);
	free(mine);
}

static int fake_port_close_adap_fd(struct devport *dp, int adap_fd)
{
	struct fake_port *fake = ((struct fake_dp *)dp)->fake;

	pthread_mutex_lock(&fake->lock);
	trace_locked(fake, "close-fd");
	if (adap_fd == fake->event_fd)
		fake->event_fd = -1;
	pthread_mutex_unlock(&fake->lock);
	return close(adap_fd) ? -errno : 0;
}

static int fake_port_event_fd(struct devport_mmio *mmio)
{
	struct fake_port *fake = ((struct fake_port_mmio *)mmio)->fake;
	int fd;

	pthread_mutex_lock(&fake->lock);
	fd = fake->event_fd;
	pthread_mutex_unlock(&fake->lock);
	return fd;
}

static ssize_t event_locked(struct fake_port *fake, void *buf)
{
	struct cxl_evt event = { .header = { CXL_EVT_AFU_INTERRUPT, 16, 0, 0 } };
	uint64_t count;

	if (fake->closed_event)
		return -EIO;
	if (!fake->pending_lisn) {
		if (read(fake->event_fd, &count, sizeof(count)) < 0)
			return -EAGAIN;
		return -EAGAIN;
	}
	event.irq.irq = (uint16_t)__builtin_ctz(fake->pending_lisn);
	fake->pending_lisn &= fake->pending_lisn - 1;
	memcpy(buf, &event, 16);
	return 16;
}

static ssize_t fake_port_event_read(struct devport_mmio *mmio, void *buf, size_t bytes)
{
	struct fake_port *fake = ((struct fake_port_mmio *)mmio)->fake;
	ssize_t rc;

	if (bytes < CXL_EVENT_READ_MIN)
		return -EINVAL;
	pthread_mutex_lock(&fake->lock);
	rc = event_locked(fake, buf);
	pthread_mutex_unlock(&fake->lock);
	return rc;
}

/* ---- the driver ---- */

static uint64_t cookie(const struct fake_port *fake)
{
	return COOKIE_HIGH | fake->process_element;
}

static uint64_t return_flags(const struct fake_port *fake)
{
	return (fake->config.driver_closes_fd ? 0 : DK_RF_APP_CLOSE_ADAP_FD) |
	       (fake->config.sq_mode ? DK_RF_CONTEXT_SQ_CMD_MODE : 0);
}

static int do_attach(struct fake_port *fake, unsigned lun, struct dk_attach *attach)
{
	bool reuse = attach->hdr.flags & DK_AF_REUSE_CONTEXT;

	trace_locked(fake, reuse ? "reuse" : "attach");
	if (attach->num_interrupts > DK_MAX_INTERRUPTS)
		return -EINVAL;
	if (reuse &&
	    (attach->context_id != cookie(fake) || fake->attached & 1u << lun || fake->lost))
		return -EINVAL;
	fake->attached |= 1u << lun;
	attach->context_id = cookie(fake);
	attach->mmio_size = SISL_MMIO_BYTES;
	attach->block_size = fake->config.block_bytes;
	attach->last_lba = fake->config.nr_chunks * SISL_CHUNK_DEV_BLOCKS - 1;
	attach->max_xfer = fake->config.max_xfer_lbas * (4096 / fake->config.block_bytes);
	attach->adap_fd = reuse ? UINT64_MAX : (uint64_t)new_fd2_locked(fake);
	attach->hdr.return_flags = return_flags(fake);
	if (reuse)
		attach->hdr.return_flags &= ~DK_RF_APP_CLOSE_ADAP_FD;
	return 0;
}

static int do_detach(struct fake_port *fake, unsigned lun, const struct dk_detach *detach)
{
	trace_locked(fake, "detach");
	if (detach->context_id != cookie(fake) || !(fake->attached & 1u << lun))
		return -EINVAL;
	fake->attached &= ~(1u << lun);
	if (!fake->attached && fake->config.driver_closes_fd) {
		close(fake->event_fd);
		fake->event_fd = -1;
	}
	return 0;
}

static int do_recover(struct fake_port *fake, struct dk_recover_afu *recover)
{
	trace_locked(fake, "recover");
	if (fake->failed)
		return -ENODEV;
	if (recover->context_id != cookie(fake))
		return -EINVAL;
	if (!fake->lost)
		return 0;
	trace_locked(fake, "renewed");
	fake->process_element++;
	if (fake->config.driver_closes_fd)
		close(fake->event_fd);
	recover->context_id = cookie(fake);
	recover->adap_fd = (uint64_t)new_fd2_locked(fake);
	recover->mmio_size = SISL_MMIO_BYTES;
	recover->hdr.return_flags = return_flags(fake) | DK_RF_CONTEXT_RESET;
	return 0;
}

static int do_open_handle(struct fake_port *fake, const char *word, bool physical,
			  uint64_t *ret_handle, uint64_t context_id)
{
	trace_locked(fake, word);
	if (context_id != cookie(fake) || fake->lost)
		return -EINVAL;
	for (unsigned i = 0; i < FAKE_MAX_HANDLES; i++) {
		struct handle *handle = &fake->handles[i];

		if (handle->open)
			continue;
		if (!handle->media)
			handle->media = calloc(FAKE_MEDIA_LBAS, 4096);
		handle->open = true;
		handle->physical = physical;
		handle->nr_chunks = 0;
		*ret_handle = i;
		return 0;
	}
	return -EMFILE;
}

static struct handle *find_handle(struct fake_port *fake, uint64_t context_id, uint64_t rsrc_handle)
{
	if (context_id != cookie(fake) || rsrc_handle >= FAKE_MAX_HANDLES ||
	    !fake->handles[rsrc_handle].open)
		return NULL;
	return &fake->handles[rsrc_handle];
}

static int do_resize(struct fake_port *fake, struct dk_resize *resize)
{
	struct handle *handle = find_handle(fake, resize->context_id, resize->rsrc_handle);
	uint64_t chunk_lbas = SISL_CHUNK_DEV_BLOCKS * (uint64_t)fake->config.block_bytes / 4096;
	uint64_t wanted = (resize->req_size + chunk_lbas - 1) / chunk_lbas;

	trace_locked(fake, "resize");
	if (!handle)
		return -EINVAL;
	if (wanted > handle->nr_chunks && wanted > fake->grant)
		wanted = fake->grant;
	handle->nr_chunks = wanted;
	resize->last_lba = wanted * chunk_lbas - 1;
	return 0;
}

static int do_release(struct fake_port *fake, struct dk_release *release)
{
	struct handle *handle = find_handle(fake, release->context_id, release->rsrc_handle);

	trace_locked(fake, "release");
	if (!handle)
		return -EINVAL;
	handle->open = false;
	return 0;
}

static int do_verify(struct fake_port *fake, struct dk_verify *verify)
{
	trace_locked(fake, "verify");
	if (!find_handle(fake, verify->context_id, verify->rsrc_handle) || fake->lost)
		return -EINVAL;
	verify->last_lba = 0;
	return 0;
}

static int dispatch_locked(struct fake_port *fake, unsigned lun, unsigned long request, void *arg)
{
	struct dk_uvirtual *uvirtual = arg;
	struct dk_udirect *udirect = arg;

	switch (request) {
	case DK_IOCTL_ATTACH:
		return do_attach(fake, lun, arg);
	case DK_IOCTL_DETACH:
		return do_detach(fake, lun, arg);
	case DK_IOCTL_RECOVER_AFU:
		return do_recover(fake, arg);
	case DK_IOCTL_USER_VIRTUAL:
		return do_open_handle(fake, "virtual", false, &uvirtual->rsrc_handle,
				      uvirtual->context_id);
	case DK_IOCTL_USER_DIRECT:
		return do_open_handle(fake, "direct", true, &udirect->rsrc_handle,
				      udirect->context_id);
	case DK_IOCTL_VLUN_RESIZE:
		return do_resize(fake, arg);
	case DK_IOCTL_RELEASE:
		return do_release(fake, arg);
	case DK_IOCTL_VERIFY:
		return do_verify(fake, arg);
	case DK_IOCTL_VLUN_CLONE:
		trace_locked(fake, "clone");
		return 0;
	default:
		return -EINVAL;
	}
}

static struct refusal *next_refusal_locked(struct fake_port *fake, unsigned long request)
{
	for (unsigned i = 0; i < fake->nr_refusals; i++) {
		struct refusal *refusal = &fake->refusals[i];

		if (refusal->request == request && refusal->count) {
			refusal->count--;
			return refusal;
		}
	}
	return NULL;
}

static int fake_port_ioctl(struct devport *dp, unsigned long request, void *arg)
{
	struct fake_dp *mine = (struct fake_dp *)dp;
	struct fake_port *fake = mine->fake;
	const struct dk_hdr *hdr = arg;
	struct refusal *refusal;
	int rc = -EINVAL;

	pthread_mutex_lock(&fake->lock);
	refusal = next_refusal_locked(fake, request);
	if (hdr->return_flags || hdr->version)
		fake->nr_breaches++;
	else if (!refusal || refusal->after_effect)
		rc = dispatch_locked(fake, mine->lun, request, arg);
	if (refusal)
		rc = refusal->rc;
	pthread_mutex_unlock(&fake->lock);
	return rc;
}

/* More than it has, as a driver may that knows better than its page size says. */
static unsigned fake_port_max_handles(struct devport *dp)
{
	(void)dp;
	return 2 * FAKE_MAX_HANDLES;
}

static bool fake_port_is_synchronous(struct devport *dp)
{
	(void)dp;
	return false;
}

static void fake_port_add_pollers(struct devport *dp, int nr)
{
	(void)dp;
	(void)nr;
}

const struct devport_ops fake_port_ops = {
	.name = "fake",
	.open = fake_port_open,
	.close = fake_port_close,
	.ioctl = fake_port_ioctl,
	.max_handles = fake_port_max_handles,
	.is_synchronous = fake_port_is_synchronous,
	.map = fake_port_map,
	.unmap = fake_port_unmap,
	.close_adap_fd = fake_port_close_adap_fd,
	.read64 = fake_port_read64,
	.write64 = fake_port_write64,
	.run = fake_port_run,
	.add_pollers = fake_port_add_pollers,
	.event_fd = fake_port_event_fd,
	.event_read = fake_port_event_read,
};
