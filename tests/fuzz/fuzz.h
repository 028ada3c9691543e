/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz - what the fuzzers share.
 *
 * Each fuzz_NAME.c defines LLVMFuzzerTestOneInput(). `make fuzz` links it with libFuzzer, which
 * invents inputs. All other builds link it with replay.c, which runs the inputs in corpus/NAME.
 */
#ifndef CXLFS_TESTS_FUZZ_FUZZ_H
#define CXLFS_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* A violation ends the process, so that libFuzzer keeps the input. */
#define FUZZ_REQUIRE(condition)                                                                   \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/** struct fuzz_input - the part of an input that has not been used yet */
struct fuzz_input {
	const uint8_t *data;
	size_t bytes;
};

/** fuzz_take() - the next @bytes bytes as a little-endian number; what is missing counts as 0 */
static inline uint64_t fuzz_take(struct fuzz_input *input, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes && input->bytes; i++) {
		value |= (uint64_t)*input->data++ << (8 * i);
		input->bytes--;
	}
	return value;
}

/** fuzz_text() - a copy of all that is left, with a NUL; the caller frees it */
static inline char *fuzz_text(const uint8_t *data, size_t bytes)
{
	char *text = malloc(bytes + 1);

	FUZZ_REQUIRE(text);
	for (size_t i = 0; i < bytes; i++)
		text[i] = (char)data[i];
	text[bytes] = '\0';
	return text;
}

#endif
