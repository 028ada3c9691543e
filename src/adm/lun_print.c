/* SPDX-License-Identifier: Apache-2.0 */
#include "adm/lun.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/json.h"

/* ---- words ---- */

static const char *mode_name(const struct lun *lun)
{
	unsigned nr = lun_nr_superpipe(lun);

	if (!nr)
		return "legacy";
	return nr == lun->nr_paths ? "superpipe" : "mixed";
}

static void format_bytes(uint64_t bytes, char *text, size_t text_bytes)
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	unsigned unit = 0;

	for (; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	snprintf(text, text_bytes, "%.*f%c", value < 10 && unit && value != (uint64_t)value, value,
		 units[unit]);
}

static void append(char *text, size_t bytes, const char *format, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + used, bytes - used, format, ap);
	va_end(ap);
}

static void format_ports(const struct lun *lun, char *text, size_t bytes)
{
	*text = '\0';
	for (unsigned i = 0; i < lun->nr_paths; i++) {
		bool again = false;

		for (unsigned j = 0; j < i; j++)
			again |= lun->paths[j].port == lun->paths[i].port;
		if (!again)
			append(text, bytes, "%s%u", *text ? "," : "", lun->paths[i].port);
	}
}

static const char *short_name(const char *node)
{
	const char *slash = strrchr(node, '/');

	return slash ? slash + 1 : node;
}

/* "host0 sda,sdc host1 sde*", a star where the path is not in the mode of the others. */
static void format_paths(const struct lun *lun, char *text, size_t bytes)
{
	bool mixed = lun_nr_superpipe(lun) && lun_nr_superpipe(lun) < lun->nr_paths;
	const char *adapter = "";

	*text = '\0';
	for (unsigned i = 0; i < lun->nr_paths; i++) {
		const struct lun_path *path = &lun->paths[i];

		if (strcmp(adapter, path->adapter)) {
			append(text, bytes, "%s%s ", *text ? " " : "", path->adapter);
			adapter = path->adapter;
		} else {
			append(text, bytes, path->device[0] == '/' ? "," : " ");
		}
		append(text, bytes, "%s%s", *path->device ? short_name(path->device) : "?",
		       mixed && path->superpipe ? "*" : "");
	}
}

/* ---- table ---- */

static void print_adapter(const struct lun_adapter *adapter, FILE *out)
{
	fprintf(out, "%s", adapter->name);
	if (*adapter->address)
		fprintf(out, " (%s)", adapter->address);
	for (unsigned port = 0; port < adapter->nr_ports; port++)
		fprintf(out, "%s port %u %s", port ? "," : ":", port, adapter->port_state[port]);
	fputc('\n', out);
}

static void print_lun(const struct lun *lun, int paths_width, FILE *out)
{
	char wwid[LUN_WWID_TEXT_BYTES], size[32], ports[32], users[512], paths[512];

	lun_wwid_format(lun->wwid, wwid);
	format_bytes(lun->bytes, size, sizeof(size));
	format_ports(lun, ports, sizeof(ports));
	lun_users_format(lun, false, users, sizeof(users));
	format_paths(lun, paths, sizeof(paths));
	fprintf(out, "%s %6s %5u %-9s %-8s %-7s %-*s %s\n", wwid, size, lun->block_bytes,
		mode_name(lun), lun->use ? lun->use : "-", ports, paths_width, paths,
		*users ? users : "-");
}

static int width_of_paths(const struct lun_list *list)
{
	int width = (int)strlen("PATHS");
	char paths[512];

	for (unsigned i = 0; i < list->nr_luns; i++) {
		format_paths(&list->luns[i], paths, sizeof(paths));
		if ((int)strlen(paths) > width)
			width = (int)strlen(paths);
	}
	return width;
}

void lun_print_table(const struct lun_list *list, FILE *out)
{
	int width = width_of_paths(list);

	for (unsigned i = 0; i < list->nr_adapters; i++)
		print_adapter(&list->adapters[i], out);
	if (!list->nr_luns) {
		fputs("no LUNs\n", out);
		return;
	}
	fprintf(out, "%-32s %6s %5s %-9s %-8s %-7s %-*s %s\n", "WWID", "SIZE", "BLOCK", "MODE",
		"USE", "PORTS", width, "PATHS", "USERS");
	for (unsigned i = 0; i < list->nr_luns; i++)
		print_lun(&list->luns[i], width, out);
}

/* ---- JSON ---- */

/* Leaves out what is not known. */
static void put_known(struct json_maker *m, struct json_object *object, const char *key,
		      const char *text)
{
	if (text && *text)
		json_put_text(m, object, key, text);
}

static void json_adapter(struct json_maker *m, struct json_object *array,
			 const struct lun_adapter *adapter)
{
	struct json_object *object = json_append_object(m, array), *ports;

	put_known(m, object, "name", adapter->name);
	put_known(m, object, "address", adapter->address);
	ports = json_put_array(m, object, "ports");
	for (unsigned port = 0; port < adapter->nr_ports; port++)
		json_append(m, ports, json_object_new_string(adapter->port_state[port]));
}

static void json_path(struct json_maker *m, struct json_object *array, const struct lun_path *path)
{
	struct json_object *object = json_append_object(m, array);

	put_known(m, object, "adapter", path->adapter);
	json_put_number(m, object, "port", path->port);
	put_known(m, object, "device", path->device);
	put_known(m, object, "generic", path->generic);
	json_put_text(m, object, "mode", path->superpipe ? "superpipe" : "legacy");
}

static void json_user(struct json_maker *m, struct json_object *array, const struct lun_user *user)
{
	struct json_object *object = json_append_object(m, array);

	json_put_number(m, object, "pid", (uint64_t)user->pid);
	put_known(m, object, "command", user->command);
	json_put_bool(m, object, "attached", user->attached);
}

static void json_lun(struct json_maker *m, struct json_object *array, const struct lun *lun)
{
	struct json_object *object = json_append_object(m, array), *paths, *users;
	char wwid[LUN_WWID_TEXT_BYTES];

	lun_wwid_format(lun->wwid, wwid);
	json_put_text(m, object, "wwid", wwid);
	json_put_number(m, object, "bytes", lun->bytes);
	json_put_number(m, object, "block_bytes", lun->block_bytes);
	json_put_text(m, object, "mode", mode_name(lun));
	put_known(m, object, "use", lun->use);
	paths = json_put_array(m, object, "paths");
	for (unsigned i = 0; i < lun->nr_paths; i++)
		json_path(m, paths, &lun->paths[i]);
	users = json_put_array(m, object, "users");
	for (unsigned i = 0; i < lun->nr_users; i++)
		json_user(m, users, &lun->users[i]);
}

int lun_print_json(const struct lun_list *list, FILE *out)
{
	struct json_object *root = json_object_new_object(), *adapters, *luns;
	struct json_maker m = { 0 };
	const char *text = NULL;

	adapters = json_put_array(&m, root, "adapters");
	luns = json_put_array(&m, root, "luns");
	for (unsigned i = 0; i < list->nr_adapters; i++)
		json_adapter(&m, adapters, &list->adapters[i]);
	for (unsigned i = 0; i < list->nr_luns; i++)
		json_lun(&m, luns, &list->luns[i]);
	if (!m.failed)
		text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_SPACED |
								    JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(root);
	return text ? 0 : -ENOMEM;
}
