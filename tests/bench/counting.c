/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to count requests and commands, for cxlfsadm status, top, trace and metrics.
 *
 *	counting [SECONDS]
 *
 * For each case SECONDS (1): nanoseconds for one request that is counted and remembered, and for
 * one group of commands whose latency is added to a histogram.
 */
#include <linux/fuse.h>
#include <stdlib.h>
#include <time.h>

#include "base/ticks.h"
#include "fuse/transport/account.h"
#include "support/load.h"

#define NR_BETWEEN_LOOKS 10000

static double seconds = 1;
static struct account account;
static struct histogram histogram;

static void count_request(unsigned i)
{
	static struct account_request request;
	const struct {
		struct fuse_in_header header;
		struct fuse_read_in in;
	} message = { .header = { .opcode = FUSE_READ, .nodeid = 2, .pid = 3 },
		      .in = { .offset = (uint64_t)i * 4096, .size = 4096 } };

	account_begin(&account, &request, &message.header);
	request.command_ticks = request.start_ticks;
	request.nr_moved = message.in.size;
	account_end(&request);
}

static void count_commands(unsigned i)
{
	uint64_t issued_ticks = ticks_now() - i;

	histogram_add(&histogram, ticks_to_ns(ticks_now() - issued_ticks), 1);
}

/* Of the processor, so that other programs on it do not count. */
static double used_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(const char *name, void (*count)(unsigned i))
{
	double start = used_seconds(), now;
	double nr = 0;

	do {
		for (unsigned i = 0; i < NR_BETWEEN_LOOKS; i++)
			count(i);
		nr += NR_BETWEEN_LOOKS;
		now = used_seconds();
	} while (now < start + seconds);
	load_print(name, "-ns", (now - start) / nr * 1e9);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = (double)load_number(argv[1]);
	account_init(&account);
	measure("request", count_request);
	measure("commands", count_commands);
	account_fini(&account);
	return EXIT_SUCCESS;
}
