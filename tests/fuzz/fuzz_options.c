/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of cxlfs. An input is its arguments, a line each. */
#include <string.h>

#include "daemon/options.h"
#include "fuzz/fuzz.h"

#define MAX_ARGUMENTS 32

static char **arguments_of(char *text, int *ret_count)
{
	char **arguments = calloc(MAX_ARGUMENTS + 2, sizeof(*arguments));
	int count = 1;

	FUZZ_REQUIRE(arguments);
	arguments[0] = "cxlfs";
	for (char *rest = text; rest && count <= MAX_ARGUMENTS;)
		arguments[count++] = strsep(&rest, "\n");
	*ret_count = count;
	return arguments;
}

static void check(const struct options *options)
{
	FUZZ_REQUIRE(options->device_list && options->mountpoint && options->words);
	FUZZ_REQUIRE(options->nr_devices >= 1 && options->nr_devices <= SUPERPIPE_MAX_LUNS);
	for (unsigned i = 0; i < options->nr_devices; i++)
		FUZZ_REQUIRE(options->devices[i] && *options->devices[i]);
	FUZZ_REQUIRE(options->threads <= 1024 && options->ring_depth <= 1024);
	FUZZ_REQUIRE(options->queue_depth <= 8192 && options->busy_poll_us <= 1000000);
	FUZZ_REQUIRE(options->limits.max_inodes <= UINT32_MAX && options->root_mode <= 07777);
	FUZZ_REQUIRE(!options->physical || !options->writeback);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = fuzz_text(data, bytes);
	const struct explainer to = { NULL, NULL };
	struct options options;
	char **arguments;
	int count;

	arguments = arguments_of(text, &count);
	if (options_parse(count, arguments, &to, &options) == OPTIONS_RUN)
		check(&options);
	options_free(&options);
	free(arguments);
	free(text);
	return 0;
}
