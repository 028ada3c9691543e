/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/flash.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuzz/fuzz.h"

#define MAX_LUNS    2
#define NR_CHUNKS   5
#define CHUNK_LBAS  8
#define MAX_HANDLES 4
/* The machine may be slow, and fuzzers may run only when nothing else does. */
#define PATIENCE_NS 30000000000ull

static struct flash volumes[MAX_LUNS];

static void make(struct flash *flash, unsigned nr_luns)
{
	const struct fake_config config = { .nr_luns = nr_luns,
					    .chunk_lbas = CHUNK_LBAS,
					    .nr_chunks = NR_CHUNKS,
					    .max_handles = MAX_HANDLES,
					    .scrub = true };

	flash->sp = fake_new(&config);
	FUZZ_REQUIRE(!data_volume_new(flash->sp, &flash->volume));
}

struct flash *flash_get(unsigned nr_luns, uint64_t pack_bytes, unsigned idle_ms)
{
	struct flash *flash = &volumes[nr_luns - 1];

	if (!flash->sp)
		make(flash, nr_luns);
	data_volume_set_pack_bytes(flash->volume, pack_bytes);
	data_volume_set_idle_ms(flash->volume, idle_ms);
	return flash;
}

static void end_errors(struct superpipe *sp)
{
	fake_fail_ios(sp, false, 0, 0, 0);
	fake_fail_ios(sp, true, 0, 0, 0);
	for (unsigned call = 0; call < FAKE_NR_CALLS; call++)
		fake_fail_call(sp, call, 0, 0);
	fake_limit_growth(sp, UINT64_MAX);
}

static bool is_free(const struct data_volume_stats *stats)
{
	return stats->nr_free_chunks == stats->nr_chunks &&
	       stats->nr_free_handles == stats->nr_handles;
}

/* The threads of the volume may still release what has just been freed. */
void flash_check(struct flash *flash)
{
	uint64_t end_ns = clock_now_ns() + PATIENCE_NS;
	struct data_volume_stats stats;
	unsigned pause_us = 10;

	end_errors(flash->sp);
	for (data_volume_get_stats(flash->volume, &stats); !is_free(&stats);
	     data_volume_get_stats(flash->volume, &stats)) {
		if (clock_now_ns() > end_ns) {
			fprintf(stderr,
				"%" PRIu64 " of %" PRIu64 " chunks and %" PRIu64 " of %" PRIu64
				" handles are free; %" PRIu64 " of %" PRIu64
				" segments are empty\n",
				stats.nr_free_chunks, stats.nr_chunks, stats.nr_free_handles,
				stats.nr_handles, stats.nr_empty_segments, stats.nr_segments);
			FUZZ_REQUIRE(!"flash is lost");
		}
		usleep(pause_us);
		pause_us += pause_us < 1000 ? pause_us : 0;
	}
	FUZZ_REQUIRE(stats.nr_extents == 0);
	FUZZ_REQUIRE(fake_nr_breaches(flash->sp) == 0);
}
