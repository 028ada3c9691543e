/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the processes that use a LUN. The driver does not report them, so this searches /proc for
 * open descriptors of the LUN's device nodes. An attached process also has a descriptor of the cxl
 * driver (fd2) open.
 */
#include "adm/lun.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lun *lun_of_node(const struct lun_list *list, const char *node)
{
	for (unsigned i = 0; i < list->nr_luns; i++)
		for (unsigned j = 0; j < list->luns[i].nr_paths; j++) {
			const struct lun_path *path = &list->luns[i].paths[j];

			if (!strcmp(path->device, node) || !strcmp(path->generic, node))
				return &list->luns[i];
		}
	return NULL;
}

/* The cxl driver names the file behind fd2 after its process element: "cxl:5". */
static bool is_adap_fd(const char *target)
{
	const char *name = strrchr(target, '/');

	name = name ? name + 1 : target;
	return !strncmp(name, "cxl:", 4) && isdigit((unsigned char)name[4]);
}

static void read_command(const struct lun_host *host, struct lun_user *user)
{
	char path[PATH_MAX];
	FILE *file;

	strcpy(user->command, "?");
	snprintf(path, sizeof(path), "%s/%d/comm", host->proc, (int)user->pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(user->command, sizeof(user->command), file))
		user->command[strcspn(user->command, "\n")] = '\0';
	fclose(file);
}

static bool read_target(const char *directory, const char *name, char target[PATH_MAX])
{
	char path[PATH_MAX];
	ssize_t length;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return false;
	length = readlink(path, target, PATH_MAX - 1);
	target[length < 0 ? 0 : length] = '\0';
	return length > 0;
}

static void mark_attached(struct lun_list *list, pid_t pid)
{
	for (unsigned i = 0; i < list->nr_luns; i++)
		for (unsigned j = 0; j < list->luns[i].nr_users; j++)
			if (list->luns[i].users[j].pid == pid)
				list->luns[i].users[j].attached = true;
}

static int scan_process(const struct lun_host *host, struct lun_list *list, pid_t pid)
{
	char directory[PATH_MAX], target[PATH_MAX];
	bool attached = false;
	struct dirent *entry;
	int err = 0;
	DIR *dir;

	snprintf(directory, sizeof(directory), "%s/%d/fd", host->proc, (int)pid);
	dir = opendir(directory);
	if (!dir)
		return 0; /* it has ended or belongs to another user */
	while (!err && (entry = readdir(dir))) {
		struct lun *lun;

		if (!read_target(directory, entry->d_name, target))
			continue;
		attached |= is_adap_fd(target);
		lun = lun_of_node(list, target);
		if (lun && !lun_add_user(lun, pid))
			err = -ENOMEM;
	}
	closedir(dir);
	if (attached)
		mark_attached(list, pid);
	return err;
}

static void read_commands(const struct lun_host *host, struct lun_list *list)
{
	for (unsigned i = 0; i < list->nr_luns; i++)
		for (unsigned j = 0; j < list->luns[i].nr_users; j++)
			read_command(host, &list->luns[i].users[j]);
}

int lun_find_users(const struct lun_host *host, struct lun_list *list)
{
	DIR *dir = opendir(host->proc);
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return 0;
	while (!err && (entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != getpid())
			err = scan_process(host, list, pid);
	}
	closedir(dir);
	read_commands(host, list);
	if (err)
		adm_say("%s", strerror(-err));
	return err;
}
