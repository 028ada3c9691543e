/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the state of an emulated adapter as one JSON object. Programs read it: never remove a key.
 */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>

#include "adm/adm.h"
#include "emul/adapter.h"
#include "emul/store/layout.h"

/** State while the object is built. */
struct maker {
	bool failed; /* out of memory */
};

/* Takes ownership of @value. */
static void put(struct maker *m, struct json_object *object, const char *key,
		struct json_object *value)
{
	if (!object || !value || json_object_object_add(object, key, value) != 0) {
		json_object_put(value);
		m->failed = true;
	}
}

static void append(struct maker *m, struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) != 0) {
		json_object_put(value);
		m->failed = true;
	}
}

static void put_number(struct maker *m, struct json_object *object, const char *key, uint64_t n)
{
	put(m, object, key, json_object_new_uint64(n));
}

static void put_bool(struct maker *m, struct json_object *object, const char *key, bool value)
{
	put(m, object, key, json_object_new_boolean(value));
}

static void put_text(struct maker *m, struct json_object *object, const char *key, const char *text)
{
	put(m, object, key, json_object_new_string(text));
}

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

static struct json_object *geometry(struct maker *m, const struct emul_geometry *g)
{
	struct json_object *o = json_object_new_object();

	put_number(m, o, "luns", g->nr_luns);
	put_number(m, o, "block_bytes", g->block_bytes);
	put_number(m, o, "ports", g->nr_ports);
	put_number(m, o, "contexts", g->nr_contexts);
	put_number(m, o, "handles", g->nr_handles);
	put_text(m, o, "mode", g->sq_mode ? "sq" : "ioarrin");
	put_number(m, o, "cmd_room", g->cmd_room);
	put_bool(m, o, "legacy_fd", g->legacy_fd);
	put_bool(m, o, "bugs", g->bugs);
	put_text(m, o, "irq", g->irq_all ? "all" : "idle");
	put_number(m, o, "seed", g->seed);
	put_number(m, o, "read_ns", g->read_ns);
	put_number(m, o, "write_ns", g->write_ns);
	put_number(m, o, "riops", g->riops);
	put_number(m, o, "wiops", g->wiops);
	return o;
}

static const char *mode_name(uint32_t mode)
{
	return mode == EMUL_LUN_VIRTUAL    ? "virtual"
	       : mode == EMUL_LUN_PHYSICAL ? "physical"
					   : "none";
}

static struct json_object *lun(struct maker *m, const struct emul_shm *shm, unsigned i)
{
	struct json_object *o = json_object_new_object();
	const struct emul_disk *disk = &shm->disk[i];
	char wwid[2 * DK_WWID_LEN + 1];

	for (unsigned b = 0; b < DK_WWID_LEN; b++)
		snprintf(wwid + 2 * b, 3, "%02x", disk->wwid[b]);
	put_number(m, o, "lun", i);
	put_text(m, o, "wwid", wwid);
	put_number(m, o, "blocks", atomic_load(&disk->nr_blocks));
	put_bool(m, o, "superpipe", disk->record[0]);
	if (disk->record[0]) {
		const struct emul_lun *record = &shm->lun[disk->record[0] - 1];

		put_text(m, o, "mode", mode_name(record->mode));
		put_number(m, o, "open_handles", record->users);
		if (record->allocator_ready) {
			put_number(m, o, "chunks", record->nr_chunks);
			put_number(m, o, "free_chunks", record->free_chunks);
		}
	}
	return o;
}

static struct json_object *context(struct maker *m, const struct emul_ctx *ctx)
{
	struct json_object *o = json_object_new_object();
	char cookie[24];

	snprintf(cookie, sizeof(cookie), "0x%" PRIx64, ctx->cookie);
	put_text(m, o, "context_id", cookie);
	put_number(m, o, "process", ctx->owner);
	put_number(m, o, "process_element", ctx->pe);
	put_bool(m, o, "lost", ctx->on_error_list);
	put_bool(m, o, "leaked", ctx->leaked);
	return o;
}

static struct json_object *process_element(struct maker *m, const struct emul_pe *pe, unsigned i)
{
	struct json_object *o = json_object_new_object();
	uint32_t flags = atomic_load(&pe->flags);

	put_number(m, o, "process_element", i);
	put_number(m, o, "process", atomic_load(&pe->owner));
	put_bool(m, o, "lost", flags & EMUL_PE_LOST);
	put_bool(m, o, "closed", flags & EMUL_PE_CLOSED);
	return o;
}

static struct json_object *faults(struct maker *m, const struct emul_fault_table *table)
{
	struct json_object *array = json_object_new_array();
	char text[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		struct json_object *o;

		if (emul_fault_print(table, i, text, &seen, &taken))
			continue;
		o = json_object_new_object();
		put_number(m, o, "number", i);
		put_text(m, o, "rule", text);
		put_number(m, o, "matched", seen);
		put_number(m, o, "taken", taken);
		append(m, array, o);
	}
	return array;
}

/* ---- the whole ---- */

static struct json_object *luns(struct maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < emul_geometry(ad)->nr_luns; i++)
		append(m, array, lun(m, ad->shm, i));
	return array;
}

static struct json_object *contexts(struct maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < EMUL_MAX_CTXS; i++)
		if (emul_shm_ctx(ad->shm, i)->used)
			append(m, array, context(m, emul_shm_ctx(ad->shm, i)));
	return array;
}

static struct json_object *process_elements(struct maker *m, struct emul_adapter *ad)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < EMUL_MAX_PES; i++)
		if (atomic_load(&ad->shm->pe[i].flags) & EMUL_PE_USED)
			append(m, array, process_element(m, &ad->shm->pe[i], i));
	return array;
}

static void fill(struct maker *m, struct emul_adapter *ad, struct json_object *o)
{
	const struct emul_driver *driver = &ad->shm->driver;

	put_text(m, o, "path", ad->path);
	put_text(m, o, "state", state_name(atomic_load(&driver->state)));
	put_number(m, o, "resets", driver->nr_resets);
	put_number(m, o, "recoveries", driver->nr_recoveries);
	put(m, o, "geometry", geometry(m, emul_geometry(ad)));
	put(m, o, "luns", luns(m, ad));
	put(m, o, "contexts", contexts(m, ad));
	put(m, o, "process_elements", process_elements(m, ad));
	put(m, o, "faults", faults(m, &ad->shm->fault));
}

int adm_print_json(struct emul_adapter *ad, FILE *out)
{
	struct json_object *o = json_object_new_object();
	struct maker m = { .failed = !o };
	const char *text = NULL;

	emul_housekeep(ad);
	put_number(&m, o, "breaches", emul_audit_total(ad));
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
