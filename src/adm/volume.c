/* SPDX-License-Identifier: Apache-2.0 */
#include "adm/volume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adm/adm.h"
#include "control/client.h"
#include "control/path.h"
#include "control/server.h"

/* After a daemon has died, the socket gives no answer until the next daemon serves. */
#define TAKEOVER_MS 1000
#define TRY_MS      20

static void __attribute__((noreturn)) out_of_memory(void)
{
	adm_say("out of memory");
	exit(ADM_FAILED);
}

struct json_object *volume_request(const char *command)
{
	struct json_object *request = json_object_new_object();
	struct json_maker maker = { 0 };

	json_put_number(&maker, request, "version", CONTROL_VERSION);
	json_put_text(&maker, request, "command", command);
	if (maker.failed)
		out_of_memory();
	return request;
}

/* Return: the answer; NULL after a message. */
static struct json_object *check_answer(const char *path, struct json_object *answer)
{
	if (!json_get(answer, "error"))
		return answer;
	adm_say("%s: %s", path, json_get_text(answer, "error"));
	json_object_put(answer);
	return NULL;
}

static void say_failure(const char *path, int err)
{
	if (err == -ENXIO)
		adm_say("%s: no cxlfs volume with a control socket for this user is mounted there",
			path);
	else if (err == -ECONNREFUSED)
		adm_say("%s: the daemon has ended; mount the volume again", path);
	else if (err == -ETIMEDOUT)
		adm_say("%s: the daemon does not answer", path);
	else
		adm_say("%s: %s", path, strerror(-err));
}

static bool goes_on(int err, unsigned *tries)
{
	const struct timespec pause = { .tv_nsec = TRY_MS * 1000000 };

	if ((err != -ECONNREFUSED && err != -ENOENT) || ++*tries > TAKEOVER_MS / TRY_MS)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

struct json_object *volume_ask(const char *path, struct json_object *request, int timeout_ms)
{
	struct json_object *answer = NULL;
	char device[32], socket[CONTROL_PATH_BYTES];
	unsigned tries = 0;
	int err = control_client_device(path, device);

	if (!err)
		err = control_path_find(device, socket);
	if (!err) {
		do
			err = control_client_ask(socket, request, timeout_ms, &answer);
		while (goes_on(err, &tries));
	}
	json_object_put(request);
	if (err)
		say_failure(path, err);
	return err ? NULL : check_answer(path, answer);
}

int volume_start(const char *path, struct json_object *request, int fd)
{
	char device[32], socket[CONTROL_PATH_BYTES];
	unsigned tries = 0;
	int err = control_client_device(path, device), connection = -1;

	if (!err)
		err = control_path_find(device, socket);
	if (!err) {
		do
			connection = control_client_send(socket, request, fd);
		while (goes_on(connection, &tries));
	}
	json_object_put(request);
	if (err || connection < 0) {
		say_failure(path, err ? err : connection);
		return -1;
	}
	return connection;
}

struct json_object *volume_finish(const char *path, int connection)
{
	struct json_object *answer = NULL;
	int err = control_client_receive(connection, -1, &answer);

	if (err)
		say_failure(path, err);
	return err ? NULL : check_answer(path, answer);
}

/* ---- all volumes ---- */

struct all {
	struct json_object *request, *answers;
	bool failed;
};

/* A daemon that was killed leaves its socket behind; one that ends closes it. */
static int ask_one(void *arg, const char *path)
{
	struct all *all = arg;
	struct json_object *answer = NULL;
	int err = control_client_ask(path, all->request, ADM_VOLUME_TIMEOUT_MS, &answer);

	if (err == -ECONNREFUSED || err == -ENOENT || err == -ECONNRESET)
		return 0;
	if (err)
		say_failure(path, err);
	else
		answer = check_answer(path, answer);
	if (answer)
		(void)json_object_array_add(all->answers, answer);
	all->failed |= !answer;
	return 0;
}

struct json_object *volume_ask_all(struct json_object *request, bool *ret_failed)
{
	struct all all = { .request = request, .answers = json_object_new_array() };

	if (!all.answers)
		out_of_memory();
	(void)control_path_each(ask_one, &all);
	json_object_put(request);
	*ret_failed = all.failed;
	return all.answers;
}

uint64_t volume_count_below(struct json_object *latency, uint64_t ns)
{
	struct json_object *buckets = json_get(latency, "buckets");
	uint64_t count = 0;

	for (size_t i = 0; i < json_object_array_length(buckets); i++) {
		struct json_object *bucket = json_object_array_get_idx(buckets, i);
		uint64_t end_ns = json_object_get_uint64(json_object_array_get_idx(bucket, 0));

		if (end_ns && end_ns <= ns)
			count += json_object_get_uint64(json_object_array_get_idx(bucket, 1));
	}
	return count;
}

/* ---- printing ---- */

int volume_print_json(struct json_object *object, FILE *out)
{
	const char *text = json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text) {
		adm_say("out of memory");
		return ADM_FAILED;
	}
	fprintf(out, "%s\n", text);
	return ADM_OK;
}

void volume_print_text(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

void volume_format_bytes(uint64_t bytes, char *text, size_t text_bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	snprintf(text, text_bytes, "%.*f%c", value < 10 && unit && value != (uint64_t)value, value,
		 units[unit]);
}
