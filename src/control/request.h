/* SPDX-License-Identifier: Apache-2.0 */
/* request - turns a line into a request and its result into a line. No I/O, no threads. */
#ifndef CXLFS_CONTROL_REQUEST_H
#define CXLFS_CONTROL_REQUEST_H

#include "control/server.h"

/**
 * control_request_parse() - read a request and find its command
 * @line: @bytes bytes without a newline; hostile
 * Always call control_request_finish() afterwards.
 * Return: the command; NULL: the request is wrong, and its answer says why.
 */
const struct control_command *control_request_parse(struct control_request *request,
						    const char *line, size_t bytes,
						    const struct control_command *commands);

/**
 * control_request_finish() - make the answer and free the request
 * @err: what the command returned
 * Return: a line with its newline, for free(); NULL: out of memory.
 */
char *control_request_finish(struct control_request *request, int err);

#endif
