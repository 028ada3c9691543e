/* SPDX-License-Identifier: Apache-2.0 */
/* client - sends a request to a control socket and waits for the answer. */
#ifndef CXLFS_CONTROL_CLIENT_H
#define CXLFS_CONTROL_CLIENT_H

#include "base/json.h"

#define CONTROL_ANSWER_BYTES (16u << 20) /* the largest answer that is accepted */

/**
 * control_client_device() - return the device number of the mount that @path lies on
 * Sends no request to the mount, so it works if the daemon hangs or if this user may not enter.
 * Return: 0; -errno of statx(2).
 */
int control_client_device(const char *path, char ret_device[32]);

/**
 * control_client_send() - send a request
 * @path: of the socket
 * @request: a JSON object; borrowed
 * @fd: a descriptor to pass with it, which the caller still closes; -1: none
 * Return: the connection, for control_client_receive(); -ECONNREFUSED no daemon is behind the
 * socket; -errno.
 */
int control_client_send(const char *path, struct json_object *request, int fd);

/**
 * control_client_receive() - wait for the answer, and close @connection
 * Return: as control_client_ask().
 */
int control_client_receive(int connection, int timeout_ms, struct json_object **ret_answer);

/**
 * control_client_ask() - send a request and wait for its answer
 * @path: of the socket
 * @request: a JSON object; borrowed
 * @timeout_ms: how long the daemon may take; -1: any time
 * @ret_answer: for json_object_put(); it may hold an "error"
 * Return: 0; -ECONNREFUSED no daemon is behind the socket; -ETIMEDOUT; -EPROTO the answer is not
 * JSON, or too long; -ECONNRESET; -errno.
 */
int control_client_ask(const char *path, struct json_object *request, int timeout_ms,
		       struct json_object **ret_answer);

#endif
