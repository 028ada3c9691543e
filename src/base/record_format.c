/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t record_checksum(uint64_t before, const void *head, size_t head_bytes, const void *payload,
			 size_t payload_bytes)
{
	uint64_t sum = XXH3_64bits_withSeed(head, head_bytes, before);

	return XXH3_64bits_withSeed(payload, payload_bytes, sum);
}
