/* SPDX-License-Identifier: Apache-2.0 */
/* Audit of the programs that use an adapter, and status of the adapter. */
#include <inttypes.h>
#include <unistd.h>

#include "emul/driver/driver.h"

static const char *const breach_texts[EMUL_NR_BREACHES] = {
	[EMUL_FD2_LEFT_OPEN] = "adapter fd left open after detach or recovery",
	[EMUL_FD2_CLOSED_EARLY] = "adapter fd closed while LUNs were attached",
	[EMUL_FD2_FORK_LEAK] = "context leaked by an inherited adapter fd",
	[EMUL_FD2_STRANGER_CLOSED] = "close of a descriptor that is not an adapter fd",
	[EMUL_FD2_FOREIGN_MAP] = "mapping of another process's context",
	[EMUL_FOREIGN_IOCTL] = "ioctl on another process's context",
	[EMUL_MMIO_FOREIGN] = "register access by a process that does not own the context",
	[EMUL_MMIO_MISALIGNED] = "access to something that is not a register",
	[EMUL_MMIO_WRITE_LOST] = "register stores after the context was seen to be lost",
	[EMUL_CMD_ROOM_EXCEEDED] = "commands beyond the command room",
	[EMUL_IOARCB_MISALIGNED] = "misaligned command block or status area",
	[EMUL_IOARCB_OVERLAP] = "command block reused before its completion",
	[EMUL_RRQ_OVERRUN] = "more commands outstanding than completion queue entries",
	[EMUL_BAD_ADDRESS] = "address given to the device that is not in memory",
	[EMUL_BUFFER_TOUCHED] = "data buffer touched while the device owned it",
	[EMUL_WRITE_SAME_ASKED] = "NEED_WRITE_SAME asked for",
	[EMUL_CLONE_MULTI_LUN] = "clone of a context with several LUNs",
	[EMUL_CLONE_PHYSICAL] = "clone of a physical handle",
	[EMUL_TAIL_IO] = "command on chunks that were being released",
};

/* ---- notes ---- */

void emul_audit_note(struct emul_adapter *ad, enum emul_breach breach, int pe, uint64_t detail)
{
	struct emul_audit *audit = &ad->shm->audit;
	uint64_t number = atomic_fetch_add(&audit->next_note, 1);
	struct emul_audit_note *note = &audit->notes[number % EMUL_AUDIT_NOTES];

	atomic_fetch_add(&audit->count[breach], 1);
	atomic_store(&note->seq, 0);
	atomic_store(&note->breach, breach);
	atomic_store(&note->pid, (uint32_t)getpid());
	atomic_store(&note->detail, (uint64_t)(uint16_t)pe << 48 | (detail & 0xffffffffffffull));
	atomic_store(&note->seq, number + 1);
}

void emul_audit_clear(struct emul_adapter *ad)
{
	struct emul_audit *audit = &ad->shm->audit;

	for (unsigned i = 0; i < EMUL_NR_BREACHES; i++)
		atomic_store(&audit->count[i], 0);
	for (unsigned i = 0; i < EMUL_AUDIT_NOTES; i++)
		atomic_store(&audit->notes[i].seq, 0);
}

/* ---- standing breaches ---- */

/** Counts contexts that can never be freed, and fd2s whose context no longer exists. */
static void count_standing_locked(struct emul_adapter *ad, unsigned *ret_contexts,
				  unsigned *ret_fds)
{
	*ret_contexts = 0;
	*ret_fds = 0;
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		*ret_contexts += emul_ctx_at(ad, i)->used && emul_ctx_at(ad, i)->leaked;
	for (unsigned i = 0; i < EMUL_MAX_PES; i++) {
		struct emul_pe *pe = &ad->shm->pe[i];

		if (atomic_load(&pe->flags) & EMUL_PE_USED &&
		    !emul_ctx_by_pe(ad, i, atomic_load(&pe->generation)))
			++*ret_fds;
	}
}

static void count_standing(struct emul_adapter *ad, unsigned *ret_contexts, unsigned *ret_fds)
{
	emul_lock(ad);
	emul_housekeep_locked(ad);
	count_standing_locked(ad, ret_contexts, ret_fds);
	emul_unlock(ad);
}

uint64_t emul_audit_total(struct emul_adapter *ad)
{
	unsigned contexts, fds;
	uint64_t total;

	/* First, because it may count more breaches. */
	count_standing(ad, &contexts, &fds);
	total = contexts + fds;
	for (unsigned i = 0; i < EMUL_NR_BREACHES; i++)
		total += atomic_load(&ad->shm->audit.count[i]);
	return total;
}

/* ---- printing ---- */

static void print_notes(const struct emul_audit *audit, enum emul_breach breach, FILE *out)
{
	uint64_t next = atomic_load(&audit->next_note);
	uint64_t number = next > EMUL_AUDIT_NOTES ? next - EMUL_AUDIT_NOTES : 0;

	for (; number < next; number++) {
		const struct emul_audit_note *note = &audit->notes[number % EMUL_AUDIT_NOTES];
		uint64_t detail = atomic_load(&note->detail);

		if (atomic_load(&note->seq) != number + 1 || atomic_load(&note->breach) != breach)
			continue;
		fprintf(out, "  process %" PRIu32, atomic_load(&note->pid));
		if ((uint16_t)(detail >> 48) != UINT16_MAX)
			fprintf(out, ", process element %u", (unsigned)(detail >> 48));
		fprintf(out, ", 0x%" PRIx64 "\n", detail & UINT64_C(0xffffffffffff));
	}
}

