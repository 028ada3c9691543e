/* SPDX-License-Identifier: Apache-2.0 */
#include "adm/lun.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One more element at the end of an array, all zeros; the array moves. */
static void *append(void *array_pointer, unsigned *nr, size_t element_bytes)
{
	void **array = array_pointer;
	char *grown = reallocarray(*array, *nr + 1, element_bytes);

	if (!grown)
		return NULL;
	*array = grown;
	grown += *nr * element_bytes;
	memset(grown, 0, element_bytes);
	(*nr)++;
	return grown;
}

struct lun_adapter *lun_list_adapter(struct lun_list *list, const char *name)
{
	struct lun_adapter *adapter = append(&list->adapters, &list->nr_adapters, sizeof(*adapter));

	if (adapter)
		snprintf(adapter->name, sizeof(adapter->name), "%s", name);
	return adapter;
}

static struct lun *find_wwid(const struct lun_list *list, const uint8_t wwid[DK_WWID_LEN])
{
	for (unsigned i = 0; i < list->nr_luns; i++)
		if (!memcmp(list->luns[i].wwid, wwid, DK_WWID_LEN))
			return &list->luns[i];
	return NULL;
}

struct lun *lun_list_lun(struct lun_list *list, const uint8_t wwid[DK_WWID_LEN])
{
	struct lun *lun = find_wwid(list, wwid);

	if (lun)
		return lun;
	lun = append(&list->luns, &list->nr_luns, sizeof(*lun));
	if (lun)
		memcpy(lun->wwid, wwid, DK_WWID_LEN);
	return lun;
}

struct lun_path *lun_add_path(struct lun *lun, const char *adapter, unsigned port)
{
	struct lun_path *path = append(&lun->paths, &lun->nr_paths, sizeof(*path));

	if (!path)
		return NULL;
	snprintf(path->adapter, sizeof(path->adapter), "%s", adapter);
	path->port = port;
	return path;
}

struct lun_user *lun_add_user(struct lun *lun, pid_t pid)
{
	struct lun_user *user;

	for (unsigned i = 0; i < lun->nr_users; i++)
		if (lun->users[i].pid == pid)
			return &lun->users[i];
	user = append(&lun->users, &lun->nr_users, sizeof(*user));
	if (user)
		user->pid = pid;
	return user;
}

void lun_list_fini(struct lun_list *list)
{
	for (unsigned i = 0; i < list->nr_luns; i++) {
		free(list->luns[i].paths);
		free(list->luns[i].users);
	}
	free(list->luns);
	free(list->adapters);
	memset(list, 0, sizeof(*list));
}

unsigned lun_nr_superpipe(const struct lun *lun)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < lun->nr_paths; i++)
		nr += lun->paths[i].superpipe;
	return nr;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static const char *skip_prefix(const char *text)
{
	if (!strncasecmp(text, "naa.", 4))
		return text + 4;
	if (!strncasecmp(text, "0x", 2))
		return text + 2;
	if (*text == '3' && strlen(text) == 2 * DK_WWID_LEN + 1)
		return text + 1;
	return text;
}

int lun_wwid_parse(const char *text, uint8_t ret_wwid[DK_WWID_LEN])
{
	uint8_t wwid[DK_WWID_LEN];

	text = skip_prefix(text);
	if (strlen(text) != 2 * DK_WWID_LEN)
		return -EINVAL;
	for (unsigned i = 0; i < DK_WWID_LEN; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		wwid[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret_wwid, wwid, DK_WWID_LEN);
	return 0;
}

void lun_wwid_format(const uint8_t wwid[DK_WWID_LEN], char ret_text[LUN_WWID_TEXT_BYTES])
{
	for (unsigned i = 0; i < DK_WWID_LEN; i++)
		snprintf(ret_text + 2 * i, 3, "%02x", wwid[i]);
}

static bool has_node(const struct lun *lun, const char *node)
{
	for (unsigned i = 0; i < lun->nr_paths; i++)
		if (!strcmp(lun->paths[i].device, node) || !strcmp(lun->paths[i].generic, node))
			return true;
	return false;
}

struct lun *lun_list_find(const struct lun_list *list, const char *text)
{
	uint8_t wwid[DK_WWID_LEN];
	struct lun *found = NULL;
	char *node;

	if (!lun_wwid_parse(text, wwid))
		return find_wwid(list, wwid);
	if (*text != '/')
		return NULL;
	/* Links of /dev/disk/by-id lead to the nodes that sysfs names. */
	node = realpath(text, NULL);
	for (unsigned i = 0; i < list->nr_luns && !found; i++)
		if (has_node(&list->luns[i], node ? node : text))
			found = &list->luns[i];
	free(node);
	return found;
}

void lun_users_format(const struct lun *lun, bool attached_only, char *text, size_t bytes)
{
	size_t used = 0;

	*text = '\0';
	for (unsigned i = 0; i < lun->nr_users && used < bytes; i++) {
		const struct lun_user *user = &lun->users[i];

		if (attached_only && !user->attached)
			continue;
		used += (size_t)snprintf(text + used, bytes - used, "%s%s (pid %d)",
					 used ? ", " : "", user->command, (int)user->pid);
	}
}
