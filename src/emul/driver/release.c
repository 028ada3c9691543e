/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/driver/release.h"

#include "base/clock.h"
#include "emul/driver/ctx.h"
#include "emul/driver/driver.h"
#include "emul/driver/fd2.h"
#include "emul/driver/process.h"

/* Minimum time between two checks in /proc of the processes that may hold an fd2. */
#define PROCESS_CHECK_NS 20000000ull

static void free_pe(struct emul_adapter *ad, unsigned number)
{
	emul_pe_disconnect_locked(ad, number);
	atomic_store(&ad->shm->pe[number].flags, 0);
	emul_wake(ad);
}

void emul_pe_release_locked(struct emul_adapter *ad, unsigned number,
			    const struct emul_closer *closer)
{
	struct emul_pe *pe = &ad->shm->pe[number];
	struct emul_ctx *ctx = emul_ctx_by_pe(ad, number, atomic_load(&pe->generation));

	if (ctx && ctx->owner == closer->tgid) {
		if (closer->exiting)
			ad->shm->driver.nr_owner_deaths++;
		else
			emul_audit_note(ad, EMUL_FD2_CLOSED_EARLY, (int)number, closer->tgid);
		emul_detach_all_locked(ad, ctx);
	} else if (ctx && ctx->owner == closer->parent) {
		emul_audit_note(ad, EMUL_FD2_FORK_LEAK, (int)number, closer->tgid);
		ctx->leaked = 1;
		atomic_fetch_or(&pe->flags, EMUL_PE_LEAKED);
		return;
	} else if (ctx) {
		emul_audit_note(ad, EMUL_FD2_FORK_LEAK, (int)number, closer->tgid);
		ctx->leaked = 1;
	} else if (pe->left_open) {
		emul_audit_note(ad, EMUL_FD2_LEFT_OPEN, (int)number, closer->tgid);
	}
	free_pe(ad, number);
}

/* ---- closes outside this interface ---- */

static bool owner_alive(const struct emul_pe *pe)
{
	return process_alive(atomic_load(&pe->owner), pe->owner_start);
}

/* Records which processes cannot hold the remaining reference to a PE. */
static void note_ended_processes(struct emul_adapter *ad, unsigned number)
{
	struct emul_pe *pe = &ad->shm->pe[number];

	/* The order matters: a reference seen after the owner ended belongs to another process. */
	if (!pe->owner_died && process_gone(atomic_load(&pe->owner), pe->owner_start) &&
	    emul_pe_is_referenced(ad, number))
		pe->owner_died = 1;
	for (unsigned i = 0; i < EMUL_MAX_COPIES; i++)
		if (pe->copies[i] && process_gone(pe->copies[i], 0))
			pe->copies[i] = 0;
}

/*
 * Works out which process dropped the last reference. If the owner dropped its own earlier, or
 * ended earlier, a process that inherited the descriptor held the last one.
 */
static struct emul_closer find_closer(const struct emul_pe *pe)
{
	uint32_t owner = atomic_load(&pe->owner);
	bool alive = owner_alive(pe);

	if (pe->owner_died)
		return (struct emul_closer){ .exiting = true };
	if (pe->owner_dropped)
		return (struct emul_closer){ .parent = alive ? owner : 0, .exiting = true };
	return (struct emul_closer){ .tgid = owner, .exiting = !alive };
}

bool emul_pe_is_busy(struct emul_adapter *ad, unsigned pe)
{
	struct emul_ctx *ctx = emul_ctx_by_pe(ad, pe, atomic_load(&ad->shm->pe[pe].generation));

	return ctx && ctx->busy && process_alive(ctx->busy_pid, ctx->busy_start);
}

static bool process_check_is_due(struct emul_adapter *ad)
{
	uint64_t ns = clock_now_ns();

	if (ns < ad->shm->driver.next_process_check_ns)
		return false;
	ad->shm->driver.next_process_check_ns = ns + PROCESS_CHECK_NS;
	return true;
}

void emul_pe_reap_locked(struct emul_adapter *ad)
{
	bool check_processes = process_check_is_due(ad);

	for (unsigned i = EMUL_FIRST_USER_PE; i < EMUL_MAX_PES; i++) {
		struct emul_pe *pe = &ad->shm->pe[i];
		uint32_t flags = atomic_load(&pe->flags);
		struct emul_closer closer;

		if (!(flags & EMUL_PE_USED) || flags & EMUL_PE_LEAKED)
			continue;
		if (emul_pe_is_referenced(ad, i)) {
			if (check_processes)
				note_ended_processes(ad, i);
			continue;
		}
		if (emul_pe_is_busy(ad, i))
			continue;
		closer = find_closer(pe);
		emul_pe_release_locked(ad, i, &closer);
	}
}
