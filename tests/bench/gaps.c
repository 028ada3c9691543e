/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do nothing but look at the clock: for how long at a time the machine lets no program run.
 *
 *	gaps SECONDS
 *
 * On a machine that does nothing else a gap is the kernel's, on interrupts, or the host's of a
 * virtual one. No operation of a file system can be sure to be shorter.
 */
#include "support/load.h"

int main(int argc, char **argv)
{
	struct load_times times = { 0 };
	double last, end;

	load_need(argc == 2, "usage: gaps SECONDS");
	last = load_now();
	end = last + (double)load_number(argv[1]);
	while (last < end)
		last = load_note(&times, last);
	load_print_times("gap", &times);
	return 0;
}
