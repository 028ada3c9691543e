/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume - asks the daemons of mounted volumes, over their control sockets.
 *
 * Functions that fail have printed a message with adm_say().
 */
#ifndef CXLFS_ADM_VOLUME_H
#define CXLFS_ADM_VOLUME_H

#include <stdio.h>

#include "base/json.h"

/** The daemon answers at once, unless the command is slow. */
#define ADM_VOLUME_TIMEOUT_MS 5000

/** volume_request() - make a request without arguments. Return: for json_object_put(); never NULL.
 */
struct json_object *volume_request(const char *command);

/**
 * volume_ask() - ask the daemon of the volume that @path lies on
 * @path: the mountpoint, or any file below it
 * @request: freed
 * @timeout_ms: -1: any time
 * Return: the answer, for json_object_put(); NULL after a message, also if the daemon refuses.
 */
struct json_object *volume_ask(const char *path, struct json_object *request, int timeout_ms);

/**
 * volume_start() - send a request for a slow command
 * @fd: a descriptor to pass; -1: none
 * Return: for volume_finish(); -1 after a message.
 */
int volume_start(const char *path, struct json_object *request, int fd);

/** volume_finish() - wait for the answer. Return: as volume_ask(). */
struct json_object *volume_finish(const char *path, int connection);

/**
 * volume_ask_all() - ask the daemon of each mounted volume that this user may ask
 * @request: freed
 * @ret_failed: true: some did not answer, after a message for each
 * Return: an array of answers, without those of daemons that have ended.
 */
struct json_object *volume_ask_all(struct json_object *request, bool *ret_failed);

/** volume_print_json() - print it over several lines. Return: an exit status. */
int volume_print_json(struct json_object *object, FILE *out);

/** volume_print_text() - print a string, with control characters as '?' */
void volume_print_text(FILE *out, const char *text);

/** volume_count_below() - return how many of the latencies in a histogram of an answer are below
 * @ns, which must be the end of a bucket */
uint64_t volume_count_below(struct json_object *latency, uint64_t ns);

/** volume_format_bytes() - as "256M" */
void volume_format_bytes(uint64_t bytes, char *text, size_t text_bytes);

#endif
