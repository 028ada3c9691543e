/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - common parts of the load generators: clock, errors, and a record of operation times.
 *
 * A load generator works in a directory of the measured file system, and prints a line "name value"
 * for each result.
 */
#ifndef CXLFS_TESTS_BENCH_SUPPORT_LOAD_H
#define CXLFS_TESTS_BENCH_SUPPORT_LOAD_H

/** Times of the operations of one kind. */
struct load_times {
	double longest; /* seconds */
	unsigned long nr;
	unsigned long nr_slow; /* longer than 10 ms */
};

/** load_now() - seconds since some moment in the past */
double load_now(void);

/** load_need() - exit with a message of @what and errno unless @ok */
void load_need(int ok, const char *what);

/** load_number() - a positive number of the command line; ends the program when it is none */
long load_number(const char *text);

/** load_note() - one more operation, which began at @start. Return: the time now. */
double load_note(struct load_times *times, double start);

/** load_print() - one number */
void load_print(const char *name, const char *what, double value);

/** load_print_times() - what load_note() has gathered: @name-longest-ms, @name-over-10ms */
void load_print_times(const char *name, const struct load_times *times);

/** load_memory_bytes() - private memory of a process that is in use, RssAnon of proc(5) */
double load_memory_bytes(long pid);

/** load_median() - of @nr values, which are put into order */
double load_median(double *values, unsigned nr);

#endif
