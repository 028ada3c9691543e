/* SPDX-License-Identifier: Apache-2.0 */
/* Fault rules, a line each. A rule that is printed must be the same rule when it is parsed again.
 */
#include <errno.h>
#include <string.h>

#include "emul/fault/fault.h"
#include "fuzz/fuzz.h"

#define NOW_NS 1000000000ull

static void check_printed(const struct emul_fault_table *table, unsigned rule)
{
	static struct emul_fault_table again;
	char text[EMUL_FAULT_TEXT_MAX], text_again[EMUL_FAULT_TEXT_MAX];
	uint64_t seen, taken;

	memset(&again, 0, sizeof(again));
	FUZZ_REQUIRE(!emul_fault_print(table, rule, text, &seen, &taken));
	FUZZ_REQUIRE(emul_fault_add(&again, text, NOW_NS, NULL) == 0);
	FUZZ_REQUIRE(!emul_fault_print(&again, 0, text_again, &seen, &taken));
	FUZZ_REQUIRE(!strcmp(text, text_again));
}

static void use(struct emul_fault_table *table)
{
	struct emul_fault_event event = { .ctx = 1, .handle = 2, .lun = 0, .nr_blocks = 8 };
	struct emul_fault fault;
	uint64_t next_ns;

	for (unsigned point = 1; point < EMUL_FAULT_NR_POINTS; point++)
		for (unsigned i = 0; i < 3; i++)
			if (emul_fault_take(table, point, i ? &event : NULL, &fault))
				emul_fault_link(table, &fault, NOW_NS);
	for (unsigned i = 0; i < 8; i++)
		if (emul_fault_take_due(table, NOW_NS << i, &fault, &next_ns))
			emul_fault_link(table, &fault, NOW_NS << i);
	(void)emul_fault_links_down(table, UINT64_MAX);
	FUZZ_REQUIRE(emul_fault_is_valid(table));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct emul_fault_table table;
	char *text = fuzz_text(data, bytes), why[EMUL_FAULT_TEXT_MAX];
	int rule;

	memset(&table, 0, sizeof(table));
	emul_fault_seed(&table, 1);
	for (char *rest = text; rest;) {
		rule = emul_fault_add(&table, strsep(&rest, "\n"), NOW_NS, why);
		FUZZ_REQUIRE(rule >= 0 || rule == -EINVAL || rule == -ENOSPC);
		if (rule >= 0)
			check_printed(&table, (unsigned)rule);
	}
	FUZZ_REQUIRE(emul_fault_is_valid(&table));
	use(&table);
	FUZZ_REQUIRE(!emul_fault_clear(&table, -1));
	FUZZ_REQUIRE(!table.armed);
	free(text);
	return 0;
}
