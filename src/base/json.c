/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

void json_put(struct json_maker *maker, struct json_object *object, const char *key,
	      struct json_object *value)
{
	if (object && value && !json_object_object_add(object, key, value))
		return;
	json_object_put(value);
	maker->failed = true;
}

void json_append(struct json_maker *maker, struct json_object *array, struct json_object *value)
{
	if (array && value && !json_object_array_add(array, value))
		return;
	json_object_put(value);
	maker->failed = true;
}

struct json_object *json_put_object(struct json_maker *maker, struct json_object *object,
				    const char *key)
{
	struct json_object *value = json_object_new_object();

	json_put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

struct json_object *json_put_array(struct json_maker *maker, struct json_object *object,
				   const char *key)
{
	struct json_object *value = json_object_new_array();

	json_put(maker, object, key, value);
	return maker->failed ? NULL : value;
}

struct json_object *json_append_object(struct json_maker *maker, struct json_object *array)
{
	struct json_object *value = json_object_new_object();

	json_append(maker, array, value);
	return maker->failed ? NULL : value;
}

void json_put_number(struct json_maker *maker, struct json_object *object, const char *key,
		     uint64_t value)
{
	json_put(maker, object, key, json_object_new_uint64(value));
}

void json_put_bool(struct json_maker *maker, struct json_object *object, const char *key,
		   bool value)
{
	json_put(maker, object, key, json_object_new_boolean(value));
}

/* ---- UTF-8 ---- */

/* How many bytes the character at @text has; 0: it is not valid UTF-8. */
static unsigned utf8_length(const unsigned char *text)
{
	static const unsigned least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned length = text[0] < 0x80   ? 1
			  : text[0] < 0xc2 ? 0
			  : text[0] < 0xe0 ? 2
			  : text[0] < 0xf0 ? 3
			  : text[0] < 0xf5 ? 4
					   : 0;
	unsigned code = length > 1 ? text[0] & (0x7fu >> length) : text[0];

	for (unsigned i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

/* A path may hold any bytes, but JSON must be UTF-8. */
static void replace_invalid(char *text)
{
	while (*text) {
		unsigned length = utf8_length((const unsigned char *)text);

		if (!length)
			*text = '?';
		text += length ? length : 1;
	}
}

void json_put_text(struct json_maker *maker, struct json_object *object, const char *key,
		   const char *text)
{
	char *valid = strdup(text);

	if (valid)
		replace_invalid(valid);
	json_put(maker, object, key, valid ? json_object_new_string(valid) : NULL);
	free(valid);
}

/* ---- reading ---- */

struct json_object *json_get(struct json_object *object, const char *path)
{
	char key[64];

	while (object && *path) {
		size_t length = strcspn(path, ".");

		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		if (!json_object_is_type(object, json_type_object) ||
		    !json_object_object_get_ex(object, key, &object))
			return NULL;
		path += length;
		path += *path == '.';
	}
	return object;
}

uint64_t json_get_number(struct json_object *object, const char *path)
{
	struct json_object *value = json_get(object, path);

	return json_object_is_type(value, json_type_int) ? json_object_get_uint64(value) : 0;
}

const char *json_get_text(struct json_object *object, const char *path)
{
	struct json_object *value = json_get(object, path);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}
