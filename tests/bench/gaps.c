/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only reads the clock, and reports how long the machine stalls a program.
 *
 *	gaps SECONDS
 *
 * On an idle machine the kernel's interrupts or the host of a virtual machine cause a stall. Any
 * operation of a file system may take as long.
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
