/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain - pass a sentence that says why a call failed up to the caller that prints it.
 */
#ifndef CXLFS_BASE_EXPLAIN_H
#define CXLFS_BASE_EXPLAIN_H

/** Receives one sentence without a newline; @text is valid during the call. */
typedef void (*explain_fn)(void *arg, const char *text);

struct explainer {
	explain_fn explain; /* NULL: no message is wanted */
	void *arg;
};

/**
 * explain_error() - format a sentence and pass it on
 * Return: @err, so that a caller can write "return explain_error(to, -EINVAL, ...)".
 */
int explain_error(const struct explainer *to, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
