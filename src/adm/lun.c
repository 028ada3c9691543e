/* SPDX-License-Identifier: Apache-2.0 */
#include "adm/lun.h"

#include <errno.h>
#include <string.h>

#define EXIT_USAGE 2

static int usage(void)
{
	adm_say("usage: cxlfsadm lun list [--json] [--ports] [emul:DIR]\n"
		"       cxlfsadm lun enable WWID|DEVICE|all [emul:DIR]\n"
		"       cxlfsadm lun disable WWID|DEVICE|all [emul:DIR]");
	return EXIT_USAGE;
}

static int scan(const struct lun_host *host, const char *emul, struct lun_list *list)
{
	int err = emul ? lun_emul_scan(emul, list) : lun_sysfs_scan(host, list);

	return err ? err : lun_find_users(host, list);
}

static bool is_emul(const char *word)
{
	return !strncmp(word, "emul:", 5);
}

/* ---- list ---- */

static int list_command(const struct lun_host *host, int argc, char *const argv[], FILE *out)
{
	struct lun_list list = { 0 };
	const char *emul = NULL;
	bool json = false, ports = false;
	int err;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--ports"))
			ports = true;
		else if (!emul && is_emul(argv[i]))
			emul = argv[i];
		else
			return usage();
	}
	err = scan(host, emul, &list);
	if (ports && !emul)
		lun_sysfs_read_ports(host, &list);
	if (json && (!err || err == -ENODEV)) {
		if (lun_print_json(&list, out)) {
			adm_say("%s", strerror(ENOMEM));
			err = -ENOMEM;
		}
	} else if (!err) {
		lun_print_table(&list, out);
	}
	lun_list_fini(&list);
	return err ? 1 : 0;
}

/* ---- enable, disable ---- */

/*
 * The driver does not take a LUN with handles out of superpipe mode. It does take out one that is
 * only attached, and the detach then fails. So check first.
 */
static int check_not_attached(const struct lun *lun, const char *wwid)
{
	char users[512];

	lun_users_format(lun, true, users, sizeof(users));
	if (!*users)
		return 0;
	adm_say("%s: in use by %s; unmount or stop it first", wwid, users);
	return -EBUSY;
}

static int switch_path(const struct lun_host *host, const char *emul, const struct lun *lun,
		       const struct lun_path *path, bool enable)
{
	return emul ? lun_emul_manage(emul, lun, path, enable)
		    : lun_sysfs_manage(host, lun, path, enable);
}

/* Every path is tried; the first error is the result. */
static int switch_lun(const struct lun_host *host, const char *emul, const struct lun *lun,
		      bool enable, FILE *out)
{
	char wwid[LUN_WWID_TEXT_BYTES];
	unsigned nr_done = 0;
	int err, first = 0;

	lun_wwid_format(lun->wwid, wwid);
	if (!enable)
		err = check_not_attached(lun, wwid);
	else
		err = emul ? 0 : lun_sysfs_check_no_disk(lun);
	if (err)
		return err;
	for (unsigned i = 0; i < lun->nr_paths; i++) {
		if (lun->paths[i].superpipe == enable)
			continue;
		err = switch_path(host, emul, lun, &lun->paths[i], enable);
		if (!err)
			nr_done++;
		else if (!first)
			first = err;
	}
	if (first)
		adm_say("%s: %u of %u paths switched", wwid, nr_done, lun->nr_paths);
	else
		fprintf(out, "%s: %s mode on %u path%s%s\n", wwid, enable ? "superpipe" : "legacy",
			lun->nr_paths, lun->nr_paths == 1 ? "" : "s", nr_done ? "" : " already");
	return first;
}

static int switch_listed(const struct lun_host *host, const char *emul, const char *which,
			 const struct lun_list *list, bool enable, FILE *out)
{
	const struct lun *lun;
	int first = 0;

	if (strcmp(which, "all")) {
		lun = lun_list_find(list, which);
		if (lun)
			return switch_lun(host, emul, lun, enable, out);
		adm_say("%s: no LUN of a CXL Flash adapter has this WWID or device; run "
			"'cxlfsadm lun list' to see them",
			which);
		return -ENOENT;
	}
	for (unsigned i = 0; i < list->nr_luns; i++) {
		int err = switch_lun(host, emul, &list->luns[i], enable, out);

		if (err && !first)
			first = err;
	}
	return first;
}

static int switch_command(const struct lun_host *host, bool enable, int argc, char *const argv[],
			  FILE *out)
{
	struct lun_list list = { 0 };
	const char *emul = NULL;
	int err;

	if (argc < 1 || argc > 2 || is_emul(argv[0]) || (argc == 2 && !is_emul(argv[1])))
		return usage();
	if (argc == 2)
		emul = argv[1];
	err = scan(host, emul, &list);
	if (!err)
		err = switch_listed(host, emul, argv[0], &list, enable, out);
	lun_list_fini(&list);
	return err ? 1 : 0;
}

int lun_command(const struct lun_host *host, int argc, char *const argv[], FILE *out)
{
	if (argc < 1)
		return usage();
	if (!strcmp(argv[0], "list"))
		return list_command(host, argc - 1, argv + 1, out);
	if (!strcmp(argv[0], "enable") || !strcmp(argv[0], "disable"))
		return switch_command(host, argv[0][0] == 'e', argc - 1, argv + 1, out);
	return usage();
}
