/* SPDX-License-Identifier: Apache-2.0 */
#include "emul/fault/fault.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "emul/fault/rule.h"

/*
 * A slot is a sequence lock, so readers in other processes never wait. If a writer dies, the
 * sequence number stays odd: readers skip the slot, and the next write to it repairs it.
 */
static bool slot_read(const struct emul_fault_slot *slot, struct emul_fault_rule *ret_rule)
{
	uint64_t words[EMUL_FAULT_RULE_WORDS];
	uint64_t seq = atomic_load_explicit(&slot->seq, memory_order_acquire);

	if (seq == 0 || (seq & 1))
		return false;
	for (unsigned i = 0; i < EMUL_FAULT_RULE_WORDS; i++)
		words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
	if (atomic_load_explicit(&slot->seq, memory_order_relaxed) != seq)
		return false;
	memcpy(ret_rule, words, sizeof(*ret_rule));
	return ret_rule->live;
}

static void slot_write(struct emul_fault_slot *slot, const struct emul_fault_rule *rule)
{
	uint64_t words[EMUL_FAULT_RULE_WORDS] = { 0 };
	uint64_t seq = atomic_load(&slot->seq) | 1;

	memcpy(words, rule, sizeof(*rule));
	atomic_store(&slot->seq, seq);
	for (unsigned i = 0; i < EMUL_FAULT_RULE_WORDS; i++)
		atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
	atomic_store(&slot->seq, seq + 1);
}

/* The events that a rule at @point can hit. */
static uint32_t points_of(enum emul_fault_point point)
{
	uint32_t mask = 1u << point;

	if (point == EMUL_FAULT_AT_COMMAND)
		mask |= 1u << EMUL_FAULT_AT_READ | 1u << EMUL_FAULT_AT_WRITE;
	if (point == EMUL_FAULT_AT_IOCTL)
		for (unsigned p = EMUL_FAULT_AT_ATTACH; p <= EMUL_FAULT_AT_CLONE; p++)
			mask |= 1u << p;
	return mask;
}

static void rearm(struct emul_fault_table *table)
{
	struct emul_fault_rule rule;
	uint32_t armed = 0;

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++)
		if (slot_read(&table->slots[i], &rule))
			armed |= points_of(rule.point);
	atomic_store(&table->armed, armed);
}

static bool ranges_overlap(const struct emul_fault_range *range, uint64_t first, uint64_t nr)
{
	if (range->first > range->last)
		return true;
	if (nr == 0)
		return false;
	return first < range->first ? range->first - first < nr : first <= range->last;
}

static bool event_matches(const struct emul_fault_rule *rule, const struct emul_fault_event *event)
{
	if (rule->ctx >= 0 && rule->ctx != event->ctx)
		return false;
	if (rule->handle >= 0 && rule->handle != event->handle)
		return false;
	if (rule->lun >= 0 && rule->lun != event->lun)
		return false;
	return ranges_overlap(&rule->lba, event->lba, event->nr_blocks) &&
	       ranges_overlap(&rule->media, event->media, event->nr_blocks);
}

/* A 64-bit hash; the multipliers are arbitrary odd numbers. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x9d8f3b5a6c47e1f3ull;
	x ^= x >> 29;
	x *= 0xc2b7f0d1895a3e6dull;
	return x ^ x >> 32;
}

static bool is_selected(const struct emul_fault_table *table, unsigned index,
			const struct emul_fault_rule *rule, uint64_t ordinal)
{
	uint64_t seed = atomic_load_explicit(&table->seed, memory_order_relaxed);

	if (rule->n && ordinal != rule->n)
		return false;
	if (rule->every && ordinal % rule->every != 0)
		return false;
	if (rule->prob_b)
		return mix(mix(seed + index) + ordinal) % rule->prob_b < rule->prob_a;
	return true;
}

/* Counts a hit, unless the rule has reached its times=. */
static bool use_once(struct emul_fault_slot *slot, const struct emul_fault_rule *rule)
{
	uint64_t taken = atomic_load_explicit(&slot->taken, memory_order_relaxed);

	do {
		if (rule->times && taken >= rule->times)
			return false;
	} while (!atomic_compare_exchange_weak(&slot->taken, &taken, taken + 1));
	return true;
}

static void log_fired(const struct emul_fault_rule *rule)
{
	char text[EMUL_FAULT_TEXT_MAX];

	if (!log_debug_enabled(LOGC_EMUL))
		return;
	emul_fault_format(rule, text);
	log_debug_message(LOGC_EMUL, "fault: %s", text);
}

bool emul_fault_take(struct emul_fault_table *table, enum emul_fault_point point,
		     const struct emul_fault_event *event, struct emul_fault *ret_fault)
{
	static const struct emul_fault_event none = EMUL_FAULT_EVENT_NONE;
	struct emul_fault_rule rule;
	bool hit = false;

	if (!emul_fault_armed(table, point))
		return false;
	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		struct emul_fault_slot *slot = &table->slots[i];

		if (!slot_read(slot, &rule) || !(points_of(rule.point) & 1u << point) ||
		    !event_matches(&rule, event ? event : &none))
			continue;
		if (!is_selected(table, i, &rule, atomic_fetch_add(&slot->seen, 1) + 1) || hit)
			continue;
		hit = use_once(slot, &rule);
		if (hit) {
			log_fired(&rule);
			*ret_fault = rule.fault;
		}
	}
	return hit;
}

