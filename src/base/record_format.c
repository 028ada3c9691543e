/* SPDX-License-Identifier: Apache-2.0 */
#include "base/record_format.h"

#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t record_checksum(uint64_t before, const void *head, size_t head_bytes, const void *payload,
			 size_t payload_bytes)
{
	uint64_t sum = XXH3_64bits_withSeed(head, head_bytes, before);

	return XXH3_64bits_withSeed(payload, payload_bytes, sum);
}

/* Not malloc(): AddressSanitizer would spend more time on this much memory than a short stream
 * takes. */
uint8_t *record_buf_new(void)
{
	void *buf = mmap(NULL, RECORD_BUF_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return buf == MAP_FAILED ? NULL : buf;
}

void record_buf_free(uint8_t *buf)
{
	if (buf)
		munmap(buf, RECORD_BUF_BYTES);
}
