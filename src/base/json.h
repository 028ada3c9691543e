/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - build JSON objects with json-c, and check once at the end whether memory ran out.
 *
 * Each function accepts NULL for the object, the array or the value, and then notes the failure. So
 * a caller need not check the result of json_object_new_...().
 */
#ifndef CXLFS_BASE_JSON_H
#define CXLFS_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/** State while objects are built. All zeros is ready for use. */
struct json_maker {
	bool failed; /* memory ran out: the objects are not complete */
};

/** json_put() - set a member; takes ownership of @value */
void json_put(struct json_maker *maker, struct json_object *object, const char *key,
	      struct json_object *value);

/** json_append() - add an element to an array; takes ownership of @value */
void json_append(struct json_maker *maker, struct json_object *array, struct json_object *value);

/** json_put_object() / json_put_array() - set a member to a new, empty one.
 *  Return: it, owned by @object; NULL: memory ran out. */
struct json_object *json_put_object(struct json_maker *maker, struct json_object *object,
				    const char *key);
struct json_object *json_put_array(struct json_maker *maker, struct json_object *object,
				   const char *key);

/** json_append_object() - add a new, empty object. Return: as json_put_object(). */
struct json_object *json_append_object(struct json_maker *maker, struct json_object *array);

void json_put_number(struct json_maker *maker, struct json_object *object, const char *key,
		     uint64_t value);
void json_put_bool(struct json_maker *maker, struct json_object *object, const char *key,
		   bool value);
/** json_put_text() - @text must not be NULL; bytes that are not UTF-8 become '?' */
void json_put_text(struct json_maker *maker, struct json_object *object, const char *key,
		   const char *text);

/* ---- reading ---- */

/** json_get() - return the value at a path of keys such as "space.chunks"; NULL if a key is missing
 */
struct json_object *json_get(struct json_object *object, const char *path);

/** json_get_number() - return the number at @path; 0 if it is missing or no number */
uint64_t json_get_number(struct json_object *object, const char *path);

/** json_get_text() - return the string at @path; "" if it is missing. Valid as long as @object. */
const char *json_get_text(struct json_object *object, const char *path);

#endif
