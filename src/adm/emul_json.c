/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the state of an emulated adapter as one JSON object. Programs read it: never remove a key.
 */
#include <errno.h>
#include <inttypes.h>

#include "adm/adm.h"
#include "base/json.h"
#include "emul/adapter.h"
#include "emul/store/layout.h"

/* ---- parts ---- */

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		[EMUL_NORMAL] = "normal",
		[EMUL_RESETTING] = "reset",
		[EMUL_FAILED] = "failed",
		[EMUL_FROZEN] = "frozen",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "failed";
}

static struct json_object *geometry(struct json_maker *m, const struct emul_geometry *g)
{
	struct json_object *o = json_object_new_object();

	json_put_number(m, o, "luns", g->nr_luns);
	json_put_number(m, o, "block_bytes", g->block_bytes);
	json_put_number(m, o, "ports", g->nr_ports);
	json_put_number(m, o, "contexts", g->nr_contexts);
	json_put_number(m, o, "handles", g->nr_handles);
	json_put_text(m, o, "mode", g->sq_mode ? "sq" : "ioarrin");
	json_put_number(m, o, "cmd_room", g->cmd_room);
	json_put_bool(m, o, "legacy_fd", g->legacy_fd);
	json_put_bool(m, o, "bugs", g->bugs);
	json_put_text(m, o, "irq", g->irq_all ? "all" : "idle");
	json_put_number(m, o, "seed", g->seed);
	json_put_number(m, o, "read_ns", g->read_ns);
	json_put_number(m, o, "write_ns", g->write_ns);
	json_put_number(m, o, "riops", g->riops);
	json_put_number(m, o, "wiops", g->wiops);
	return o;
}

static const char *mode_name(uint32_t mode)
{
	return mode == EMUL_LUN_VIRTUAL    ? "virtual"
	       : mode == EMUL_LUN_PHYSICAL ? "physical"
					   : "none";
}

static struct json_object *lun(struct json_maker *m, const struct emul_shm *shm, unsigned i)
{
	struct json_object *o = json_object_new_object();
	const struct emul_disk *disk = &shm->disk[i];
	char wwid[2 * DK_WWID_LEN + 1];

	for (unsigned b = 0; b < DK_WWID_LEN; b++)
		snprintf(wwid + 2 * b, 3, "%02x", disk->wwid[b]);
	json_put_number(m, o, "lun", i);
	json_put_text(m, o, "wwid", wwid);
	json_put_number(m, o, "blocks", atomic_load(&disk->nr_blocks));
	json_put_bool(m, o, "superpipe", disk->record[0]);
	if (disk->record[0]) {
		const struct emul_lun *record = &shm->lun[disk->record[0] - 1];

		json_put_text(m, o, "mode", mode_name(record->mode));
		json_put_number(m, o, "open_handles", record->users);
		if (record->allocator_ready) {
			json_put_number(m, o, "chunks", record->nr_chunks);
			json_put_number(m, o, "free_chunks", record->free_chunks);
		}
	}
	return o;
}

static struct json_object *context(struct json_maker *m, const struct emul_ctx *ctx)
{
	struct json_object *o = json_object_new_object();
	char cookie[24];

	snprintf(cookie, sizeof(cookie), "0x%" PRIx64, ctx->cookie);
	json_put_text(m, o, "context_id", cookie);
	json_put_number(m, o, "process", ctx->owner);
	json_put_number(m, o, "process_element", ctx->pe);
	json_put_bool(m, o, "lost", ctx->on_error_list);
	json_put_bool(m, o, "leaked", ctx->leaked);
	return o;
}

static struct json_object *process_element(struct json_maker *m, const struct emul_pe *pe,
					   unsigned i)
{
	struct json_object *o = json_object_new_object();
	uint32_t flags = atomic_load(&pe->flags);

	json_put_number(m, o, "process_element", i);
	json_put_number(m, o, "process", atomic_load(&pe->owner));
	json_put_bool(m, o, "lost", flags & EMUL_PE_LOST);
	json_put_bool(m, o, "closed", flags & EMUL_PE_CLOSED);
	return o;
}

static struct json_object *faults(struct json_maker *m, const struct emul_fault_table *table)
{
	struct json_object *array = json_object_new_array();
	char text[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		struct json_object *o;

		if (emul_fault_print(table, i, text, &seen, &taken))
			continue;
		o = json_object_new_object();
		json_put_number(m, o, "number", i);
		json_put_text(m, o, "rule", text);
		json_put_number(m, o, "matched", seen);
		json_put_number(m, o, "taken", taken);
		json_append(m, array, o);
	}
	return array;
}

/* ---- the whole ---- */

static struct json_object *luns(struct json_maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < emul_geometry(ad)->nr_luns; i++)
		json_append(m, array, lun(m, ad->shm, i));
	return array;
}

static struct json_object *contexts(struct json_maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		if (emul_shm_ctx(ad->shm, i)->used)
			json_append(m, array, context(m, emul_shm_ctx(ad->shm, i)));
	return array;
}

static struct json_object *process_elements(struct json_maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		if (atomic_load(&ad->shm->pe[i].flags) & EMUL_PE_USED)
			json_append(m, array, process_element(m, &ad->shm->pe[i], i));
	return array;
}

static void fill(struct json_maker *m, struct emul_adapter *ad, struct json_object *o)
{
	const struct emul_driver *driver = &ad->shm->driver;

	json_put_text(m, o, "path", ad->path);
	json_put_text(m, o, "state", state_name(atomic_load(&driver->state)));
	json_put_number(m, o, "resets", driver->nr_resets);
	json_put_number(m, o, "recoveries", driver->nr_recoveries);
	json_put(m, o, "geometry", geometry(m, emul_geometry(ad)));
	json_put(m, o, "luns", luns(m, ad));
	json_put(m, o, "contexts", contexts(m, ad));
	json_put(m, o, "process_elements", process_elements(m, ad));
	json_put(m, o, "faults", faults(m, &ad->shm->fault));
}

int adm_print_json(struct emul_adapter *ad, FILE *out)
{
	struct json_object *o = json_object_new_object();
	struct json_maker m = { .failed = !o };
	const char *text = NULL;

	emul_housekeep(ad);
	json_put_number(&m, o, "breaches", emul_audit_total(ad));
	emul_lock(ad);
	fill(&m, ad, o);
	emul_unlock(ad);
	if (!m.failed)
		text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(o);
	return text ? 0 : -ENOMEM;
}