void emul_audit_print(struct emul_adapter *ad, FILE *out)
{
	const struct emul_audit *audit = &ad->shm->audit;
	unsigned contexts, fds;

	count_standing(ad, &contexts, &fds);
	for (unsigned i = 0; i < EMUL_NR_BREACHES; i++) {
		uint64_t count = atomic_load(&audit->count[i]);

		if (!count)
			continue;
		fprintf(out, "%" PRIu64 " x %s\n", count, breach_texts[i]);
		print_notes(audit, i, out);
	}
	if (contexts)
		fprintf(out, "now: %u contexts leaked\n", contexts);
	if (fds)
		fprintf(out, "now: %u adapter fds open without a context\n", fds);
}

/* ---- status ---- */

static const char *state_name(uint32_t state)
{
	switch (state) {
	case EMUL_NORMAL:
		return "normal";
	case EMUL_RESETTING:
		return "in reset";
	case EMUL_FROZEN:
		return "frozen";
	default:
		return "failed";
	}
}

static const char *mode_name(uint32_t mode)
{
	switch (mode) {
	case EMUL_LUN_VIRTUAL:
		return "virtual";
	case EMUL_LUN_PHYSICAL:
		return "physical";
	default:
		return "unused";
	}
}

static void print_geometry(const struct emul_geometry *g, FILE *out)
{
	fprintf(out,
		"luns %" PRIu32 ", block size %" PRIu32 ", ports %" PRIu32 ", contexts %" PRIu32
		", handles %" PRIu32 ", mode %s%s\n",
		g->nr_luns, g->block_bytes, g->nr_ports, g->nr_contexts, g->nr_handles,
		g->sq_mode ? "sq" : "ioarrin", g->legacy_fd ? ", legacy_fd" : "");
	if (g->read_ns || g->write_ns)
		fprintf(out, "latency read %" PRIu64 " ns, write %" PRIu64 " ns\n", g->read_ns,
			g->write_ns);
}

static void print_lun(struct emul_adapter *ad, unsigned i, FILE *out)
{
	const struct emul_disk *disk = &ad->shm->disk[i];
	const struct emul_lun *lun = disk->record[0] ? &ad->shm->lun[disk->record[0] - 1] : NULL;

	fprintf(out, "lun %u: ", i);
	for (unsigned b = 0; b < DK_WWID_LEN; b++)
		fprintf(out, "%02x", disk->wwid[b]);
	fprintf(out, ", %" PRIu64 " blocks", atomic_load(&disk->nr_blocks));
	if (!lun) {
		fprintf(out, ", legacy mode\n");
		return;
	}
	fprintf(out, ", %s, %" PRIu32 " handles", mode_name(lun->mode), lun->users);
	if (lun->allocator_ready)
		fprintf(out, ", %" PRIu64 " of %" PRIu64 " chunks free", lun->free_chunks,
			lun->nr_chunks);
	fputc('\n', out);
}

static void print_context(struct emul_adapter *ad, unsigned i, FILE *out)
{
	struct emul_ctx *ctx = emul_ctx_at(ad, i);

	if (!ctx->used)
		return;
	fprintf(out,
		"context 0x%" PRIx64 ": process %" PRIu32 ", process element %" PRIu32
		", %u luns, %" PRIu32 " handles%s%s\n",
		ctx->cookie, ctx->owner, ctx->pe, emul_ctx_nr_luns(ctx), emul_res_nr_open(ad, ctx),
		ctx->on_error_list ? ", lost by a reset" : "", ctx->leaked ? ", leaked" : "");
}

static void print_pe(struct emul_adapter *ad, unsigned i, FILE *out)
{
	struct emul_pe *pe = &ad->shm->pe[i];
	uint32_t flags = atomic_load(&pe->flags);

	if (!(flags & EMUL_PE_USED))
		return;
	fprintf(out, "process element %u: process %" PRIu32 "%s%s%s%s\n", i,
		atomic_load(&pe->owner), flags & EMUL_PE_LOST ? ", lost" : "",
		flags & EMUL_PE_CLOSED ? ", closed" : "", flags & EMUL_PE_LEAKED ? ", leaked" : "",
		emul_ctx_by_pe(ad, i, atomic_load(&pe->generation)) ? "" : ", without context");
}

void emul_status_print(struct emul_adapter *ad, FILE *out)
{
	const struct emul_driver *driver = &ad->shm->driver;

	emul_lock(ad);
	emul_housekeep_locked(ad);
	fprintf(out,
		"adapter %s, %" PRIu64 " resets, %" PRIu64 " recoveries, %" PRIu64
		" contexts ended with their process\n",
		state_name(atomic_load(&driver->state)), driver->nr_resets, driver->nr_recoveries,
		driver->nr_owner_deaths);
	print_geometry(emul_geometry(ad), out);
	for (unsigned i = 0; i < emul_geometry(ad)->nr_luns; i++)
		print_lun(ad, i, out);
	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		print_context(ad, i, out);
	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		print_pe(ad, i, out);
	emul_unlock(ad);
}