/* Sets a timed rule's next time; false if another process has just done that. */
static bool advance_timer(struct emul_fault_slot *slot, uint64_t due, uint64_t now, uint64_t period)
{
	uint64_t next = due + period * ((now - due) / period + 1);

	return atomic_compare_exchange_strong(&slot->due_ns, &due, next);
}

bool emul_fault_take_due(struct emul_fault_table *table, uint64_t now_ns,
			 struct emul_fault *ret_fault, uint64_t *ret_next_ns)
{
	struct emul_fault_rule rule;
	uint64_t next = UINT64_MAX;

	*ret_next_ns = UINT64_MAX;
	if (!emul_fault_armed(table, EMUL_FAULT_AT_TIME))
		return false;
	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		struct emul_fault_slot *slot = &table->slots[i];
		uint64_t due;

		if (!slot_read(slot, &rule) || rule.point != EMUL_FAULT_AT_TIME)
			continue;
		if (rule.times && atomic_load(&slot->taken) >= rule.times)
			continue;
		due = atomic_load(&slot->due_ns);
		if (due <= now_ns && advance_timer(slot, due, now_ns, rule.every_ns) &&
		    is_selected(table, i, &rule, atomic_fetch_add(&slot->seen, 1) + 1) &&
		    use_once(slot, &rule)) {
			log_fired(&rule);
			*ret_fault = rule.fault;
			*ret_next_ns = now_ns;
			return true;
		}
		due = atomic_load(&slot->due_ns);
		next = due < next ? due : next;
	}
	*ret_next_ns = next;
	return false;
}

void emul_fault_link(struct emul_fault_table *table, const struct emul_fault *fault,
		     uint64_t now_ns)
{
	uint32_t bit = 1u << fault->port;

	if (fault->port >= EMUL_FAULT_PORTS)
		return;
	if (fault->action == EMUL_FAULT_LINK_UP) {
		atomic_store(&table->link_up_ns[fault->port], 0);
		atomic_fetch_and(&table->links_down, ~bit);
		return;
	}
	atomic_store(&table->link_up_ns[fault->port],
		     fault->ms ? now_ns + fault->ms * 1000000ull : 0);
	atomic_fetch_or(&table->links_down, bit);
}

uint32_t emul_fault_links_down(struct emul_fault_table *table, uint64_t now_ns)
{
	uint32_t down = atomic_load(&table->links_down);

	for (unsigned port = 0; port < EMUL_FAULT_PORTS; port++) {
		uint64_t up_ns = atomic_load(&table->link_up_ns[port]);

		if (!(down & 1u << port) || up_ns == 0 || up_ns > now_ns)
			continue;
		if (atomic_compare_exchange_strong(&table->link_up_ns[port], &up_ns, 0))
			atomic_fetch_and(&table->links_down, ~(1u << port));
		down &= ~(1u << port);
	}
	return down;
}

bool emul_fault_is_valid(const struct emul_fault_table *table)
{
	struct emul_fault_rule rule, parsed;
	char text[EMUL_FAULT_TEXT_MAX];

	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		if (!slot_read(&table->slots[i], &rule))
			continue;
		if (rule.point >= EMUL_FAULT_NR_POINTS || rule.fault.kind > EMUL_RESET_FREEZE)
			return false;
		emul_fault_format(&rule, text);
		if (emul_fault_parse(text, &parsed, NULL) || memcmp(&rule, &parsed, sizeof(rule)))
			return false;
	}
	return true;
}

void emul_fault_seed(struct emul_fault_table *table, uint64_t seed)
{
	atomic_store(&table->seed, seed);
}

int emul_fault_add(struct emul_fault_table *table, const char *text, uint64_t now_ns, char *why)
{
	struct emul_fault_rule rule, old;
	int ret = emul_fault_parse(text, &rule, why);

	if (ret)
		return ret;
	for (unsigned i = 0; i < EMUL_FAULT_RULES; i++) {
		struct emul_fault_slot *slot = &table->slots[i];

		if (slot_read(slot, &old))
			continue;
		atomic_store(&slot->seen, 0);
		atomic_store(&slot->taken, 0);
		atomic_store(&slot->due_ns, now_ns + rule.every_ns);
		slot_write(slot, &rule);
		rearm(table);
		return (int)i;
	}
	if (why)
		strcpy(why, "the adapter already has the maximum number of fault rules");
	return -ENOSPC;
}

int emul_fault_print(const struct emul_fault_table *table, unsigned index, char *text,
		     uint64_t *ret_seen, uint64_t *ret_taken)
{
	struct emul_fault_rule rule;

	if (index >= EMUL_FAULT_RULES || !slot_read(&table->slots[index], &rule))
		return -ENOENT;
	emul_fault_format(&rule, text);
	*ret_seen = atomic_load(&table->slots[index].seen);
	*ret_taken = atomic_load(&table->slots[index].taken);
	return 0;
}

int emul_fault_clear(struct emul_fault_table *table, int index)
{
	static const struct emul_fault_rule dead;
	struct emul_fault_rule rule;
	bool all = index < 0;

	if (!all && (index >= EMUL_FAULT_RULES || !slot_read(&table->slots[index], &rule)))
		return -ENOENT;
	for (int i = all ? 0 : index; i < (all ? EMUL_FAULT_RULES : index + 1); i++)
		slot_write(&table->slots[i], &dead);
	rearm(table);
	if (all) {
		atomic_store(&table->links_down, 0);
		for (unsigned port = 0; port < EMUL_FAULT_PORTS; port++)
			atomic_store(&table->link_up_ns[port], 0);
	}
	return 0;
}
